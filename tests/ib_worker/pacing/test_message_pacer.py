"""Turns to send, by priority and within TWS's limits. The clock is the event loop's, or one that the test moves."""

import asyncio
from collections import Counter

import pytest

from bridge.fair_queue import RoundRobinQueue, Turn
from bridge.tool import ToolError
from ib_worker.pacing.caller import acting_for
from ib_worker.pacing.message_pacer import (
    AT_ONCE,
    KEPT_FOR_ORDERS,
    LONGEST_WAIT_S,
    PER_S,
    STEADY,
    WINDOW_S,
    Bucket,
    MessagePacer,
    Priority,
    Window,
)
from tests.stacks.pacing import Clock

RATE = PER_S * STEADY
BURST = PER_S * AT_ONCE


def test_a_full_bucket_gives_its_size_at_once() -> None:
    bucket = Bucket(rate=10, size=3)

    waits = []
    for _ in range(4):
        waits.append(bucket.wait(5.0))
        bucket.take()

    assert waits == [0, 0, 0, pytest.approx(0.1)]


def test_a_bucket_refills_steadily_and_no_further_than_its_size() -> None:
    bucket = Bucket(rate=10, size=3)
    bucket.wait(0.0)
    for _ in range(3):
        bucket.take()

    assert bucket.wait(0.05) == pytest.approx(0.05)
    assert bucket.wait(0.1) == 0
    assert bucket.wait(99.0) == 0
    assert bucket.tokens == 3


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket = Bucket(rate=10, size=1)
    bucket.wait(10.0)
    bucket.take()

    assert bucket.wait(5.0) == pytest.approx(0.1)
    assert bucket.wait(10.0) == pytest.approx(0.1)


def test_what_is_to_be_left_must_be_there() -> None:
    bucket = Bucket(rate=10, size=5)

    assert bucket.wait(0.0, leave=4.0) == 0
    assert bucket.wait(0.0, leave=5.0) == pytest.approx(0.1)


def test_a_window_has_at_most_its_limit_and_leaves_room() -> None:
    window = Window(limit=3, seconds=1.0)
    for now in (0.0, 0.1, 0.2):
        assert window.wait(now) == 0
        window.take(now)

    assert window.wait(0.3) == pytest.approx(0.7)
    assert window.wait(0.3, leave=1.0) == pytest.approx(0.8)
    assert window.wait(1.0) == 0
    window.give_back()
    assert window.wait(0.3) == 0


async def granted(pacer: MessagePacer, lane: Priority) -> bool:
    """Whether a turn is granted without waiting."""
    try:
        async with asyncio.timeout(0):
            await pacer.wait_turn(lane)
    except TimeoutError:
        return False
    return True


async def test_an_order_goes_out_when_reads_have_used_up_theirs() -> None:
    clock = Clock()
    pacer = MessagePacer(clock)

    reads = [await granted(pacer, Priority.READS) for _ in range(20)]
    orders = [await granted(pacer, Priority.ORDERS) for _ in range(20)]

    assert reads.count(True) == BURST * (1 - KEPT_FOR_ORDERS)
    assert orders.count(True) == BURST * KEPT_FOR_ORDERS


async def used_up() -> MessagePacer:
    """A pacer on the loop's clock that has just sent all it may send at once."""
    pacer = MessagePacer(asyncio.get_running_loop().time)
    while await granted(pacer, Priority.ORDERS):
        pass
    return pacer


async def test_no_second_has_more_messages_than_tws_allows() -> None:
    clock = Clock()
    pacer = MessagePacer(clock)
    sent: list[float] = []

    for _ in range(3000):  # three seconds in steps of a millisecond
        while await granted(pacer, Priority.ORDERS):
            sent.append(clock.now)
        clock.now += 0.001

    assert len(sent) > 2.9 * RATE
    assert max(sum(at <= each < at + 1 for each in sent) for at in sent) <= PER_S


async def test_what_a_stalled_network_delivers_together_is_no_more_than_tws_allows() -> None:
    clock = Clock()
    pacer = MessagePacer(clock)
    while await granted(pacer, Priority.ORDERS):  # the burst is over: there is always something to send
        pass
    sent: list[float] = []
    for _ in range(4000):
        while await granted(pacer, Priority.ORDERS):
            sent.append(clock.now)
        clock.now += 0.001

    stall_s = 0.4  # nothing arrives for so long, and then all of it: a lost packet is sent again after 0.2 s
    second = max(sum(at <= each < at + stall_s + 1 for each in sent) for at in sent)
    assert second <= PER_S


async def test_a_burst_and_what_follows_may_stall_too() -> None:
    clock = Clock()
    pacer = MessagePacer(clock)
    sent: list[float] = []
    for _ in range(4000):
        while await granted(pacer, Priority.ORDERS):
            sent.append(clock.now)
        clock.now += 0.001

    assert max(sum(at <= each < at + WINDOW_S for each in sent) for at in sent) <= PER_S


async def test_reads_that_have_filled_a_second_leave_room_for_orders() -> None:
    clock = Clock()
    pacer = MessagePacer(clock)
    for _ in range(1000):
        while await granted(pacer, Priority.READS):
            pass
        clock.now += 0.001

    orders = [await granted(pacer, Priority.ORDERS) for _ in range(20)]
    assert orders.count(True) >= BURST * KEPT_FOR_ORDERS


async def test_lanes_are_served_in_their_order() -> None:
    pacer = await used_up()
    served: list[Priority] = []
    before = Counter(pacer.sent)

    async def one(lane: Priority) -> None:
        await pacer.wait_turn(lane)
        served.append(lane)

    async with asyncio.TaskGroup() as group:
        for lane in (Priority.BULK, Priority.READS, Priority.ORDERS, Priority.BULK, Priority.READS, Priority.ORDERS):
            group.create_task(one(lane))

    assert served == sorted(served)
    assert pacer.sent - before == Counter(served)


async def test_a_later_order_overtakes_reads_that_wait() -> None:
    clock = Clock()
    pacer = MessagePacer(clock)
    while await granted(pacer, Priority.READS):
        pass
    waiting = asyncio.create_task(pacer.wait_turn(Priority.READS))
    await asyncio.sleep(0)

    assert pacer.waiting(Priority.READS) == 1
    assert await granted(pacer, Priority.ORDERS)
    assert not await granted(pacer, Priority.READS)
    assert not await granted(pacer, Priority.BULK)

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert pacer.waiting(Priority.READS) == 0


async def test_whoever_gives_up_leaves_its_turn_to_the_next() -> None:
    pacer = await used_up()
    first, second = (asyncio.create_task(pacer.wait_turn(Priority.READS)) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()
    await second

    assert first.cancelled()


async def test_a_message_that_nobody_waits_for_takes_a_turn_of_its_own() -> None:
    clock = Clock()
    pacer = MessagePacer(clock)
    sent: list[str] = []
    while await granted(pacer, Priority.READS):
        pass

    pacer.post(Priority.READS, lambda: sent.append("cancel"))
    await asyncio.sleep(0)
    assert (sent, pacer.waiting(Priority.READS)) == ([], 1)

    clock.now += 1.1 / RATE
    assert not await granted(pacer, Priority.READS)  # whoever comes now comes after it
    await asyncio.sleep(0)
    assert (sent, pacer.waiting(Priority.READS)) == (["cancel"], 0)


async def order_of_service(pacer: MessagePacer, asked: list[str], lane: Priority = Priority.READS) -> list[str]:
    """In which order callers get their turns who ask in the order given."""
    served: list[str] = []

    async def one(name: str) -> None:
        with acting_for(name):
            await pacer.wait_turn(lane)
        served.append(name)

    async with asyncio.TaskGroup() as group:
        for name in asked:
            group.create_task(one(name))
    return served


async def test_callers_take_turns_however_much_one_of_them_asks() -> None:
    served = await order_of_service(await used_up(), ["hungry"] * 20 + ["quiet", "quiet", "third"])

    assert served[:6] == ["hungry", "quiet", "third", "hungry", "quiet", "hungry"]


async def test_callers_take_turns_in_orders_and_in_bulk_too() -> None:
    for lane in (Priority.ORDERS, Priority.BULK):
        served = await order_of_service(await used_up(), ["hungry"] * 5 + ["quiet"], lane)

        assert served.index("quiet") == 1


async def test_a_caller_who_would_wait_too_long_is_told_so_and_the_others_are_not() -> None:
    pacer = MessagePacer(Clock())
    most = int(LONGEST_WAIT_S * RATE)
    while await granted(pacer, Priority.READS):
        pass
    with acting_for("hungry"):
        waiting = [asyncio.create_task(pacer.wait_turn(Priority.READS)) for _ in range(most)]
        await asyncio.sleep(0)

        with pytest.raises(ToolError) as refused:
            await pacer.wait_turn(Priority.READS)
    with acting_for("quiet"):
        waiting.append(asyncio.create_task(pacer.wait_turn(Priority.READS)))
    waiting.append(asyncio.create_task(pacer.wait_turn(Priority.READS)))  # the session's own
    await asyncio.sleep(0)

    assert refused.value.code == "paced"
    assert refused.value.details["retry_after_s"] == pytest.approx(LONGEST_WAIT_S, abs=0.2)
    assert pacer.waiting(Priority.READS) == most + 2
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert pacer.waiting(Priority.READS) == 0


async def test_an_order_is_never_told_to_wait() -> None:
    pacer = MessagePacer(Clock())
    while await granted(pacer, Priority.ORDERS):
        pass
    with acting_for("hungry"):
        waiting = [asyncio.create_task(pacer.wait_turn(Priority.ORDERS)) for _ in range(int(LONGEST_WAIT_S * RATE) + 5)]
    await asyncio.sleep(0)

    assert not any(each.done() for each in waiting)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_wait_that_is_told_counts_what_goes_first() -> None:
    rotation: RoundRobinQueue[Turn] = RoundRobinQueue()
    for name, count in (("hungry", 10), ("other", 3)):
        for _ in range(count):
            rotation.add(name, asyncio.get_running_loop().create_future())

    assert rotation.before("new") == 2
    assert rotation.before("other") == 3 + 4
    assert rotation.before("hungry") == 10 + 3


@pytest.mark.trial("E2")
async def test_a_cancel_goes_before_orders_that_wait() -> None:
    pacer = await used_up()
    order = asyncio.create_task(pacer.wait_turn(Priority.ORDERS))
    await asyncio.sleep(0)
    cancel = asyncio.create_task(pacer.wait_turn(Priority.CANCELS))
    await asyncio.wait({order, cancel}, return_when=asyncio.FIRST_COMPLETED)

    assert (order.done(), cancel.done()) == (False, True)
    order.cancel()
