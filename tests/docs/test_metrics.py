"""docs/operations.md has a row for each metric, with its labels, and no row for anything else; names keep the rules."""

import re
from pathlib import Path
from typing import Any

import pytest

from bridge.metrics.table import MetricRow
from console.metrics import ROWS as CONSOLE
from ib_worker.metrics.table import ROWS as WORKER
from mcp_front.metrics import ROWS as FRONT

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "operations.md").read_text(encoding="utf-8")
CHAPTER = PAGE.split("\n### Metrics\n")[1].split("\n## ")[0]
DOCUMENTED = {
    name: (kind, tuple(re.findall(r"`([^`]+)`", labels)))
    for name, kind, labels in re.findall(r"^\| `(ibkr_[^`]+)` \| (\w+) \| (.*?) \|", CHAPTER, re.MULTILINE)
}
ROWS: tuple[MetricRow[Any], ...] = (*FRONT, *WORKER, *CONSOLE)


def test_the_page_has_a_row_for_each_metric_with_its_labels() -> None:
    assert {row.name: (row.kind, row.labels) for row in ROWS} == DOCUMENTED


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_name_keeps_prometheus_rules(row: MetricRow[Any]) -> None:
    """https://prometheus.io/docs/practices/naming/: a prefix of the application, base units, `_total` for counters."""
    assert re.fullmatch(r"ibkr_(front|worker|console)_[a-z]+(_[a-z]+)*", row.name)
    assert row.name.endswith("_total") == (row.kind == "counter")
    assert row.name.endswith(("_seconds", "_bytes")) or row.kind != "histogram"
    assert not re.search(r"_(ms|milliseconds|minutes|percent|count|sum|bucket)\b", row.name)
    assert set(row.labels).isdisjoint({"session", "job", "instance", "le"})
    assert row.meaning
    assert not row.meaning.endswith(".")
