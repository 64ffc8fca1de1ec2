"""Draws a figure: its head, its panels with their axes, and their marks."""

from collections.abc import Callable
from typing import Any

from mcp_front.drawing.canvas import Canvas, shortened, text_width
from mcp_front.drawing.figure import (
    HEIGHT,
    WIDTH,
    Area,
    Candles,
    ChartFigure,
    Columns,
    Dot,
    Level,
    Line,
    Panel,
    Point,
    Upright,
)
from mcp_front.drawing.palette import THEMES, Palette, Rgb
from mcp_front.drawing.scale import Box, parts

LEFT, RIGHT, TOP, BOTTOM = 16, 826, 70, 450  # of all panels together; prices stand at the right, as in TWS
GAP = 10  # between panels
TITLE, HEAD, LABEL = 23, 15, 14.5  # sizes of texts: half of the smallest is still read
PAD = 5
LEGEND = 240  # pixels of a panel's width that its legend may take


def png_of(figure: ChartFigure) -> bytes:
    """Return the figure as a PNG."""
    return _Picture(figure).drawn()


class _Picture:
    def __init__(self, figure: ChartFigure) -> None:
        self._figure = figure
        self._palette: Palette = THEMES[figure.theme]
        self._canvas = Canvas(self._palette.background)
        self._drawn: dict[type, Callable[[Box, Any], None]] = {
            Candles: self._candles,
            Columns: self._columns,
            Line: self._line,
            Area: self._area,
            Upright: self._upright,
            Dot: self._dot,
            Level: self._level,
        }

    def drawn(self) -> bytes:
        self._head()
        boxes = self._boxes()
        for panel, box in zip(self._figure.panels, boxes, strict=True):
            self._frame(panel, box)
            for mark in panel.marks:
                self._drawn[type(mark)](box, mark)
            self._legend(panel, box)
        self._x_axis(boxes)
        return self._canvas.png()

    def _head(self) -> None:
        figure, canvas, palette = self._figure, self._canvas, self._palette
        room = float(WIDTH - 2 * LEFT)
        if figure.badge:
            width = text_width(figure.badge, LABEL) + 4 * PAD
            left = WIDTH - LEFT - width
            canvas.rectangle((left, 12), (WIDTH - LEFT, 35), palette.colours["warning"])
            canvas.text((left + width / 2, 24), figure.badge, LABEL, palette.background, "mm")
            room -= width + 10
        canvas.text((LEFT, 24), shortened(figure.title, TITLE, room), TITLE, palette.text)
        canvas.text((LEFT, 51), shortened(figure.subtitle, HEAD, WIDTH - 2 * LEFT), HEAD, palette.faint)

    def _boxes(self) -> list[Box]:
        figure = self._figure
        height = BOTTOM - TOP - GAP * (len(figure.panels) - 1)
        whole, top, boxes = sum(each.share for each in figure.panels), float(TOP), []
        for panel in figure.panels:
            bottom = top + height * panel.share / whole
            boxes.append(Box(LEFT, top, RIGHT, bottom, (figure.low, panel.low), (figure.high, panel.high)))
            top = bottom + GAP
        return boxes

    def _frame(self, panel: Panel, box: Box) -> None:
        canvas, palette = self._canvas, self._palette
        for value, label in panel.ticks:
            y = box.y(value)
            canvas.line([(box.left, y), (box.right, y)], palette.grid)
            canvas.text((box.right + PAD + 1, y), label, LABEL, palette.faint)
        for value, _ in self._figure.ticks:
            canvas.line([(box.x(value), box.top), (box.x(value), box.bottom)], palette.grid)
        canvas.line([(box.left, box.bottom), (box.right, box.bottom), (box.right, box.top)], palette.frame)

    def _legend(self, panel: Panel, box: Box) -> None:
        x = box.left + PAD
        for text, colour in panel.legend:
            width = text_width(text, LABEL)
            self._canvas.rectangle((x - 2, box.top + 2), (x + width + 2, box.top + 20), self._palette.background)
            self._canvas.text((x, box.top + 11), text, LABEL, self._palette.colours[colour])
            x += width + 16

    def _x_axis(self, boxes: list[Box]) -> None:
        box, end = boxes[-1], -1.0
        for value, label in self._figure.ticks:
            half = text_width(label, LABEL) / 2
            x = min(max(box.x(value), box.left + half), box.right - half)
            if x - half > end + 8:
                self._canvas.text((x, box.bottom + 13), label, LABEL, self._palette.faint, "mm")
                end = x + half
        note = shortened(self._figure.note, HEAD, WIDTH - 2 * LEFT)
        self._canvas.text((LEFT, HEIGHT - 13), note, LABEL - 1, self._palette.faint)

    def _candles(self, box: Box, mark: Candles) -> None:
        body = max(box.unit * 0.68, 1.0)
        for at, (opened, high, low, closed) in enumerate(mark.bars):
            colour = self._palette.colours["up" if closed >= opened else "down"]
            x, top, bottom = box.x(at), box.y(max(opened, closed)), box.y(min(opened, closed))
            self._canvas.rectangle((x - 0.5, box.y(high)), (x + 0.5, box.y(low)), colour)
            self._canvas.rectangle((x - body / 2, top), (x + body / 2, max(bottom, top + 1)), colour)

    def _columns(self, box: Box, mark: Columns) -> None:
        half = max(box.unit * 0.68, 1.0) / 2
        for at, (value, rising) in enumerate(zip(mark.values, mark.rising, strict=True)):
            colour = self._palette.mixed("up" if rising else "down", 0.55)
            x = box.x(at)
            self._canvas.rectangle((x - half, box.y(value)), (x + half, box.y(0)), colour)

    def _line(self, box: Box, mark: Line) -> None:
        self._canvas.line(box.points(mark.points), self._palette.colours[mark.colour], mark.width, mark.dashed)

    def _area(self, box: Box, mark: Area) -> None:
        base = box.y(mark.level)
        for above, stretch in parts(mark.points, mark.level):
            points = box.points(stretch)
            around = [(points[0][0], base), *points, (points[-1][0], base)]
            self._canvas.polygon(around, self._palette.mixed(mark.above if above else mark.below, self._palette.soft))

    def _upright(self, box: Box, mark: Upright) -> None:
        colour, x = self._palette.colours[mark.colour], box.x(mark.x)
        self._canvas.line([(x, box.top), (x, box.bottom)], colour, 1, dashed=True)
        lower = x - text_width(mark.label, LABEL) / 2 < box.left + LEGEND  # the legend is there
        self._word(box, (x, box.top + (31 if lower else 11)), mark.label, colour)

    def _dot(self, box: Box, mark: Dot) -> None:
        x, y = box.x(mark.at[0]), box.y(mark.at[1])
        self._word(box, (x, y - 17), mark.label, self._palette.text)
        self._canvas.dot((x, y), 5, self._palette.colours[mark.colour], self._palette.background)

    def _word(self, box: Box, at: Point, word: str, colour: Rgb) -> None:
        """Write a word into the panel, on a ground of its own, since lines may pass there."""
        if not word:
            return
        half = text_width(word, LABEL) / 2
        middle, y = min(max(at[0], box.left + half + 3), box.right - half - 3), at[1]
        self._canvas.rectangle((middle - half - 3, y - 9), (middle + half + 3, y + 9), self._palette.background)
        self._canvas.text((middle, y), word, LABEL, colour, "mm")

    def _level(self, box: Box, mark: Level) -> None:
        colour, y = self._palette.colours[mark.colour], box.y(mark.y)
        self._canvas.line([(box.left, y), (box.right, y)], colour, 1, dashed=bool(mark.label))
        if mark.label:
            self._boxed((box.right + 1, y), mark.label, colour)

    def _boxed(self, at: Point, label: str, colour: Rgb) -> None:
        """Write a label on the axis over the ticks' labels, which are left out below it."""
        self._canvas.tag(at, WIDTH - at[0] - 2, label, LABEL, (colour, self._palette.background))
