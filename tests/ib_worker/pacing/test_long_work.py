"""Work on long answers: beside the event loop, in the caller's turn."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import pytest

from bridge.tool import ToolError
from ib_worker.pacing.caller import SESSION, acting_for, current_call
from ib_worker.pacing.long_work import CALLERS_AT_ONCE, FIRST_S, PIECE_S, REST_S, SHORT_ROWS, LongWork, RestingRows
from ib_worker.pacing.message_pacer import LONGEST_WAIT_S
from ib_worker.pacing.thread_share import AT_ONCE_S, SHARE
from tests.waiting import until

R = TypeVar("R")


@pytest.fixture
def work() -> Iterator[LongWork]:
    work = LongWork()
    yield work
    work.close()


@pytest.mark.parametrize(("rows", "beside"), [(SHORT_ROWS, False), (SHORT_ROWS + 1, True)])
@pytest.mark.parametrize("fields", [1, 8])
async def test_only_many_rows_go_to_the_thread_beside_the_loop(
    work: LongWork, rows: int, beside: bool, fields: int
) -> None:
    thread = await work.run(range(rows * fields), lambda rows: threading.current_thread(), fields=fields)

    assert (thread is not threading.current_thread()) is beside


async def test_each_converts_every_row_in_order(work: LongWork) -> None:
    assert await work.each(range(SHORT_ROWS * 2), str) == [str(number) for number in range(SHORT_ROWS * 2)]


async def test_a_row_that_cannot_be_converted_fails_its_own_call_alone(work: LongWork) -> None:
    def convert(rows: Sequence[int]) -> int:
        raise ValueError("row 7")

    with pytest.raises(ValueError, match="row 7"):
        await work.run(range(SHORT_ROWS + 1), convert)
    assert await work.run(range(SHORT_ROWS + 1), len) == SHORT_ROWS + 1


def busy(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def rests(rows: int, row_s: float, first_s: float = PIECE_S) -> int:
    """Return how often a thread rests that works so long on each row."""
    asked: list[float] = []

    def rest_s() -> float:
        asked.append(0.0)
        return 0.0

    for _ in RestingRows(range(rows), rest_s, first_s):
        busy(row_s)
    return len(asked)


@pytest.mark.trial("B1")
def test_a_thread_rests_after_each_piece_of_its_work_and_not_before() -> None:
    assert rests(10, PIECE_S * 1.1) == 10  # the tenth before the end of the rows is seen
    assert rests(3, 0) == 0


def test_the_first_work_of_a_thread_alone_has_no_rest() -> None:
    assert rests(8, PIECE_S * 1.1, FIRST_S) == 4  # five rows take more than FIRST_S, and the next are pieces


def test_rows_with_rests_are_the_same_rows() -> None:
    rows = RestingRows(range(100), lambda: 0.0)

    assert (len(rows), rows[7], list(rows[96:])) == (100, 7, [96, 97, 98, 99])
    assert [*rows] == list(range(100))
    assert [*reversed(rows)] == list(range(99, -1, -1))


@pytest.mark.trial("B1")
async def test_one_callers_long_work_is_done_while_anothers_is_in_progress(work: LongWork) -> None:
    done, rested = threading.Event(), work._rest_s()

    def first(rows: Sequence[int]) -> bool:
        return done.wait(20)

    def second(rows: Sequence[int]) -> float:
        done.set()
        return work._rest_s()

    async def run(caller: str, what: Callable[[Sequence[int]], R]) -> R:
        with acting_for(caller):
            return await work.run(range(SHORT_ROWS + 1), what)

    went_on, between = await asyncio.gather(run("hungry", first), run("quiet", second))

    assert went_on
    assert (rested, between, work._rest_s()) == (REST_S, 2 * REST_S, REST_S)


async def test_callers_that_wait_for_a_thread_lengthen_no_rest(work: LongWork) -> None:
    done = threading.Event()

    async def waits(caller: int) -> None:
        with acting_for(f"caller-{caller}"):
            await work.run(range(SHORT_ROWS + 1), lambda rows: done.wait(20))

    tasks = [asyncio.create_task(waits(caller)) for caller in range(CALLERS_AT_ONCE + 2)]
    await asyncio.sleep(0)
    rest_s = work._rest_s()
    done.set()
    await asyncio.gather(*tasks)

    assert rest_s == CALLERS_AT_ONCE * REST_S


@pytest.mark.trial("B1")
async def test_long_work_counts_for_whom_it_is_done(work: LongWork) -> None:
    rows = range(1_000)

    def slow(rows: object) -> int:
        busy(AT_ONCE_S + (LONGEST_WAIT_S + 5) * SHARE)
        return 1

    with acting_for("hungry"):
        assert await work.run(rows, slow) == 1
    with acting_for("hungry"):
        with pytest.raises(ToolError, match="paced"):
            await work.run(rows, len)
        assert await work.run(range(3), len) == 3
    with acting_for("quiet"):
        assert await work.run(rows, len) == 1_000


async def test_a_call_that_was_let_in_waits_for_the_rest_of_its_work(work: LongWork) -> None:
    def slow(rows: object) -> None:
        busy(AT_ONCE_S + (LONGEST_WAIT_S + 5) * SHARE)

    with acting_for("hungry"):
        await work.run(range(1_000), slow)
        with acting_for("hungry"), pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await work.run(range(1_000), len)


async def test_the_sessions_own_work_lets_no_call_in(work: LongWork) -> None:
    await work.run(range(1_000), len)

    assert not current_call().is_let_in


async def test_work_whose_caller_has_gone_ends_and_is_the_callers_until_then(work: LongWork) -> None:
    begun, read = threading.Event(), list[int]()

    def slow(rows: Sequence[int]) -> None:
        begun.set()
        for each in rows:
            busy(0.01)
            read.append(each)

    with acting_for("hungry"):
        asking = asyncio.create_task(work.run(range(1_000), slow))
    await until(begun.is_set, "a thread has begun")
    asking.cancel()
    await asyncio.wait([asking])
    count, share = len(read), work._portions.wait_s("hungry")
    with acting_for("hungry"):
        again = await work.run(range(1_000), len)

    assert asking.cancelled()
    assert count < 1_000
    assert (len(read), again) == (count, 1_000)
    assert (work._at_work, share) == (0, 0.0)
    assert len(work._portions) == 1  # what was done is charged


async def test_work_that_no_thread_has_begun_is_dropped_with_its_caller(work: LongWork) -> None:
    done, run = threading.Event(), list[str]()

    async def asks(caller: str) -> None:
        def waits(rows: Sequence[int]) -> bool:
            run.append(caller)
            return done.wait(20)

        with acting_for(caller):
            await work.run(range(SHORT_ROWS + 1), waits)

    asking = [asyncio.create_task(asks(f"caller-{number}")) for number in range(CALLERS_AT_ONCE)]
    late = asyncio.create_task(asks("late"))
    await until(lambda: len(run) == CALLERS_AT_ONCE, "each thread has its work")
    late.cancel()
    await asyncio.wait([late])
    done.set()
    await asyncio.gather(*asking)

    assert late.cancelled()
    assert "late" not in run


async def test_what_was_done_is_told_however_much_the_session_has_worked(work: LongWork) -> None:
    def slow(rows: object) -> None:
        busy(AT_ONCE_S + (LONGEST_WAIT_S + 5) * SHARE)

    await work.run(range(1_000), slow)
    with acting_for(SESSION):
        assert await work.run(range(1_000), len) == 1_000
