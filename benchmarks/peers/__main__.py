"""`make bench-peers`: this project, ib-gateway-mcp, ib-mcp, and FastMCP with ib_async in one process, in one run.

All are at one simulated gateway, and the same raw HTTP client asks them. The peers need Python 3.12 or newer:
PEERS_PYTHON, or python3.12 and later on the PATH; without one the rest is measured.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import uvloop

from benchmarks.peers import environments, report
from benchmarks.peers.measure import POSITIONS, Sizes, Visitor, greeted, measure, memory_mb
from benchmarks.peers.report import ToolList
from benchmarks.peers.servers import OURS, Server, running
from cli.errors import Problem

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
REST_S = 10.0  # after the start, before memory is read
START_S, ROUND_S = 60, 25  # about: with the installation of the peers; of a round on two cores
MISSING = "There is no Python 3.12 or newer (PEERS_PYTHON, PATH): ib-gateway-mcp and ib-mcp are not measured."


async def run(options: argparse.Namespace, folder: Path, python: str | None) -> int:
    load = os.getloadavg()[0]
    async with running(folder, python) as (servers, _):
        await asyncio.sleep(REST_S)
        memory = {server.name: _memory(server) for server in servers}
        visitors = await greeted(servers)
        lists = {each.server.name: await _tools(each) for each in visitors}
        results = await measure(visitors, options.rounds, Sizes(), lambda news: print(news, flush=True))
    rounds = len(results[POSITIONS][OURS].steps) // Sizes().turns
    text = "\n\n".join(
        (
            f"{report.machine(load)}; {rounds} rounds.",
            report.versions(_with_own_releases(servers), _dotted(python)),
            report.table(servers, results, memory, lists),
        )
    )
    print(f"\n{text}")
    if options.write:
        PAGE.write_text(report.in_page(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    return int(report.missed(results))


def _memory(server: Server) -> str:
    """Redis is named apart: one serves many fronts and workers, and other programs."""
    parts = {name: memory_mb(pid) for name, pid in server.pids.items()}
    own = [amounts for name, amounts in parts.items() if name != "redis"]
    text = " / ".join(f"{sum(column):.0f}" for column in zip(*own, strict=True))
    if len(parts) == 1:
        return text
    return f"{text} ({', '.join(f'{name} {rss:.0f} / {pss:.0f}' for name, (rss, pss) in parts.items())})"


async def _tools(visitor: Visitor) -> ToolList:
    tools = visitor.client.tools
    text = report.compact(tools)
    return ToolList(len(tools), len(text), await asyncio.to_thread(environments.count_tokens, text))


def _with_own_releases(servers: Sequence[Server]) -> list[Server]:
    for server in servers:
        if not server.releases:
            names = ("fastmcp", "mcp", "ib_async", "uvicorn") + (("redis",) if server.name == OURS else ())
            server.releases.update({name: version(name) for name in names})
    return list(servers)


def _dotted(python: str | None) -> str:
    return ".".join(map(str, environments.version_of(python) or ())) if python else ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="of all servers, beside one that warms up (9)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args()
    try:
        python = environments.find_python()
        if python is None:
            print(MISSING)
        seconds = START_S + (options.rounds + 1) * ROUND_S
        print(
            f"this takes about {round(seconds / 60)} minutes: {options.rounds} rounds after one that warms up",
            flush=True,
        )
        with tempfile.TemporaryDirectory(prefix="peers-") as folder:
            return uvloop.run(run(options, Path(folder), python))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
