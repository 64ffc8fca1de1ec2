"""A figure as a picture."""

from io import BytesIO
from typing import get_args

import pytest
from PIL import Image

from mcp_front.drawing.figure import Area, Candles, ChartFigure, Columns, Dot, Level, Line, Mark, Panel, Upright
from mcp_front.drawing.palette import THEMES
from mcp_front.drawing.picture import BOTTOM, LEFT, RIGHT, TOP, png_of

MARKS: list[Mark] = [
    Candles([(2, 4, 1, 3), (3, 4, 0, 1)]),
    Columns([1, 2], [True, False]),
    Line([(0, 1), (1, 2)], "main"),
    Area([(0, 1), (1, 3)], 2, "up", "down"),
    Upright(0.5, "now", "quiet"),
    Dot((1, 2), "even", "third"),
    Level(2, "2.00", "up"),
]


def drawn(*marks: Mark, theme: str = "light", name: str = "SPY") -> Image.Image:
    panel = Panel(1, 0, 5, [(0, "0"), (5, "5")], list(marks), [("MA 20", "main")])
    figure = ChartFigure(name, name, "SIMULATED", -1, 2, [(0, "Jun")], [panel], theme, name)  # type: ignore[arg-type]
    return Image.open(BytesIO(png_of(figure))).convert("RGB")


@pytest.mark.parametrize("theme", THEMES)
def test_every_mark_is_drawn_in_both_themes(theme: str) -> None:
    empty = drawn(theme=theme).tobytes()

    assert {type(each) for each in MARKS} == set(get_args(Mark))
    for mark in MARKS:
        assert drawn(mark, theme=theme).tobytes() != empty, mark


def test_a_falling_candle_has_its_colour_between_open_and_close() -> None:
    x = round(LEFT + (RIGHT - LEFT) * 2 / 3)
    middle = round(BOTTOM - (BOTTOM - TOP) * 2 / 5)

    assert drawn(MARKS[0]).getpixel((x + 5, middle)) == THEMES["light"].colours["down"]


def test_a_name_of_any_length_and_script_is_drawn() -> None:
    drawn(name="<b>社名\x00" * 400)
