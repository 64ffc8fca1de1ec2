"""Places of a panel's values on the picture. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from mcp_front.drawing.figure import Point


@dataclass(frozen=True)
class Box:
    """A panel's place on the picture, in pixels, and the values at its edges."""

    left: float
    top: float
    right: float
    bottom: float
    low: Point
    high: Point

    def x(self, value: float) -> float:
        return self.left + (value - self.low[0]) / (self.high[0] - self.low[0]) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - (value - self.low[1]) / (self.high[1] - self.low[1]) * (self.bottom - self.top)

    def points(self, values: Iterable[Point]) -> list[Point]:
        return [(self.x(x), self.y(y)) for x, y in values]

    @property
    def unit(self) -> float:
        """Return the pixels of one on the x axis."""
        return (self.right - self.left) / (self.high[0] - self.low[0])


def dashes(
    start: Point, end: Point, on: float, off: float, begin: float = 0.0
) -> tuple[list[tuple[Point, Point]], float]:
    """Return the dashes of one stretch of a line, and how far into the pattern it ends; `begin`: where it begins."""
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
    found: list[tuple[Point, Point]] = []
    at = -begin
    while at < length:
        first, last = max(at, 0.0), min(at + on, length)
        if last > first:
            found.append((_between(start, end, first / length), _between(start, end, last / length)))
        at += on + off
    return found, (begin + length) % (on + off)


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def parts(points: list[Point], level: float) -> list[tuple[bool, list[Point]]]:
    """Return the stretches of a line above and below a level, each with its crossings; True: above."""
    found: list[tuple[bool, list[Point]]] = []
    for start, end in pairwise(points):
        for above, stretch in _cut(start, end, level):
            if found and found[-1][0] is above and found[-1][1][-1] == stretch[0]:
                found[-1][1].append(stretch[1])
            else:
                found.append((above, list(stretch)))
    return found


def _cut(start: Point, end: Point, level: float) -> list[tuple[bool, tuple[Point, Point]]]:
    if (start[1] - level) * (end[1] - level) >= 0:
        return [(start[1] + end[1] >= 2 * level, (start, end))]
    crossing = (start[0] + (end[0] - start[0]) * (level - start[1]) / (end[1] - start[1]), level)
    return [(start[1] > level, (start, crossing)), (end[1] > level, (crossing, end))]
