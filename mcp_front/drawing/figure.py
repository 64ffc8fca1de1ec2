"""A figure as data: the front composes it, and the drawing process reads it. Pure."""

from typing import Literal

import msgspec

Colour = Literal["up", "down", "main", "second", "third", "fourth", "quiet", "warning"]
Point = tuple[float, float]
WIDTH, HEIGHT = 900, 500  # pixels: a model reads it for some 600 tokens, and a person at half its size
MOST_BYTES = 1024 * 1024  # of a figure as JSON, and of a PNG


class Candles(msgspec.Struct, tag="candles", frozen=True):
    """Bars at 0, 1, 2 …: open, high, low and close."""

    bars: list[tuple[float, float, float, float]]


class Columns(msgspec.Struct, tag="columns", frozen=True):
    """Bars from zero, at 0, 1, 2 …. `rising`: of each, whether it has the colour `up`."""

    values: list[float]
    rising: list[bool]


class Line(msgspec.Struct, tag="line", frozen=True):
    points: list[Point]
    colour: Colour
    width: float = 2.0
    dashed: bool = False


class Area(msgspec.Struct, tag="area", frozen=True):
    """The area between a line and a level; `above` and `below` the level it may have different colours."""

    points: list[Point]
    level: float
    above: Colour
    below: Colour


class Upright(msgspec.Struct, tag="upright", frozen=True):
    """A dashed line from the panel's bottom to its top, with a word at its top."""

    x: float
    label: str
    colour: Colour


class Dot(msgspec.Struct, tag="dot", frozen=True):
    """A marked point, with a word above it."""

    at: Point
    label: str
    colour: Colour


class Level(msgspec.Struct, tag="level", frozen=True):
    """A level across the panel. `label`: on the axis, in a box of the colour; empty: a thin line alone."""

    y: float
    label: str
    colour: Colour


Mark = Candles | Columns | Line | Area | Upright | Dot | Level


class Panel(msgspec.Struct, frozen=True):
    """One panel. `share`: of the height. `ticks`: of its axis, with their labels. `legend`: words at its top left."""

    share: float
    low: float
    high: float
    ticks: list[tuple[float, str]]
    marks: list[Mark]
    legend: list[tuple[str, Colour]] = []


class ChartFigure(msgspec.Struct, frozen=True):
    """Panels above one another on one x axis. `badge`: a word in a box at the top right, such as SIMULATED."""

    title: str
    subtitle: str
    badge: str
    low: float
    high: float
    ticks: list[tuple[float, str]]
    panels: list[Panel]
    theme: Literal["light", "dark"] = "light"
    note: str = ""  # below the x axis
