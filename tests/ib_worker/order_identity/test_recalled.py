"""What an earlier worker knew of an order, out of the audit log."""

from datetime import datetime

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import order, trading

KEY = "a-key-of-the-caller"


@pytest.mark.trial("C5")
async def test_the_next_worker_tells_when_and_under_which_key_an_order_was_placed(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **order(orderType="LMT", lmtPrice=50))
    async with trading(redis_url, session, sim) as front:
        (listed,) = await front.ask("get_open_orders")

    told, first = (datetime.fromisoformat(each["placed_at"]) for each in (listed, placed))
    assert abs((told - first).total_seconds()) < 30  # by the gateway's clock, as far as each worker knows it
    assert listed["idempotencyKey"] == KEY
