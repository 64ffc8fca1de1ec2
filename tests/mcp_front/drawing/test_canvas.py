"""The picture's shapes and texts."""

from io import BytesIO

import pytest
from PIL import Image

from mcp_front.drawing.canvas import Canvas, shortened, shown, text_width
from mcp_front.drawing.figure import HEIGHT, WIDTH

WHITE, RED = (255, 255, 255), (200, 0, 0)


def image(canvas: Canvas) -> Image.Image:
    return Image.open(BytesIO(canvas.png())).convert("RGB")


def test_shapes_are_where_they_were_drawn() -> None:
    canvas = Canvas(WHITE)
    canvas.rectangle((10, 10), (20, 20), RED)
    canvas.line([(0, 100), (50, 100)], RED, 2)
    canvas.line([(0, 200), (50, 200)], RED, 2, dashed=True)
    drawn = image(canvas)

    assert drawn.size == (WIDTH, HEIGHT)
    assert drawn.getpixel((15, 15)) == RED
    assert drawn.getpixel((25, 15)) == WHITE
    assert drawn.getpixel((8, 100)) == RED
    assert (drawn.getpixel((3, 200)), drawn.getpixel((8, 200))) == (RED, WHITE)


def test_a_text_is_drawn_over_shapes_and_a_tag_hides_what_is_below_it() -> None:
    canvas = Canvas(WHITE)
    canvas.text((100, 50), "WWWW", 15, (0, 0, 0))
    canvas.tag((100, 51), 60, "", 15, (RED, WHITE))

    assert set(image(canvas).crop((102, 45, 150, 55)).tobytes()) == set(bytes(RED))


@pytest.mark.parametrize("text", ["<script>", "$(reboot)", "{title}", "100 %"])
def test_a_text_is_no_command(text: str) -> None:
    assert shown(text) == text


def test_a_character_without_a_glyph_is_a_question_mark() -> None:
    assert shown("Ä中\n\u202ex") == "????x"


def test_a_long_text_is_cut_to_its_room() -> None:
    cut = shortened("A very long name of a company" * 9, 15, 200)

    assert cut.endswith("…")
    assert text_width(cut, 15) <= 200
    assert shortened("short", 15, 200) == "short"
