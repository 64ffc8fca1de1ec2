"""The picture: shapes at twice its size, made smooth by halving, and texts upon them at its own."""

from collections.abc import Iterable
from functools import cache
from io import BytesIO
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from mcp_front.drawing.figure import HEIGHT, WIDTH, Point
from mcp_front.drawing.palette import Rgb
from mcp_front.drawing.scale import dashes

FINE = 2
LONGEST = 160  # characters of a text: more than a line has
FORMAT = PngImagePlugin.PngImageFile.format  # its import is all that Pillow needs to write one
UNKNOWN = "?"  # for a character that the font lacks
PATTERN = (6.0, 4.0)  # pixels of a dash and of its gap


class Canvas:
    """Draws in pixels of the finished picture. Texts are drawn last, whenever they are added."""

    def __init__(self, background: Rgb) -> None:
        self._image = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), background)
        self._draw = ImageDraw.Draw(self._image)
        self._texts: list[tuple[Point, str, float, Rgb, str]] = []

    def rectangle(self, first: Point, second: Point, colour: Rgb) -> None:
        left, right = sorted((first[0], second[0]))
        top, bottom = sorted((first[1], second[1]))
        corner = (max(right * FINE - 1, left * FINE), max(bottom * FINE - 1, top * FINE))
        self._draw.rectangle(((left * FINE, top * FINE), corner), fill=colour)

    def line(self, points: list[Point], colour: Rgb, width: float = 1.0, dashed: bool = False) -> None:
        if not dashed:
            self._line(points, colour, width)
            return
        begin = 0.0
        for start, end in pairwise(points):
            pieces, begin = dashes(start, end, *PATTERN, begin)
            for piece in pieces:
                self._line(piece, colour, width)

    def _line(self, points: Iterable[Point], colour: Rgb, width: float) -> None:
        fine = [(x * FINE, y * FINE) for x, y in points]
        self._draw.line(fine, fill=colour, width=max(round(width * FINE), 1), joint="curve")

    def polygon(self, points: list[Point], colour: Rgb) -> None:
        self._draw.polygon([(x * FINE, y * FINE) for x, y in points], fill=colour)

    def dot(self, at: Point, radius: float, colour: Rgb, rim: Rgb) -> None:
        box = [(at[0] - radius) * FINE, (at[1] - radius) * FINE, (at[0] + radius) * FINE, (at[1] + radius) * FINE]
        self._draw.ellipse(box, fill=colour, outline=rim, width=FINE)

    def text(self, at: Point, text: str, size: float, colour: Rgb, anchor: str = "lm") -> None:
        """Add a text. `anchor`: Pillow's, such as lm for its left middle at the point. It is drawn as it is: no part of
        it is a command."""
        self._texts.append((at, shown(text[:LONGEST]), size, colour, anchor))

    def tag(self, at: Point, width: float, text: str, size: float, colours: tuple[Rgb, Rgb]) -> None:
        """Add a text in a filled box with its left middle at the point. Texts that it would hide are left out."""
        (x, y), half = at, size * 0.62
        self._texts = [each for each in self._texts if not (each[0][0] >= x and abs(each[0][1] - y) < 2 * half - 1)]
        self.rectangle((x, y - half), (x + width, y + half), colours[0])
        self.text((x + 5, y), text, size, colours[1])

    def png(self) -> bytes:
        """Return the picture as a PNG."""
        smooth = self._image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
        draw = ImageDraw.Draw(smooth)
        for at, text, size, colour, anchor in self._texts:
            draw.text(at, text, fill=colour, font=font(size), anchor=anchor)
        out = BytesIO()
        smooth.save(out, FORMAT, optimize=True)
        return out.getvalue()


@cache
def font(size: float) -> ImageFont.FreeTypeFont:
    """Return Pillow's own font: no file of the machine is read."""
    made = ImageFont.load_default(size)
    assert isinstance(made, ImageFont.FreeTypeFont)
    return made


def text_width(text: str, size: float) -> float:
    return float(font(size).getlength(shown(text[:LONGEST])))


def shown(text: str) -> str:
    """Return a text in the characters that the font has."""
    return "".join(each if " " <= each <= "~" or each in "·…’" else UNKNOWN for each in text)


def shortened(text: str, size: float, width: float) -> str:
    """Return a text that fits into a width, with its end left out where it is longer."""
    if len(text) <= LONGEST and text_width(text, size) <= width:
        return text
    text = text[:LONGEST]
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"
