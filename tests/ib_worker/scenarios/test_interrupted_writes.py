"""An interruption of a write before its frame is told as what it is: certainly not executed."""

from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import frames, order, trading

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
