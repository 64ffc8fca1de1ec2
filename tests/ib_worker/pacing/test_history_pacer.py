"""Requests for history: shared while one is under way, remembered for a moment, and within TWS's windows."""

import asyncio
from collections.abc import Callable, Hashable

import pytest

from bridge.tool import ToolError
from ib_worker.pacing import history_pacer
from ib_worker.pacing.caller import acting_for, max_share
from ib_worker.pacing.history_pacer import (
    HISTORY_IN_WINDOW,
    HISTORY_OPEN,
    HISTORY_WINDOW_S,
    IDENTICAL_S,
    SAME_CONTRACT_IN_WINDOW,
    SAME_CONTRACT_WINDOW_S,
    HistoryPacer,
    HistoryRequest,
)
from tests.busy import BUSY_S
from tests.stacks.pacing import Asks, Clock
from tests.waiting import until

MINUTE, HOUR, DAY = 60, 3600, 86_400


def wanted(contract: int = 1, what: str = "TRADES", rest: object = "1 D", bar_s: int = DAY) -> HistoryRequest:
    return HistoryRequest(contract, what, str(rest), bar_s)


def pacing(
    clock: Callable[[], float],
    market_time: Callable[[], float] = lambda: 0.0,
    source: Callable[[], Hashable] = lambda: "this connection",
) -> HistoryPacer[int]:
    return HistoryPacer(clock, market_time, source)


async def test_an_identical_request_shares_the_one_under_way() -> None:
    pacer: HistoryPacer[int] = pacing(Clock())
    ask = Asks()
    ask.go.clear()

    both = [asyncio.create_task(pacer.answer(wanted(), 2000.0, ask)) for _ in range(2)]
    await asyncio.sleep(0)
    ask.go.set()

    assert await asyncio.gather(*both) == [1, 1]


async def test_an_identical_request_soon_after_gets_the_same_answer() -> None:
    clock = Clock()
    pacer: HistoryPacer[int] = pacing(clock)
    ask = Asks()

    first = await pacer.answer(wanted(), 2000.0, ask)
    clock.now += IDENTICAL_S - 0.1
    second = await pacer.answer(wanted(), 2000.0, ask)
    clock.now += 0.1
    third = await pacer.answer(wanted(), 2000.0, ask)

    assert [first, second, third] == [1, 1, 2]


@pytest.mark.parametrize(
    ("bar_s", "asked_at", "again_at"),
    [
        (5, "14:30:04.9", "14:30:05"),
        (MINUTE, "14:30:59", "14:31:00"),
        (20 * MINUTE, "14:39:55", "14:40:05"),  # of Mumbai, whose hours begin at half past
        (HOUR, "14:29:50", "14:30:00"),  # the market closes, and with it the bar
        (DAY, "20:14:59", "20:15:00"),  # so do options on an index at 16:15 in New York
        (7 * DAY, "19:59:59", "20:00:00"),
    ],
)
async def test_no_answer_is_told_again_past_the_end_of_a_bar(bar_s: int, asked_at: str, again_at: str) -> None:
    market, clock = Clock(), Clock()
    pacer = pacing(clock, market)
    market.now = since_midnight(asked_at)
    await pacer.answer(wanted(bar_s=bar_s), 2000.0, Asks())

    market.now = since_midnight(again_at)

    with pytest.raises(ToolError, match="paced"):  # before TWS takes the repeat
        await pacer.answer(wanted(bar_s=bar_s), clock.now + 10, Asks())
    clock.now += IDENTICAL_S
    assert await pacer.answer(wanted(bar_s=bar_s), 2000.0, Asks()) == 1


def since_midnight(text: str) -> float:
    hours, minutes, seconds = text.split(":")
    return int(hours) * HOUR + int(minutes) * MINUTE + float(seconds)


async def test_who_asks_in_the_next_bar_does_not_share_the_request_of_the_bar_before() -> None:
    market, clock = Clock(), Clock()
    market.now = 59.0
    pacer = pacing(clock, market)
    ask = Asks()
    ask.go.clear()
    before = asyncio.create_task(pacer.answer(wanted(bar_s=MINUTE), 2000.0, ask))
    await until(lambda: ask.number == 1, "the first is asked")

    market.now, clock.now = 60.0, clock.now + IDENTICAL_S
    after = asyncio.create_task(pacer.answer(wanted(bar_s=MINUTE), 2000.0, ask))
    await until(lambda: ask.number == 2, "the second is asked")
    ask.go.set()

    assert list(await asyncio.gather(before, after)) == [1, 2]


async def test_an_answer_of_the_connection_before_is_not_told_again() -> None:
    clock, source = Clock(), ["the first connection"]
    pacer = pacing(clock, source=lambda: source[0])
    await pacer.answer(wanted(), 2000.0, Asks())

    source[0] = "the second"

    with pytest.raises(ToolError, match="paced"):  # TWS may count the repeat, whatever connection it comes over
        await pacer.answer(wanted(), clock.now + 10, Asks())


async def test_an_answer_that_came_after_a_change_is_not_told_again() -> None:
    clock, source = Clock(), ["a working farm"]
    pacer = pacing(clock, source=lambda: source[0])

    async def ask() -> int:
        source[0] = "a broken farm"
        return 1

    await pacer.answer(wanted(), 2000.0, ask)

    with pytest.raises(ToolError, match="paced"):
        await pacer.answer(wanted(), clock.now + 10, Asks())


async def test_answers_are_held_no_longer_than_they_are_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_pacer, "IDENTICAL_S", 0.05)
    pacer = pacing(asyncio.get_running_loop().time)
    await pacer.answer(wanted(), asyncio.get_running_loop().time() + 60, Asks())
    assert len(pacer) == 1

    await until(lambda: not len(pacer), "the answer is forgotten", 5 + BUSY_S)


async def test_a_request_that_differs_is_asked() -> None:
    pacer: HistoryPacer[int] = pacing(Clock())
    ask = Asks()

    answers = [
        await pacer.answer(each, 2000.0, ask) for each in (wanted(), wanted(2), wanted(1, "BID"), wanted(rest="2 D"))
    ]

    assert answers == [1, 2, 3, 4]


async def test_a_failure_is_not_kept_and_its_repeat_waits_until_tws_takes_it() -> None:
    clock = Clock()
    pacer: HistoryPacer[int] = pacing(clock)

    async def fail() -> int:
        raise ToolError("no_data", "nothing")

    with pytest.raises(ToolError):
        await pacer.answer(wanted(), 2000.0, fail)

    assert pacer.wait(wanted()) == IDENTICAL_S
    clock.now += IDENTICAL_S
    assert await pacer.answer(wanted(), 2000.0, Asks()) == 1


async def test_one_who_gives_up_takes_nothing_from_the_other() -> None:
    pacer: HistoryPacer[int] = pacing(Clock())
    ask = Asks()
    ask.go.clear()
    leaving, staying = (asyncio.create_task(pacer.answer(wanted(), 2000.0, ask)) for _ in range(2))
    await asyncio.sleep(0)

    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    ask.go.set()

    assert await staying == 1


async def test_past_the_window_a_request_is_refused_with_the_wait() -> None:
    clock = Clock()
    pacer: HistoryPacer[int] = pacing(clock)
    ask = Asks()
    for contract in range(HISTORY_IN_WINDOW):
        with acting_for(f"client {contract % 2}"):
            await pacer.answer(wanted(contract), clock.now + 60, ask)
    clock.now += 10

    with pytest.raises(ToolError) as refused:
        await pacer.answer(wanted(999), clock.now + 60, ask)

    assert (refused.value.code, refused.value.details) == ("paced", {"retry_after_s": HISTORY_WINDOW_S - 10})
    clock.now += HISTORY_WINDOW_S - 10
    assert await pacer.answer(wanted(999), clock.now + 60, ask) == HISTORY_IN_WINDOW + 1


async def test_bid_ask_counts_twice() -> None:
    clock = Clock()
    pacer: HistoryPacer[int] = pacing(clock)
    for contract in range(HISTORY_IN_WINDOW // 2):
        with acting_for(f"client {contract % 2}"):
            await pacer.answer(wanted(contract, "BID_ASK"), clock.now + 60, Asks())

    assert pacer.wait(wanted(999)) == HISTORY_WINDOW_S
    assert pacer.spent() == HISTORY_IN_WINDOW
    clock.now += HISTORY_WINDOW_S
    assert pacer.spent() == 0


async def test_one_client_leaves_the_others_a_part_of_the_window() -> None:
    clock = Clock()
    pacer: HistoryPacer[int] = pacing(clock)
    with acting_for("hungry"):
        for contract in range(max_share(HISTORY_IN_WINDOW)):
            await pacer.answer(wanted(contract), clock.now + 60, Asks())

        with pytest.raises(ToolError, match="paced"):
            await pacer.answer(wanted(999), clock.now + 60, Asks())
    with acting_for("quiet"):
        assert await pacer.answer(wanted(999), clock.now + 60, Asks()) == 1


async def test_one_client_leaves_the_others_places_at_once() -> None:
    pacer: HistoryPacer[int] = pacing(Clock())
    slow = Asks()
    slow.go.clear()
    with acting_for("hungry"):
        waiting = [
            asyncio.create_task(pacer.answer(wanted(contract), 2000.0, slow)) for contract in range(HISTORY_OPEN + 5)
        ]
    await asyncio.sleep(0)

    with acting_for("quiet"):
        assert await pacer.answer(wanted(999), 2000.0, Asks()) == 1

    assert slow.number == max_share(HISTORY_OPEN)
    slow.go.set()
    await asyncio.gather(*waiting)


async def test_a_client_without_a_request_in_progress_is_forgotten() -> None:
    pacer: HistoryPacer[int] = pacing(Clock())
    slow = Asks()
    slow.go.clear()
    most = max_share(HISTORY_OPEN)
    with acting_for("hungry"):
        asked = [asyncio.create_task(pacer.answer(wanted(contract), 2000.0, slow)) for contract in range(most + 2)]
    await until(lambda: slow.number == most, "its places are taken")
    assert list(pacer._open_of) == ["hungry"]
    slow.go.set()
    await asyncio.gather(*asked)

    assert not pacer._open_of


async def test_tws_windows_are_counted_from_when_a_request_can_have_come_last() -> None:
    clock = Clock()
    pacer: HistoryPacer[int] = pacing(clock)

    async def slow() -> int:
        clock.now += 30
        return 1

    for rest in range(SAME_CONTRACT_IN_WINDOW):
        await pacer.answer(wanted(rest=rest), clock.now + 60, slow if not rest else Asks())

    assert pacer.wait(wanted(rest="new")) == SAME_CONTRACT_WINDOW_S


async def test_the_sixth_request_for_a_contract_waits_two_seconds() -> None:
    clock = Clock()
    pacer: HistoryPacer[int] = pacing(clock)
    for rest in range(SAME_CONTRACT_IN_WINDOW):
        await pacer.answer(wanted(rest=rest), clock.now + 60, Asks())

    assert pacer.wait(wanted(rest="new")) == SAME_CONTRACT_WINDOW_S
    assert pacer.wait(wanted(2)) == 0
    assert pacer.wait(wanted(1, "MIDPOINT")) == 0
    clock.now += SAME_CONTRACT_WINDOW_S
    assert pacer.wait(wanted(rest="new")) == 0


async def test_a_short_wait_is_waited_out() -> None:
    clock = asyncio.get_running_loop().time
    pacer: HistoryPacer[int] = pacing(clock)
    for rest in range(SAME_CONTRACT_IN_WINDOW):
        await pacer.answer(wanted(rest=rest), clock() + 60, Asks())
    began = clock()

    await pacer.answer(wanted(rest="new"), began + 60, Asks())

    assert SAME_CONTRACT_WINDOW_S - 0.1 <= clock() - began < SAME_CONTRACT_WINDOW_S + 1


async def test_closing_ends_what_is_under_way() -> None:
    pacer: HistoryPacer[int] = pacing(Clock())
    ask = Asks()
    ask.go.clear()
    waiting = asyncio.create_task(pacer.answer(wanted(), 2000.0, ask))
    await asyncio.sleep(0)

    await pacer.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting
