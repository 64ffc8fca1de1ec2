"""Reads over the whole path but the front: bus, dispatch, session, wire, simulator and back."""

import asyncio

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import trading
from tests.waiting import until

SPY = 756733


async def test_a_request_that_is_never_answered_is_given_up_upstream(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on reqHistoricalData each ignore")
    async with trading(redis_url, session, sim) as front:
        asking = asyncio.create_task(front.ask("get_historical_data", symbol="SPY"))
        await until(lambda: sim.journal.entries("in", 20), "the request is under way")

        sim.fault("reset")

        error = (await asyncio.gather(asking, return_exceptions=True))[0]
        assert getattr(error, "code", None) == "retry"


async def test_a_late_answer_does_not_get_mixed_up(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("delay execDetailsEnd 0.3 1")
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", symbol="AAPL", action="BUY", totalQuantity=1)

        assert len(await front.ask("get_executions")) == 1


@pytest.mark.fault(85)
async def test_an_orders_lookups_do_not_wait_behind_reads(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        symbols = [f"NOSUCH{number}" for number in range(150)]
        reads = [asyncio.create_task(front.refused("get_contract_details", symbol=symbol)) for symbol in symbols]
        await until(lambda: len(sim.journal.entries("in", 9)) > 5, "the reads are on their way")

        await front.submit("place_order", symbol="AAPL", action="BUY", totalQuantity=1)

        waiting = len(symbols) - len(sim.journal.entries("in", 9))
        await asyncio.gather(*reads)
        assert waiting > 50
