"""The table: one row for each kind of call, one column for each server, and how this project fares beside the best."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.peers.measure import AGAIN, CROWDED, DETAILS, KINDS, MONTH, POSITIONS, Results, Times
from benchmarks.peers.servers import OURS, REFERENCE, Server
from benchmarks.rig import percentile

NONE = "–"
BEGIN, END = "<!-- make bench-peers: begin -->", "<!-- make bench-peers: end -->"
BARS = {POSITIONS: 0.75, DETAILS: 0.75, AGAIN[MONTH]: 0.75, CROWDED: 2.0}  # of the fastest other's, in the same run


@dataclass(frozen=True)
class ToolList:
    """A server's list of tools as each host reads it."""

    tools: int
    characters: int
    tokens: int | None


def machine(load: float) -> str:
    """Return the machine, the time, and the load of the minute before the run."""
    cpu = next(
        (line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({cpu}), {memory:.0f} GB, "
        f"{platform.system()} {platform.release()}, "
        f"load {load:.1f} before the run and {os.getloadavg()[0]:.1f} after it"
    )


def table(servers: Sequence[Server], results: Results, memory: Mapping[str, str], lists: Mapping[str, ToolList]) -> str:
    names = [server.name for server in servers]
    rows = [["", *names, "ratio", "bar"], ["---"] * (len(names) + 3)]
    rows += [_row(kind, names, results[kind]) for kind in KINDS]
    rows.append(["memory at rest, RSS / PSS, MB", *(memory[name] for name in names), "", ""])
    rows.append(["`tools/list`", *(_told(lists[name]) for name in names), "", ""])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _row(kind: str, names: Sequence[str], found: Mapping[str, Times]) -> list[str]:
    cell = _rate if kind == CROWDED else _milliseconds
    unit = "calls/s" if kind == CROWDED else "ms"
    cells = [cell(found[name]) if name in found else NONE for name in names]
    ratio = ratio_of(kind, found)
    return [f"{kind}, {unit}", *cells, NONE if ratio is None else f"{ratio:.2f}", _verdict(kind, ratio)]


def ratio_of(kind: str, found: Mapping[str, Times]) -> float | None:
    """Return the median of this project's figure by another server's in the same step, for the server that comes out
    best: steps of another moment would compare the machine's load."""
    if OURS not in found:
        return None
    figures = {name: times.rates if kind == CROWDED else _medians(times) for name, times in found.items()}
    ratios = [
        statistics.median(ours / other for ours, other in zip(figures[OURS], figures[name], strict=True))
        for name in figures
        if name != OURS
    ]
    worst = min if kind == CROWDED else max
    return worst(ratios, default=None)


def _verdict(kind: str, ratio: float | None) -> str:
    if kind not in BARS or ratio is None:
        return ""
    least = kind == CROWDED
    met = ratio >= BARS[kind] if least else ratio <= BARS[kind]
    return f"at {'least' if least else 'most'} {BARS[kind]:g}: {'met' if met else 'missed'}"


def missed(results: Results) -> bool:
    return any(_verdict(kind, ratio_of(kind, results[kind])).endswith("missed") for kind in KINDS)


def _medians(times: Times) -> list[float]:
    return [statistics.median(taken) for taken in times.steps]


def _milliseconds(times: Times) -> str:
    """The median and the 99th percentile of all calls; the lowest and highest median of a step."""
    every = [each for taken in times.steps for each in taken]
    medians = _medians(times)
    told = f"{_ms(statistics.median(every))} / {_ms(percentile(every, 0.99))}"
    return f"{told} ({_ms(min(medians))}–{_ms(max(medians))})"


def _rate(times: Times) -> str:
    return f"{statistics.median(times.rates):.0f} ({min(times.rates):.0f}–{max(times.rates):.0f})"


def _ms(seconds: float) -> str:
    value = seconds * 1000
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _told(tools: ToolList) -> str:
    tokens = "" if tools.tokens is None else f", {tools.tokens:,} tokens"
    return f"{tools.tools} tools{tokens}, {tools.characters / 1000:.0f} kB"


def in_page(page: str, text: str) -> str:
    """Return the page with the text between the markers. Raises ValueError where it has none."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    if not rest or END not in rest:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def versions(servers: Sequence[Server], python: str) -> str:
    """Return what the servers ran on, one line each."""
    lines = []
    for server in servers:
        here = server.name in (OURS, REFERENCE)
        packages = ", ".join(f"{name} {release}" for name, release in server.releases.items())
        lines.append(f"- {server.name}: Python {platform.python_version() if here else python}; {packages}")
    return "\n".join(lines)


def compact(tools: Sequence[object]) -> str:
    return json.dumps(tools, separators=(",", ":"), ensure_ascii=False)
