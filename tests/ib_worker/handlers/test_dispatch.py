"""From a request on the bus to its handler: what is no request, and what the session is not ready for."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from bridge.bus.client.client import BusClient
from bridge.tool import OPERATIONS, ToolError
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.bus import CALLER
from tests.stacks.worker import caller, frames, order, trading, worker


@pytest.mark.fault(33)
async def test_what_is_not_known_is_not_shown(redis_url: str, session: str) -> None:
    config = SimulatorConfig(faults="swallow execDetailsEnd")
    async with Simulator(config) as sim, worker(redis_url, session, sim.port), caller(redis_url, session) as front:
        await front.reaches("syncing")

        for operation in ("get_positions", "get_open_orders", "get_executions", "get_account_summary", "get_pnl"):
            assert (await front.refused(operation)).code == "not_ready"


@pytest.mark.fault(31)
async def test_a_read_only_gateway_shows_positions_and_no_orders(redis_url: str, session: str) -> None:
    faults = "read-only on\non reqOpenOrders each answer 321 The API interface is currently in Read-Only mode."
    async with Simulator(SimulatorConfig(faults=faults)) as sim, trading(redis_url, session, sim) as front:
        assert await front.ask("get_positions")
        assert (await front.refused("get_open_orders")).code == "read_only"


async def test_arguments_that_are_none_are_named(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await _raw(front.bus_client, "get_historical_data", '{"symbol":"SPY","limitPrice":5}')

        assert error.code == "invalid_arguments"
        assert error.details["faults"][0]["field"] == "limitPrice"


async def test_an_operation_of_a_newer_front_is_refused(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await _raw(front.bus_client, "get_something_new", "{}")

        assert "no operation get_something_new" in error.message


@dataclass
class Raw:
    """Arguments that no front of this release would send."""

    json: str

    def model_dump_json(self, **_: Any) -> str:
        return self.json


async def _raw(bus_client: BusClient, operation: str, arguments: str) -> ToolError:
    declared = replace(OPERATIONS["get_positions"], name=operation)
    try:
        answer = await bus_client.ask(declared, Raw(arguments), CALLER)  # type: ignore[arg-type]
    except ToolError as error:
        return error
    raise AssertionError(f"answered: {answer!r}")


KEY = "a-key-of-the-caller"
BRACKET = {
    "symbol": "NVDA", "action": "BUY", "totalQuantity": 3, "lmtPrice": 100, "takeProfitPrice": 200, "stopLossPrice": 90,
}  # fmt: skip
PLACINGS: list[tuple[str, dict[str, Any]]] = [("place_order", order()), ("place_bracket_order", BRACKET)]


@pytest.mark.trial("B14")
@pytest.mark.parametrize(("tool", "arguments"), PLACINGS)
@pytest.mark.parametrize("fault", ["reset", "close"])
async def test_a_link_that_breaks_during_the_look_up_means_certainly_not_executed(
    redis_url: str, session: str, sim: Simulator, tool: str, arguments: dict[str, Any], fault: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault(f"on reqContractDetails {fault}")
        error = await front.refused_order(tool, key=KEY, **arguments)

        assert error.code == "not_executed"
        assert "before anything was sent" in error.message
        assert "Retry with the same key." in error.message
        assert error.details["key"] == KEY
        assert frames(sim) == 0


@pytest.mark.trial("B14")
async def test_a_key_whose_call_was_interrupted_places_once_when_it_comes_again(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("on reqContractDetails reset")
        error = await front.refused_order(key=KEY, **order())
        await front.reaches("ready")
        placed = await front.submit("place_order", KEY, **order())

        assert error.code == "not_executed"
        assert placed["status"] == "Filled"
        assert frames(sim) == 1


@pytest.mark.trial("B14")
async def test_a_preview_that_is_interrupted_says_that_it_places_nothing(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("on reqContractDetails reset")
        error = await front.refused("preview_order", **order())

    assert error.code == "retry"
    assert "places no order" in error.message


@pytest.mark.trial("B14")
async def test_a_link_that_breaks_while_a_quote_is_awaited_means_certainly_not_executed(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("on reqMktData reset")
        error = await front.refused_order(key=KEY, **order())

        assert error.code == "not_executed"
        assert frames(sim) == 0
