"""MCP's conformance suites: their server scenarios against both servers, and where the front is worse."""

import asyncio
import json
import re
import shutil
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.installation import HERE, MODULES, PLACE, node, package_version
from tests.conformance.stack import Server

WITHIN_S = 180.0
PASSED, FAILED = "SUCCESS", "FAILURE"
OLD, NEW = "@modelcontextprotocol/conformance", "conformance-next"
FOLDER = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT")  # of a scenario's results

Checks = Mapping[str, Counter[str]]  # by the check's id: how often each status
Results = dict[str, Checks]  # by the scenario's name


@dataclass(frozen=True)
class Suite:
    """A set of scenarios of one release of the package."""

    package: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{package_version(self.package)} {' '.join(self.arguments).replace('--', '')}"


SUITES = (
    Suite(OLD, ("--suite", "all")),
    Suite(NEW, ("--requirements", "2025-11-25")),
    Suite(NEW, ("--requirements", "2026-07-28")),
    Suite(NEW, ("--suite", "all")),  # the extensions too
)


@dataclass(frozen=True)
class Expected:
    """The statements of scenarios.toml about scenarios and checks."""

    no_fixture: frozenset[str]
    fixture_checks: frozenset[str]
    session_checks: frozenset[str]


def expected() -> Expected:
    lists = tomllib.loads((HERE / "scenarios.toml").read_text(encoding="utf-8"))
    return Expected(*(frozenset(lists[name]) for name in ("no_fixture", "fixture_checks", "session_checks")))


async def played(suite: Suite, server: Server) -> Results:
    """Run a suite against a server."""
    folder = PLACE / "results" / re.sub(r"\W+", "-", str(suite)) / server.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = (str(MODULES / suite.package / "dist" / "index.js"), "server", "--url", server.url, *suite.arguments)
    with (folder / "output.txt").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            node(), *command, "-o", str(folder), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
        )
        async with asyncio.timeout(WITHIN_S):
            await process.wait()  # its status says that fixtures are missing
    return read_results(folder)


def read_results(folder: Path) -> Results:
    results: Results = {}
    for path in sorted(folder.glob("*/checks.json")):
        name = FOLDER.match(path.parent.name)
        assert name is not None, path
        results[name[1]] = _counted(json.loads(path.read_text(encoding="utf-8")))
    return results


def _counted(checks: list[dict[str, Any]]) -> Checks:
    counts: dict[str, Counter[str]] = {}
    for check in checks:
        counts.setdefault(check["id"], Counter())[check["status"]] += 1
    return counts


def passed(checks: Checks) -> bool:
    """Return whether a check of a scenario passed."""
    return any(count[PASSED] for count in checks.values())


def figures(results: Results) -> str:
    """Return how many scenarios have no failed check, and how many checks passed and failed."""
    clean = sum(not any(count[FAILED] for count in checks.values()) for checks in results.values())
    each = [count for checks in results.values() for count in checks.values()]
    return f"{clean} of {len(results)} scenarios, {_sum(each, PASSED)} checks passed, {_sum(each, FAILED)} failed"


def _sum(counts: list[Counter[str]], status: str) -> int:
    return sum(count[status] for count in counts)


def faults(ours: Results, alone: Results, known: Expected) -> Iterator[str]:
    """Yield a line for each check that is worse than FastMCP's, and for each that needs no fixture and fails."""
    for scenario in sorted(ours.keys() | alone.keys()):
        checks = ours.get(scenario, {})
        for check in _worse(checks, alone.get(scenario, {}), known):
            yield f"{scenario}: {check} is worse than with FastMCP alone"
        if scenario in known.no_fixture:
            failed = (name for name, count in checks.items() if count[FAILED] and name not in known.fixture_checks)
            yield from (f"{scenario}: {name} fails, and needs no fixture" for name in failed)


def _worse(ours: Checks, alone: Checks, known: Expected) -> Iterator[str]:
    for name, theirs in alone.items():
        mine = ours.get(name, Counter())
        skipped = theirs[PASSED] and not mine[PASSED] and name not in known.session_checks
        if mine[FAILED] > theirs[FAILED] or skipped:
            yield name
    yield from (name for name, mine in ours.items() if name not in alone and mine[FAILED])
