"""docs/operations.md has a row for each event of the log, with its fields, and no row for anything else."""

import re
from pathlib import Path

from tests.docs.log_events import logged

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
CHAPTER = PAGE.split("\n## Log events\n")[1].split("\n## ")[0]
ROW = re.compile(r"^\| `([^`]+)` \| (.*?) \| (.+) \|$", re.MULTILINE)
ROWS = {name: set(re.findall(r"`([^`]+)`", fields)) for name, fields, _meaning in ROW.findall(CHAPTER)}


def test_the_page_has_a_row_for_each_event_of_the_log() -> None:
    assert set(ROWS) == set(logged())


def test_a_row_has_the_fields_of_its_event() -> None:
    missing = {name: fields - ROWS[name] for name, fields in logged().items() if not fields <= ROWS.get(name, set())}

    assert missing == {}
