"""What the tour draws, where it is no terminal."""

import io

from rich.console import Console

from cli.terminal import LINE_WIDTH, Screen, sparkline


def test_prices_are_drawn_from_the_lowest_block_to_the_highest() -> None:
    assert sparkline([1.0, 2.0, 3.0, 2.0, 8.0]) == "▁▂▃▂█"


def test_prices_that_do_not_move_are_a_flat_line() -> None:
    assert sparkline([5.0, 5.0, 5.0]) == "▁▁▁"
    assert sparkline([5.0]) == "▁"


def test_many_prices_fit_the_line_and_keep_the_first_and_the_last() -> None:
    drawn = sparkline([float(value) for value in range(1000)])

    assert len(drawn) == LINE_WIDTH
    assert (drawn[0], drawn[-1]) == ("▁", "█")


def test_rows_are_plain_lines_in_a_pipe() -> None:
    output = io.StringIO()
    screen = Screen(Console(file=output, width=80))

    with screen.rows(("time", "last")) as add:
        add(("10:30:00", "600.12"))
        add(("10:30:01", "600.13"))

    lines = output.getvalue().splitlines()
    assert [line.split() for line in lines] == [["time", "last"], ["10:30:00", "600.12"], ["10:30:01", "600.13"]]
    assert "\x1b" not in output.getvalue()
