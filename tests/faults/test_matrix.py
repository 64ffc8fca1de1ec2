"""A short run of the kill-point matrix: each point once, against faults and kinds that between them cover all."""

import pytest

from tests.faults.matrix import CELLS, Cell, run_cell


def test_the_matrix_is_whole() -> None:
    assert len(set(CELLS)) == 135


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(Cell("before_accept", "duplicate_delivery", "place_order"), marks=pytest.mark.fault(61, 83)),
        pytest.param(Cell("accept_unanswered", "restarted", "cancel_order"), marks=pytest.mark.fault(62, 75)),
        pytest.param(Cell("frame_lost", "reply_lost", "place_order"), marks=pytest.mark.fault(63, 84)),
        pytest.param(Cell("frame_unacknowledged", "restarted_empty", "place_order"), marks=pytest.mark.fault(64, 76)),
        pytest.param(Cell("answer_unstored", "paused", "modify_order"), marks=pytest.mark.fault(65, 77)),
    ],
    ids=str,
)
async def test_every_promise_holds(cell: Cell) -> None:
    verdict = await run_cell(cell)

    assert verdict.wrong == []
    assert verdict.frames <= 1
