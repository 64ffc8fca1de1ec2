"""The page of the fault catalogue and the tests' marks say the same, so that neither can rot."""

from tests.catalogue.rows import GROUPS, MARK, ROOT, all_rows, marks, page
from tests.marked import stray_marks


def test_the_page_has_every_row_once_and_in_order() -> None:
    assert list(page()) == list(all_rows())


def test_every_row_belongs_to_one_group() -> None:
    assert sorted(row for ranges in GROUPS.values() for each in ranges for row in each) == list(all_rows())


def test_the_page_names_the_tests_that_carry_a_rows_mark_and_no_others() -> None:
    named = {row: tests for row, tests in page().items() if tests}

    assert {row: sorted(map(str, tests)) for row, tests in named.items()} == {
        row: sorted(map(str, tests)) for row, tests in marks().items()
    }


def test_every_mark_is_where_it_is_read() -> None:
    assert stray_marks(MARK) == []


def test_a_row_without_a_test_says_why() -> None:
    lines = (ROOT / "docs" / "fault-catalogue.md").read_text(encoding="utf-8").splitlines()
    bare = [line for line in lines if line.startswith("| ") and line[2].isdigit() and ".py::" not in line]

    assert all("no test:" in line for line in bare), bare
