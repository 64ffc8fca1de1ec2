"""Watched figures: one request for all watches of a figure, and none without a watch."""

import asyncio

from ibgateway.simulator.server.server import Simulator
from tests.stacks.alerts import alerts, fired, watch
from tests.stacks.worker import trading

REQ_PNL, REQ_SUMMARY = 92, 62
FAR = 1e9


async def test_a_value_fires_for_its_account_in_its_currency(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        id = await watch(front, event="account_value", tag="AvailableFunds", currency="USD", above=1)
        (event,) = await fired(front)

    assert event.details["watch"] == id
    assert (event.details["tag"], event.details["currency"]) == ("AvailableFunds", "USD")
    assert event.details["value"] > 1
    assert event.account


async def test_watches_of_one_figure_share_its_requests(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        for each in range(5):
            await watch(front, event="daily_pnl", below=-FAR + each)
        await asyncio.sleep(3)

        assert 1 <= len(sim.journal.entries("in", REQ_PNL)) <= 3
        assert len(sim.journal.entries("in", REQ_SUMMARY)) <= 1  # the account's record takes one at the start
        assert await alerts(front) == []


async def test_a_tag_that_the_account_has_not_is_never_met(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await watch(front, event="account_value", tag="NoSuchTag", above=1)
        await watch(front, event="position_pnl", symbol="SPY", below=FAR)
        (event,) = await fired(front)

    assert event.details["event"] == "position_pnl"
    assert event.symbol == "SPY"
