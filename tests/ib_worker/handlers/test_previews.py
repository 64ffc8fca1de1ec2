"""Previews: what an order would cost and do, and a token that places it once."""

from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.orders import resting
from tests.stacks.worker import frames, order, trading

PLACE, CANCEL = 3, 4  # message ids


async def test_a_preview_shows_cost_and_sends_only_a_question(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("preview_order", **resting())

        assert told["commission"] == 1.0
        assert told["initMarginChange"] > 0
        assert told["initMarginAfter"] == pytest.approx(told["initMarginBefore"] + told["initMarginChange"], abs=1)
        assert told["summary"].startswith("Would BUY 3 AAPL as LMT, lmtPrice 400, DAY, account DU1234567; commission")
        assert (told["refused_by"], told["expires_in_s"], len(told["confirmationToken"])) == (None, 120, 32)
        assert await front.ask("get_open_orders") == []
    assert frames(sim) == 0
    assert len(sim.journal.entries("in", PLACE)) == 1


@pytest.mark.trial("C6")
async def test_a_preview_names_the_option_and_not_its_underlying(redis_url: str, session: str, sim: Simulator) -> None:
    put: dict[str, Any] = {"secType": "OPT", "lastTradeDateOrContractMonth": "20250718", "strike": 400, "right": "P"}
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("preview_order", **order(symbol="SPY", orderType="LMT", lmtPrice=5), **put)

    assert told["summary"].startswith("Would BUY 1 SPY 18JUL25 400 P as LMT, lmtPrice 5, DAY, account DU1234567;")


async def test_a_preview_says_what_would_refuse_the_order_and_gives_no_token(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("preview_order", **order(totalQuantity=20_000))

    assert told["refused_by"].startswith("[limit_exceeded]")
    assert told["confirmationToken"] is None


async def test_a_preview_says_why_an_order_that_would_close_does_not_count_as_closing(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", symbol="IBM", action="SELL", totalQuantity=100, orderType="STP", auxPrice=100)
        told = await front.ask("preview_order", symbol="IBM", action="SELL", totalQuantity=100)

    assert told["closing"] is False
    assert "SELL orders for 100 are open or just filled and count first; worth " in told["summary"]
