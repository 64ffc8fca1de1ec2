"""The recorder's parts are pure but for its rim, and know the wire but none of our other packages."""

from __future__ import annotations

import ast
from pathlib import Path

RECORDER = Path(__file__).parents[4] / "ibgateway" / "recorder"
RIM = {"__main__.py", "recording_proxy.py", "server.py"}
SOCKETS_AND_CLOCKS = {"asyncio", "socket", "time", "signal", "threading"}
# What compares with the simulator asks it; all else knows its frames and layouts alone.
SIMULATOR = "ibgateway.simulator"
WIRE = f"{SIMULATOR}.wire"


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_only_the_rim_has_sockets_and_clocks() -> None:
    found = {path.name for path in RECORDER.rglob("*.py") if SOCKETS_AND_CLOCKS & imported(path)}

    assert found == RIM


def test_the_recorder_knows_nothing_of_the_worker_and_its_library() -> None:
    tops = {name.split(".")[0] for path in RECORDER.rglob("*.py") for name in imported(path)}

    assert not tops & {"bridge", "ib_worker", "mcp_front", "ib_async"}


def test_only_the_comparison_knows_more_of_the_simulator_than_its_wire() -> None:
    found = {
        path.name
        for path in RECORDER.rglob("*.py")
        if any(name.startswith(SIMULATOR) and not name.startswith(WIRE) for name in imported(path))
    }

    assert found == {"simulator_run.py"}
