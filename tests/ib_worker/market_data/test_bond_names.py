"""A bond is told apart from others of its issuer, and found by the number that people know it by."""

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import order, trading

CUSIP = "91282CHT1"


@pytest.mark.trial("C6", "A7")
async def test_a_bond_is_named_with_its_number_and_found_by_it(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("preview_order", **order(symbol=CUSIP, secType="BOND", totalQuantity=2))
        await front.submit("place_order", **order(symbol=CUSIP, secType="BOND", totalQuantity=2))
        resting = order(symbol=CUSIP, secType="BOND", action="SELL", orderType="LMT", lmtPrice=120)
        await front.submit("place_order", **resting)
        reads = ("get_positions", "get_executions", "get_completed_orders", "get_open_orders")
        found = {each: len(await front.ask(each, symbol=CUSIP)) for each in reads}
        others = {each: len(await front.ask(each, symbol="912828XX0")) for each in reads}

    assert f"BUY 2 US-T BOND (CUSIP {CUSIP}, matures 20330815)" in told["summary"]
    assert found == dict.fromkeys(reads, 1)
    assert others == dict.fromkeys(reads, 0)
