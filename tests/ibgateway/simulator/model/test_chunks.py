"""A long computation gives way at each piece, and has its value at the end."""

from __future__ import annotations

from ibgateway.simulator.model.chunks import Pieces, at_once


def counting(to: int, passed: list[int]) -> Pieces[int]:
    for number in range(to):
        passed.append(number)
        yield
    return sum(passed)


def test_all_pieces_are_gone_through_before_the_value_is_there() -> None:
    passed: list[int] = []

    assert at_once(counting(4, passed)) == 6
    assert passed == [0, 1, 2, 3]


def test_a_computation_of_no_piece_has_its_value_at_once() -> None:
    assert at_once(counting(0, [])) == 0
