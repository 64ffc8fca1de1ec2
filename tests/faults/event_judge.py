"""Judges what readers of events and quotes had against what the logs in Redis have. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec

from bridge.order_references import order_ref

Row = list[Any]  # kind, time, details


@dataclass(frozen=True)
class QuoteEntry:
    """One entry of a kept stream's log."""

    kind: str
    time: str | None
    life: str
    last: int  # the number of its last update
    updates: int  # that it merges

    @classmethod
    def parse(cls, fields: dict[str, str]) -> "QuoteEntry":
        time = msgspec.json.decode(fields["e"]).get("time")
        return cls(fields["k"], time, fields["l"], int(fields["s"]), int(fields["u"]))


def wrong_events(told: Sequence[Row], log: Sequence[Row]) -> list[str]:
    """Return how a reader's events differ from the log's: lost, doubled, made up, or in another order."""
    had, there = (Counter(map(repr, rows)) for rows in (told, log))
    lost, more = there - had, had - there
    doubled = Counter({each: count for each, count in more.items() if each in there})
    wrong = [
        f"the reader has {rows.total()} events {what}: {next(iter(rows))}"
        for what, rows in (("less", lost), ("twice", doubled), ("that the log has not", more - doubled))
        if rows
    ]
    if not wrong and list(told) != list(log):
        wrong.append(f"the reader has the log's {len(log)} events in another order")
    return wrong


def wrong_executions(found: Sequence[str], log: Sequence[str]) -> list[str]:
    return [] if list(found) == list(log) else [f"the waiter has the executions {found}, the log {log}"]


def wrong_ends(ended: Iterable[str], keys: Iterable[str]) -> list[str]:
    """`ended`: the orderRef of each end of an order in the log, which has one of each key."""
    ends = Counter(ended)
    return [f"ends of orders in the log: {dict(ends)}"] if any(ends[order_ref(key)] != 1 for key in keys) else []


def wrong_quotes(told: Sequence[Row], log: Sequence[QuoteEntry], *, needs_gap: bool) -> list[str]:
    """`told`: kind, time and merged updates of each row. Each update is in the log, or a gap stands for it."""
    wrong: list[str] = []
    if list(told) != [[each.kind, each.time, each.updates] for each in log]:
        wrong.append(f"the reader has {len(told)} quotes, and the log {len(log)} others or in another order")
    for before, after in pairwise(log):
        follows = before.life == after.life and before.last + after.updates == after.last
        if not follows and "gap" not in (before.kind, after.kind):
            wrong.append(f"no gap between update {before.last} and {after.last}, which merges {after.updates}")
    if needs_gap and not any(row[0] == "gap" for row in told):
        wrong.append("a fault ended TWS's subscription, and no gap is marked")
    return wrong
