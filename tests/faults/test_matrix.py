"""A short run of the kill-point matrix: each point once, against faults and kinds that between them cover all."""

import pytest

from tests.faults.matrix import CELLS, Cell, run_cell
from tests.faults.points import POINTS

SHORT = [
    Cell("before_accept", "duplicate_delivery", "place_order"),
    Cell("accept_unanswered", "restarted", "cancel_order"),
    Cell("frame_lost", "reply_lost", "place_order"),
    Cell("frame_unacknowledged", "restarted_empty", "place_order"),
    Cell("answer_unstored", "paused", "modify_order"),
]


def test_the_matrix_is_whole() -> None:
    assert len(set(CELLS)) == 135
    assert {each.point for each in SHORT} == set(POINTS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("cell", SHORT, ids=str)
async def test_every_promise_holds(cell: Cell) -> None:
    verdict = await run_cell(cell)

    assert verdict.wrong == []
    assert verdict.frames <= 1
