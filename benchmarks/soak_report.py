"""Counts of the soak, and its verdict."""

import argparse
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from benchmarks.rig import resident_mib
from cli.local_stack.processes import Child

GROWTH = 0.10  # the bar
LAPSE = " that lapse"
OF_ORDERS = 3  # keys that the first order makes: the audit log, its head, and the day's count
PACING_CODES = {"100", "101", "162", "420"}


@dataclass
class Counts:
    """Counts of the events so far."""

    orders: int = 0
    ticks: int = 0
    reads: int = 0
    gaps: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    read_errors: Counter[str] = field(default_factory=Counter)
    tws_errors: Counter[str] = field(default_factory=Counter)
    ready_s: list[float] = field(default_factory=list)
    most_lines: int = 0


@dataclass
class Memory:
    """Resident memory by process: all that was seen, and what there was at the end of each day."""

    children: dict[str, Child]
    seen: dict[str, list[float]] = field(default_factory=dict)
    marks: dict[tuple[str, int], list[float]] = field(default_factory=dict)

    def take(self) -> None:
        for name, child in self.children.items():
            self.seen.setdefault(name, []).append(resident_mib(child))

    def mark(self, day: int) -> None:
        for name, child in self.children.items():
            self.marks.setdefault((name, day), []).append(resident_mib(child))

    def of(self, name: str, day: int) -> float:
        return statistics.median(self.marks[name, day])


@dataclass(frozen=True)
class Held:
    """Things that could leak, as many as there are at one moment."""

    worker: dict[str, Any]
    keys: dict[str, int]
    files: int
    lines: int

    @property
    def staying(self) -> int:
        """Keys of Redis that do not lapse by themselves."""
        return sum(count for kind, count in self.keys.items() if not kind.endswith(LAPSE))


def tell(counts: Counts, memory: Memory, options: argparse.Namespace, before: Held, after: Held) -> None:
    days = ", ".join(f"{memory.of('worker', day):.1f}" for day in range(options.days))
    print(f"\noutcomes of orders: {dict(counts.outcomes)}")
    print(f"reads over MCP: {counts.reads:,}, refused: {dict(counts.read_errors)}; gaps told: {counts.gaps}")
    print(f"TWS's errors and notices: {dict(counts.tws_errors)}")
    print(f"ready again after each night and login, in s: {[round(each, 1) for each in counts.ready_s]}")
    print(f"Redis keys before: {before.keys}\n           after: {after.keys}")
    print(f"objects in the worker: {before.worker['objects']:,} before, {after.worker['objects']:,} after")
    print(f"of which most are {after.worker['kinds']}")
    print(f"worker, MiB at the end of each day: {days}")


def verdict(counts: Counts, memory: Memory, options: argparse.Namespace, before: Held, after: Held) -> int:
    """Print what the bars are about; 1 where one is missed."""
    paced = {code: count for code, count in counts.tws_errors.items() if code in PACING_CODES}
    verdicts = [
        (f"{counts.orders:,} orders placed", counts.orders >= options.orders),
        (f"{counts.ticks:,} ticks heard", counts.ticks >= options.ticks),
        (f"pacing errors of TWS: {paced or 'none'}", not paced),
        (f"lines: at most {counts.most_lines}, {after.lines} after", not after.lines),
        _unchanged("tasks of the worker", before.worker["tasks"], after.worker["tasks"]),
        _unchanged("open files of the worker", before.files, after.files),
        _unchanged("keys of Redis that stay", before.staying, after.staying - OF_ORDERS),
    ]
    for name in memory.children:
        warm, end = memory.of(name, 0), memory.of(name, options.days - 1)
        text = (
            f"{name}: {warm:.1f} MiB after the first day, {end:.1f} after the last, {end / warm - 1:+.1%}; "
            f"at most {max(memory.seen[name]):.1f}"
        )
        verdicts.append((text, end / warm - 1 < GROWTH))
    for text, met in verdicts:
        print(f"  {'met   ' if met else 'MISSED'} {text}")
    return int(not all(met for _, met in verdicts))


def _unchanged(what: str, before: int, after: int) -> tuple[str, bool]:
    return f"{what}: {before} before, {after} after", after <= before
