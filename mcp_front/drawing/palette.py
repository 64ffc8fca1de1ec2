"""The colours of the two themes. Up and down differ in brightness too, for people who see no red and green."""

from dataclasses import dataclass

from mcp_front.drawing.figure import Colour

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """One theme. `soft`: how much of a colour an area keeps over the background."""

    background: Rgb
    grid: Rgb
    frame: Rgb
    text: Rgb
    faint: Rgb
    soft: float
    colours: dict[Colour, Rgb]

    def mixed(self, colour: Colour, share: float) -> Rgb:
        """Return a colour with the background shining through."""
        red, green, blue = (
            round(one * share + below * (1 - share))
            for one, below in zip(self.colours[colour], self.background, strict=True)
        )
        return red, green, blue


THEMES = {
    "light": Palette(
        background=(255, 255, 255),
        grid=(232, 235, 240),
        frame=(176, 183, 194),
        text=(24, 30, 40),
        faint=(92, 102, 117),
        soft=0.16,
        colours={
            "up": (16, 150, 104),
            "down": (206, 44, 56),
            "main": (28, 90, 200),
            "second": (217, 119, 6),
            "third": (124, 58, 190),
            "fourth": (8, 120, 140),
            "quiet": (110, 120, 135),
            "warning": (196, 88, 0),
        },
    ),
    "dark": Palette(
        background=(17, 21, 28),
        grid=(37, 43, 54),
        frame=(82, 91, 107),
        text=(232, 236, 242),
        faint=(156, 166, 182),
        soft=0.22,
        colours={
            "up": (52, 199, 146),
            "down": (240, 92, 100),
            "main": (98, 156, 255),
            "second": (245, 166, 60),
            "third": (184, 134, 250),
            "fourth": (70, 196, 216),
            "quiet": (150, 160, 176),
            "warning": (255, 168, 76),
        },
    ),
}
