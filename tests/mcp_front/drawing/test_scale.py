"""A scale puts values at their places on the picture."""

from mcp_front.drawing.scale import Box, dashes, parts

BOX = Box(0, 0, 100, 50, (0, 10), (10, 20))


def test_the_lowest_value_is_at_the_bottom_left() -> None:
    assert BOX.points([(0, 10), (10, 20), (5, 15)]) == [(0, 50), (100, 0), (50, 25)]


def test_a_line_is_cut_where_it_crosses_a_level() -> None:
    assert parts([(0, -1), (2, 1), (4, 1)], 0) == [(False, [(0, -1), (1, 0)]), (True, [(1, 0), (2, 1), (4, 1)])]


def test_dashes_go_on_over_a_corner() -> None:
    first, begin = dashes((0, 0), (5, 0), 3, 1)
    second, _ = dashes((5, 0), (9, 0), 3, 1, begin)

    assert first == [((0, 0), (3, 0)), ((4, 0), (5, 0))]
    assert second == [((5, 0), (7, 0)), ((8, 0), (9, 0))]
