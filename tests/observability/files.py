"""The files of deploy/observability, the queries in them, and the programs that check them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.metrics.table import MetricRow
from console.metrics import ROWS as CONSOLE
from ib_worker.metrics.table import ROWS as WORKER
from mcp_front.metrics import ROWS as FRONT

FOLDER = Path(__file__).resolve().parent.parent.parent / "deploy" / "observability"
ROWS: tuple[MetricRow[Any], ...] = (*FRONT, *WORKER, *CONSOLE)
KNOWN = {
    f"{row.name}{end}" for row in ROWS for end in (("_bucket", "_count", "_sum") if row.kind == "histogram" else ("",))
}
NAME = re.compile(r"\bibkr_(?:front|worker|console)_[a-z_]+")
ANY_OF = "ibkr_(worker|console)_"  # in a query by __name__

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is missing: apt-get install prometheus"
)
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is missing: apt-get install prometheus"
)


def promtool(*arguments: str) -> None:
    """Run promtool in the folder; fail with what it says."""
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict[str, Any]]:
    found = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))
    return [rule for group in found["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    return found


def panels() -> list[dict[str, Any]]:
    """Return the panels that show something; a row is only a title."""
    return [each for each in dashboard()["panels"] if each["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """Yield the title of each panel with each of its queries."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def names_in(query: str) -> set[str]:
    whole = query.replace(ANY_OF, "ibkr_worker_") + query.replace(ANY_OF, "ibkr_console_") if ANY_OF in query else query
    return set(NAME.findall(whole))
