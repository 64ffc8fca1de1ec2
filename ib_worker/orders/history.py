"""The history of an order, as `ibkr_get_order` tells it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

LIFE_EVENTS = 200  # kept of one order: the first half and the last half

Source = Literal[
    "sent", "change sent", "cancel sent", "openOrder", "orderStatus", "execDetails", "commission", "error",
    "completedOrder", "vanished", "open order list",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing that happened to the order."""

    at: datetime
    source: Source
    what: str


def appended(life: tuple[HistoryEntry, ...], entry: HistoryEntry) -> tuple[HistoryEntry, ...]:
    """Return the entries with one more; of too many, the one in the middle is left out."""
    life = (*life, entry)
    if len(life) <= LIFE_EVENTS:
        return life
    half = LIFE_EVENTS // 2
    return (*life[:half], *life[half + 1 :])
