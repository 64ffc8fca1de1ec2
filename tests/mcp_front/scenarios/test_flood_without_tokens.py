"""Two clients without tokens: one floods the front, and the other is answered all that it asks."""

import asyncio

import pytest

from benchmarks import flood as flooding
from benchmarks.fairness import Times, live
from bridge.bus.server.request import RequestContext
from mcp_front.admission import fair_queueing
from mcp_front.admission.fair_queueing import COUNTED
from tests.stacks.front import answering, serving, worker
from tests.stacks.handlers import filling

CONNECTIONS, WAITING = 60, 8


@pytest.mark.parametrize("kind", ["positions", "saturating"])
async def test_a_named_client_is_never_paced_beside_a_flood(
    redis_url: str, session: str, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(flooding, "CONNECTIONS", CONNECTIONS)
    monkeypatch.setattr(fair_queueing, "WAITING", WAITING * COUNTED)
    sent: list[RequestContext] = []
    handlers = {"get_positions": answering([]), "place_order": filling(sent)}
    times = Times()
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        port = int(front.url.rpartition(":")[2])
        flood = asyncio.create_task(flooding.flood(port, "", kind))
        await asyncio.sleep(0.5)
        await live(port, "", 1.5, times)
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)

    assert times.refused == 0
    assert len(times.reads) > 5
    assert sent
    assert "'paced'" in capsys.readouterr().out  # the flood was held to its bound
