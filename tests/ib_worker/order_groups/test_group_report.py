"""A report has the orders that belong to its order, each with its role and its own terms."""

from ibgateway.simulator.server.server import Simulator
from tests.stacks.brackets import FAR, STOP, bracket, cancel
from tests.stacks.orders import resting
from tests.stacks.worker import trading


async def test_a_cancel_reports_the_group_of_its_order_and_none_of_a_lone_one(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FAR)
        together = await cancel(front, orderRef=STOP)
        lone = await front.submit("place_order", **resting())
        alone = await cancel(front, orderId=lone["orderId"])

    assert [(each["role"], each["orderType"], each["status"]) for each in together["group"]] == [
        ("entry", "LMT", "Submitted"), ("takeProfit", "LMT", "PreSubmitted"), ("stopLoss", "STP", "Cancelled"),
    ]  # fmt: skip
    assert "group" not in alone
