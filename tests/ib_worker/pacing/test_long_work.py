"""Work on long answers: beside the event loop, in the caller's turn."""

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from bridge.tool import ToolError
from ib_worker.pacing.caller import acting_for
from ib_worker.pacing.long_work import SHORT_ROWS, LongWork
from ib_worker.pacing.message_pacer import LONGEST_WAIT_S
from ib_worker.pacing.thread_share import AT_ONCE_S, SHARE


@pytest.fixture
def work() -> Iterator[LongWork]:
    work = LongWork()
    yield work
    work.close()


@pytest.mark.parametrize(("rows", "beside"), [(SHORT_ROWS, False), (SHORT_ROWS + 1, True)])
async def test_only_many_rows_go_to_the_thread_beside_the_loop(work: LongWork, rows: int, beside: bool) -> None:
    thread = await work.run(range(rows), lambda rows: threading.current_thread())

    assert (thread is not threading.current_thread()) is beside


async def test_each_converts_every_row_in_order(work: LongWork) -> None:
    assert await work.each(range(SHORT_ROWS * 2), str) == [str(number) for number in range(SHORT_ROWS * 2)]


async def test_a_row_that_cannot_be_converted_fails_its_own_call_alone(work: LongWork) -> None:
    def convert(rows: Sequence[int]) -> int:
        raise ValueError("row 7")

    with pytest.raises(ValueError, match="row 7"):
        await work.run(range(SHORT_ROWS + 1), convert)
    assert await work.run(range(SHORT_ROWS + 1), len) == SHORT_ROWS + 1


@pytest.mark.trial("B1")
async def test_long_work_counts_for_whom_it_is_done(work: LongWork) -> None:
    rows = range(1_000)

    def slow(rows: object) -> int:
        until = time.thread_time() + AT_ONCE_S + (LONGEST_WAIT_S + 5) * SHARE
        while time.thread_time() < until:
            pass
        return 1

    with acting_for("hungry"):
        assert await work.run(rows, slow) == 1
        with pytest.raises(ToolError, match="paced"):
            await work.run(rows, len)
        assert await work.run(range(3), len) == 3
    with acting_for("quiet"):
        assert await work.run(rows, len) == 1_000
