"""docs/trial.md and the tests' marks name the same tests, so that neither can rot."""

import re

import pytest

from tests.marked import TESTS, Test, marked_tests, stray_marks

MARK = "pytest.mark.trial"
PAGE = (TESTS.parent / "docs" / "trial.md").read_text(encoding="utf-8")
SECTIONS = {
    "A": range(1, 34),
    "B": range(1, 16),
    "C": range(1, 17),
    "D": (*range(1, 18), *range(19, 26)),
    "E": range(1, 19),
    "F": (1, 4, 8, 16, 19),
}
ROWS = [f"{section}{number}" for section, numbers in SECTIONS.items() for number in numbers]
_SECTIONS = re.split(r"^### (\w+)\n", PAGE, flags=re.MULTILINE)
TEXTS = dict(zip(_SECTIONS[1::2], (each.split("\n## ")[0] for each in _SECTIONS[2::2]), strict=True))
_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")


def test_the_page_has_every_row_once_and_in_order() -> None:
    assert _SECTIONS[1::2] == ROWS


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_the_tests_that_carry_its_mark_and_no_others(row: str) -> None:
    named = sorted(str(Test(*each)) for each in _TEST.findall(TEXTS[row]))

    assert named == sorted(map(str, marked_tests(MARK).get(row, ())))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_test_or_says_why_not(row: str) -> None:
    assert _TEST.search(TEXTS[row]) or "No test:" in TEXTS[row]


def test_every_mark_is_where_it_is_read() -> None:
    assert stray_marks(MARK) == []
