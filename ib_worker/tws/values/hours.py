"""A contract's trading hours, as contractDetails has them: days, and spans in the zone that timeZoneId names. Pure.

TWS writes "20260713:0400-20260713:2000;20260714:CLOSED", and before version 970 "20260713:0930-1200,1300-1600".
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_SPAN = re.compile(r"(?:([0-9]{8}):)?([0-9]{4})-(?:([0-9]{8}):)?([0-9]{4})")
_CLOSED = "CLOSED"


@dataclass(frozen=True)
class Day:
    """One day that TWS lists (YYYYMMDD), and its spans: local starts and ends without a zone. Closed, it has none."""

    date: str
    spans: tuple[tuple[datetime, datetime], ...]


def days(hours: str) -> list[Day]:
    """Return the listed days, in TWS's order. Raises ValueError for what is no list of hours."""
    found = []
    for each in filter(None, (part.strip() for part in hours.split(";"))):
        day, _, written = each.partition(":")
        parts = [part.strip() for part in written.split(",")]
        spans = [_span(day, part) for part in parts if part.upper() != _CLOSED]
        found.append(Day(day, tuple(spans)))
    return found


def _span(day: str, written: str) -> tuple[datetime, datetime]:
    """Raises ValueError for what is no span."""
    found = _SPAN.fullmatch(written)
    if found is None:
        raise ValueError(f"{written!r} is no span of trading hours")
    first = found[1] or day
    start, end = _local(first, found[2]), _local(found[3] or first, found[4])
    # 1700-1600 goes over midnight
    return start, end + timedelta(days=1) if found[3] is None and end <= start else end


def _local(day: str, clock: str) -> datetime:
    """In the contract's zone, which is told apart."""
    midnight = datetime.fromisoformat(f"{day[:4]}-{day[4:6]}-{day[6:]}")
    return midnight + timedelta(hours=int(clock[:2]), minutes=int(clock[2:]))  # 2400 is written, too
