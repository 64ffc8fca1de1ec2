"""Full looks at the orders: which of them show that IBKR does not have one."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from bridge.tool import ToolError
from ib_worker.session.sync import resync_once, resync_orders
from ib_worker.tws.endpoint import Endpoint
from ibgateway.simulator.server.server import Simulator
from tests.stacks.sent_orders import lost, place
from tests.stacks.worker import SOON, Caller, Stand, caller, order, ready_session, trading, worker
from tests.waiting import until

KEY = "a-key-of-the-caller"
RESTING = order(orderType="LMT", lmtPrice=50)
LISTENS = replace(SOON, first_status_wait_s=100)  # a worker that ends before silence makes it look


async def looked_twice(stand: Stand) -> list[bool]:
    counted = []
    for _ in range(2):
        counted.append(await resync_orders(stand.session, 5))
        await asyncio.sleep(0.25)  # looks that follow too soon count as one
    return counted


async def test_two_looks_at_the_gateway_that_was_told_show_that_the_order_is_not_there(sim: Simulator) -> None:
    async with ready_session(sim, order_timing=SOON) as stand:
        entry = await lost(sim, stand)

        counted = await looked_twice(stand)

        assert (counted, entry.state.not_found) == ([True, True], True)


@pytest.mark.fault(42)
async def test_looks_at_another_gateway_show_nothing_of_an_order(sim: Simulator) -> None:
    async with ready_session(sim, order_timing=SOON) as stand, Simulator() as other:
        entry = await lost(sim, stand)
        await stand.session.connection.connect(Endpoint("127.0.0.1", other.port))
        await stand.ready()

        await looked_twice(stand)
        assert entry.state.misses == 0

        await stand.session.connection.connect(Endpoint("127.0.0.1", sim.port))
        await stand.ready()
        await looked_twice(stand)
        assert entry.state.not_found


async def stay(sim: Simulator, stand: Stand) -> None:
    await stand.reaches("link_down")


async def reconnect(sim: Simulator, stand: Stand) -> None:
    was = stand.session.tws.wire
    sim.fault("reset")
    await until(lambda: stand.session.tws.wire not in (was, None), "there is a new connection")
    await until(lambda: stand.session.orders.tracker.known, "the orders are read again")


@pytest.mark.fault(13)
@pytest.mark.parametrize("happens", [stay, reconnect])
async def test_looks_while_the_gateway_has_lost_ibkr_show_nothing(
    sim: Simulator, happens: Callable[[Simulator, Stand], Awaitable[None]]
) -> None:
    async with ready_session(sim, order_timing=SOON) as stand:
        entry = await lost(sim, stand)
        sim.fault("link down")
        await happens(sim, stand)

        counted = await looked_twice(stand)

        assert (counted, entry.state.misses, stand.status.state) == ([False, False], 0, "link_down")


async def test_a_look_in_which_the_link_is_lost_and_comes_back_shows_nothing(sim: Simulator) -> None:
    async with ready_session(sim, order_timing=SOON) as stand:
        await lost(sim, stand)
        sim.fault("on reqCompletedOrders link down")
        sim.fault("on reqExecutions link up")

        counted = await resync_orders(stand.session, 5)

        assert not counted


@pytest.mark.fault(26)
@pytest.mark.parametrize("misread", ["truncate openOrder 20", "rewrite openOrder 25 nonsense"])
async def test_a_look_of_which_a_message_could_not_be_read_shows_nothing(sim: Simulator, misread: str) -> None:
    async with ready_session(sim, order_timing=SOON) as stand:
        entry = place(stand)
        sim.fault(misread)
        await until(lambda: stand.session.orders.misread, "an order could not be read")

        counted = await looked_twice(stand)
        assert (counted, entry.state.misses) == ([False, False], 0)

        sim.fault("through")
        assert await resync_orders(stand.session, 5)
        assert entry.state.acknowledged


@pytest.mark.fault(12)
async def test_a_look_at_a_slow_gateway_takes_its_time(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, order_timing=replace(SOON, shared_request_s=0.5)) as front:
        sim.fault("on order ignore")
        sim.fault("slow 0.3")  # four answers, and the whole is longer than any single request may take

        async def is_not_found() -> bool:
            return (await front.refused_order(key=KEY, **order(), deadline_s=0.5)).code == "not_found"

        await until(is_not_found, "two looks have ended", 15)


async def test_who_wants_a_look_at_the_same_time_shares_it(sim: Simulator) -> None:
    async with ready_session(sim, order_timing=SOON) as stand:
        before = len(sim.journal.entries("in", 7))

        await asyncio.gather(*(resync_once(stand.session) for _ in range(5)))

        assert len(sim.journal.entries("in", 7)) == before + 1


async def test_who_asks_all_the_time_for_what_is_not_there_uses_up_few_messages(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=replace(SOON, resync_gap_s=0.5)) as front:
        looks, began = len(sim.journal.entries("in", 7)), time.monotonic()
        for permId in range(1, 5):
            assert (await front.refused("get_order", permId=permId)).code == "not_found"

        made = len(sim.journal.entries("in", 7)) - looks
        assert 1 <= made <= (time.monotonic() - began) / 0.5 + 1


@pytest.mark.fault(26)
async def test_an_order_of_an_earlier_worker_that_could_not_be_read_is_not_called_missing(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("swallow orderStatus")
    sim.fault("truncate openOrder 20")
    async with trading(redis_url, session, sim, order_timing=LISTENS) as front:
        assert (await front.refused_order(key=KEY, **RESTING, deadline_s=2)).code == "pending"
    looks = len(sim.journal.entries("in", 7))
    async with worker(redis_url, session, sim.port, order_timing=LISTENS), caller(redis_url, session) as front:
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
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
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
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=LISTENS) as front:
        sim.fault("on order ignore")
        await until(lambda: ends(front, "pending"), "the order is sent")
    async with Simulator() as other, trading(redis_url, session, other, order_timing=LISTENS) as front:
        await until(lambda: ends(front, "not_confirmed"), "two looks have ended", 15)
