"""The front's start and its stop."""

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from starlette.applications import Starlette

from bridge.bus.server.request import RequestContext
from mcp_front.admission.intake import Intake
from mcp_front.http.server import DrainingServer, http_config
from mcp_front.timing import USUAL, FrontTiming
from tests.stacks.front import answering, serving, worker
from tests.stacks.handlers import PNL
from tests.waiting import until


async def test_calls_that_wait_at_the_door_are_answered_before_the_front_stops(redis_url: str, session: str) -> None:
    cut = FrontTiming(cut_s=0)  # what is open after draining is cut at once
    pace: dict[str, Any] = {"front_calls_per_s": 5, "front_burst": 1, "timing": cut}
    async with worker(redis_url, session, {"get_pnl": answering(PNL)}), serving(redis_url, session, **pace) as front:
        calls = [asyncio.create_task(front.raw().call("ibkr_get_pnl")) for _ in range(6)]
        await until(lambda: front.front.calls.running + sum(map(asyncio.Task.done, calls)) == 6, "all have come")
        front.server.drain()
        answers = await asyncio.gather(*calls)

    assert [answer.get("isError", False) for answer in answers] == [False] * 6


async def test_a_request_that_waits_for_its_turn_is_answered_before_the_front_stops(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, held = asyncio.Event(), list[Callable[[], None]]()

    async def slow(_: RequestContext) -> bytes:
        asked.set()
        await asyncio.sleep(0.5)
        return json.dumps(PNL).encode()

    monkeypatch.setattr(Intake, "may_begin", lambda _: False)
    monkeypatch.setattr(Intake, "add", lambda *call: held.append(call[-1]))
    timing = FrontTiming(drain_s=0.1, cut_s=0)
    async with worker(redis_url, session, {"get_pnl": slow}), serving(redis_url, session, timing=timing) as front:
        call = asyncio.create_task(front.raw().call("ibkr_get_pnl"))
        await until(lambda: held, "the request waits for its turn")
        front.server.drain()
        await asyncio.sleep(5 * timing.drain_s)
        held[0]()
        answer = await call

    assert (asked.is_set(), answer.get("isError", False)) == (True, False)


async def test_an_idle_front_still_serves_who_reads_a_last_answer(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {"get_pnl": answering(PNL)}), serving(redis_url, session) as front:
        front.server.drain()
        await asyncio.sleep(USUAL.drain_s / 2)
        answer = await front.raw().call("ibkr_get_pnl")

    assert not answer.get("isError", False)


@pytest.mark.parametrize("taken", [True, False])
async def test_serving_is_told_once_the_port_is_bound(taken: bool) -> None:
    told: list[str] = []
    no_calls: Any = None
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        config = http_config(Starlette(), "127.0.0.1", other.getsockname()[1] if taken else 0)
        server = DrainingServer(config, no_calls, asyncio.Event(), 0)
        server.on_serving = lambda: told.append("bound" if server.servers else "before")
        server.should_exit = True
        with suppress(SystemExit):
            await server.serve()

    assert told == ([] if taken else ["bound"])


def test_clients_and_load_balancers_give_up_an_idle_connection_before_the_front_does() -> None:
    """A request that meets the close is lost, and its client cannot tell whether it was taken."""
    config = http_config(Starlette(), "127.0.0.1", 0)

    assert config.timeout_keep_alive > 60
