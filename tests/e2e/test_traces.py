"""One call's trace over the whole stack: MCP call, bus, handler, request to TWS."""

from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from mcp_front.__main__ import tracing
from mcp_front.settings import FrontSettings
from tests.stacks.front import serving
from tests.stacks.handlers import ORDER
from tests.stacks.worker import caller, worker

pytest.importorskip("opentelemetry.sdk.trace", reason="make traces-check installs it")

from tests.stacks.otlp import ReceivedSpan, receiving  # where its protocol is installed

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def chain(spans: list[ReceivedSpan], last: str) -> list[tuple[str, str]]:
    """Return service and name of the span, and of each above it, the first first."""
    by_id = {each.span_id: each for each in spans}
    found: list[ReceivedSpan] = [next(each for each in spans if each.name == last)]
    while found[0].parent_id in by_id:
        found.insert(0, by_id[found[0].parent_id])
    assert found[0].parent_id == PARENT.split("-")[2]
    return [(each.service, each.name) for each in found]


async def test_a_clients_trace_goes_on_to_tws(redis_url: str, session: str) -> None:
    async with receiving() as receiver:
        endpoint: dict[str, Any] = {"otel_exporter_otlp_endpoint": receiver.endpoint}
        settings = FrontSettings.model_validate({"redis_url": redis_url, "ibkr_session": session} | endpoint)
        async with (
            Simulator() as sim,
            worker(redis_url, session, sim.port, **endpoint),
            serving(redis_url, session) as front,
            caller(redis_url, session) as other,
        ):
            await other.writable()
            async with tracing(front.front, settings):
                client = front.raw(traceparent=PARENT)
                await client.call("ibkr_get_contract_details", symbol="AAPL")
                await client.call("ibkr_place_order", **ORDER)

    spans = [each for each in receiver.spans if each.trace_id == PARENT.split("-")[1]]
    assert chain(spans, "TWS order") == [
        ("ibkr-front", "tools/call ibkr_place_order"),
        ("ibkr-front", "bus place_order"),
        ("ibkr-worker", "place_order"),
        ("ibkr-worker", "TWS order"),
    ]
    assert chain(spans, "get_contract_details")[-1] == ("ibkr-worker", "get_contract_details")
    assert "TWS request" in {each.name for each in spans}
    assert {each.attributes["outcome"] for each in spans if "outcome" in each.attributes} == {"ok"}
