"""Free text of a caller: one printable line of bounded length, in good time."""

import pytest

from bridge.text.plain_text import one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a  plain\treason", "a plain reason"),
        (" ends\n", "ends"),
        ("two\u2028lines", "two lines"),
        ("\u202eturned", "turned"),
        ("zero\u200bwidth", "zero width"),
        ("\x00\x1b[31m", "[31m"),
        ("zwölf €", "zwölf €"),
        ("", ""),
    ],
)
def test_hidden_characters_are_blanks_and_blanks_are_one(text: str, line: str) -> None:
    assert one_line(text, 40) == line


def test_a_long_text_ends_with_an_ellipsis_within_its_length() -> None:
    assert one_line("x" * 10, 10) == "x" * 10
    assert one_line("x" * 11, 10) == "x" * 9 + "…"
    assert one_line("eight at most", 8) == "eight a…"


def test_blanks_before_a_text_do_not_take_its_place() -> None:
    assert one_line(" " * 30 + "said", 10) == "said"
