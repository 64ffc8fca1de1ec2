"""A short run of the rollback: each way of putting Redis back once, at three points, the worker alive and killed."""

import asyncio

import pytest

from tests.faults.rollback import CELLS, Cell, run_cell


def test_the_rollback_is_whole() -> None:
    assert len(set(CELLS)) == 3 * 10 * 2


@pytest.mark.trial("A19", "A30")
@pytest.mark.timeout(300)
async def test_an_older_copy_is_noticed_at_each_point_and_nothing_goes_out_twice() -> None:
    cells = [
        Cell("rdb restored", "frame_unacknowledged", "killed"),
        Cell("aof cut", "as submitted", "alive"),
        Cell("replica promoted", "answered", "killed"),
    ]
    verdicts = await asyncio.gather(*map(run_cell, cells))

    assert [each.wrong for each in verdicts] == [[], [], []]
