"""`make catalogue`: runs every test that shows a row of the fault catalogue, then prints a line for each row."""

import sys

import pytest

from tests.catalogue.rows import GROUPS, all_rows, marks
from tests.marked import Test


class Outcomes:
    """A plugin of pytest's: what became of each test function, over all its parameters and processes."""

    def __init__(self) -> None:
        self._of: dict[Test, set[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            file, _, name = report.nodeid.removeprefix("tests/").partition("::")
            self._of.setdefault(Test(file, name.partition("[")[0]), set()).add(report.outcome)

    def word(self, tests: frozenset[Test]) -> str:
        """Of the tests that ran: those that need containers do not."""
        told = set().union(*(self._of.get(each, set()) for each in tests))
        return "failed" if "failed" in told else "shown" if told == {"passed"} else "not shown"


def main() -> int:
    outcomes = Outcomes()
    arguments = ["-m", "fault and not docker", "-n", "2", "--dist", "loadfile", *sys.argv[1:]]
    status = pytest.main(arguments, plugins=[outcomes])
    words = {row: outcomes.word(marks().get(row, frozenset())) if row in marks() else "not shown" for row in all_rows()}
    for row, word in words.items():
        print(f"{row:>3}  {word:<9}  {', '.join(map(str, sorted(marks().get(row, frozenset()))))}")
    for name, ranges in GROUPS.items():
        rows = [row for each in ranges for row in each]
        left = [row for row in rows if words[row] != "shown"]
        print(f"{name}: {len(rows) - len(left)} of {len(rows)} shown" + (f", not {left}" if left else ""))
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
