"""The colours of the themes."""

import pytest

from mcp_front.drawing.palette import THEMES, Palette, Rgb

LEAST = 4.5  # WCAG 2.2, 1.4.3: contrast of a text with its ground
LEAST_SHAPE = 3.0  # the same, 1.4.11: of a shape


def brightness(colour: Rgb) -> float:
    """Return WCAG's relative luminance."""
    parts = [each / 255 for each in colour]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Rgb, other: Rgb) -> float:
    dark, light = sorted((brightness(one), brightness(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", THEMES.values(), ids=THEMES)
def test_texts_and_shapes_can_be_told_from_their_ground(palette: Palette) -> None:
    assert min(contrast(each, palette.background) for each in (palette.text, palette.faint)) >= LEAST
    assert min(contrast(each, palette.background) for each in palette.colours.values()) >= LEAST_SHAPE


def test_a_mixed_colour_is_between_its_own_and_the_ground() -> None:
    assert THEMES["light"].mixed("main", 1) == THEMES["light"].colours["main"]
    assert THEMES["light"].mixed("main", 0) == THEMES["light"].background
