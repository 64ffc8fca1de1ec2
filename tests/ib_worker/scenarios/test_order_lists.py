"""Full looks at the orders: which of them show that IBKR does not have an order, and which show nothing."""

from collections.abc import Awaitable, Callable

import pytest

from bridge.tool import ToolError
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, caller, order, trading, worker
from tests.waiting import until

KEY = "a-key-of-the-caller"

RESTING = order(orderType="LMT", lmtPrice=50)

pytestmark = pytest.mark.usefixtures("soon")


@pytest.mark.fault(26)
async def test_an_order_of_an_earlier_worker_that_could_not_be_read_is_not_called_missing(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ib_worker.order_entry.outcome.LOOK_S", 100)
    sim.fault("swallow orderStatus")
    sim.fault("truncate openOrder 20")
    async with trading(redis_url, session, sim) as front:
        assert (await front.refused_order(key=KEY, **RESTING, deadline_s=0.5)).code == "pending"
    looks = len(sim.journal.entries("in", 7))
    async with worker(redis_url, session, sim.port), caller(redis_url, session) as front:
        await until(lambda: len(sim.journal.entries("in", 7)) >= looks + 4, "it is looked for, again and again", 20)
        assert (await front.refused_order(key=KEY, **RESTING, deadline_s=0.5)).code in ("pending", "unknown")
        sim.fault("clear")

        await until(lambda: placed(front), "the order is found", 20)


async def placed(front: Caller) -> bool:
    try:
        return bool((await front.submit("place_order", key=KEY, **RESTING, deadline_s=0.5))["status"] == "Submitted")
    except ToolError:
        return False


async def ends(front: Caller, code: str) -> bool:
    return (await front.refused_order(key=KEY, **order(), deadline_s=0.5)).code == code


async def test_an_order_that_vanishes_is_looked_for_again_though_nobody_asks(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **RESTING)
        for message in ("openOrder", "completedOrder", "orderStatus"):
            sim.fault(f"swallow {message}")
        await front.refused("get_order", permId=4711)  # not known, so a look is made

        async def looks_that_lack_it() -> int:
            life = await front.ask("get_order", orderId=placed["orderId"])
            return sum(each["source"] == "vanished" for each in life["events"])

        assert await looks_that_lack_it() == 1
        await until(lambda: twice(looks_that_lack_it), "a second look lacks it")


async def twice(count: Callable[[], Awaitable[int]]) -> bool:
    return await count() == 2


async def test_an_order_of_an_earlier_worker_is_not_called_missing_by_another_gateway(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ib_worker.order_entry.outcome.LOOK_S", 100)  # it ends before it has looked
    async with trading(redis_url, session, sim) as front:
        sim.fault("on order ignore")
        await until(lambda: ends(front, "pending"), "the order is sent")
    async with Simulator() as other, trading(redis_url, session, other) as front:
        await until(lambda: ends(front, "not_confirmed"), "two looks have ended", 15)
