"""The fault catalogue as its page and the tests' marks tell it."""

import re
from pathlib import Path

from tests.marked import Test, marked_tests

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
PAGE = ROOT / "docs" / "fault-catalogue.md"

# What is counted together, and of how many rows at least as many must be shown.
GROUPS: dict[str, tuple[range, ...]] = {
    "gateway, requests, worker, Redis": (range(1, 40), range(61, 87)),
    "orders": (range(40, 61), range(87, 88), range(91, 99), range(105, 108)),
    "front and clients": (range(88, 91), range(99, 105), range(108, 110)),
    "the account's history": (range(110, 115),),
}
ROWS = 114
MARK = "pytest.mark.fault"

_ROW = re.compile(r"^\| (\d+) \|(.*)\|$")
_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")


def page() -> dict[int, frozenset[Test]]:
    """The tests that the page names for each row."""
    rows: dict[int, frozenset[Test]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if row := _ROW.match(line):
            number = int(row[1])
            assert number not in rows, f"row {number} stands twice on the page"
            rows[number] = frozenset(Test(*each) for each in _TEST.findall(row[2]))
    return rows


def all_rows() -> range:
    return range(1, ROWS + 1)


def marks() -> dict[int, frozenset[Test]]:
    """The tests that carry each row's mark."""
    return marked_tests(MARK)
