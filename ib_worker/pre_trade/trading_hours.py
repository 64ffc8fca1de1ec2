"""A contract's trading hours, as contractDetails has them: does it trade at a moment? Pure.

TWS writes "20260713:0400-20260713:2000;20260714:CLOSED", and before version 970 "20260713:0930-1200,1300-1600", both in
the zone that timeZoneId names.
"""

import re
from datetime import datetime, timedelta, tzinfo

from ib_worker.risk.intent import Trading

_SPAN = re.compile(r"(?:([0-9]{8}):)?([0-9]{4})-(?:([0-9]{8}):)?([0-9]{4})")
_CLOSED = "CLOSED"


def trading_at(at: datetime, zone: tzinfo | None, tradingHours: str, liquidHours: str) -> Trading | None:
    """Return whether it is open (liquid hours), in extended hours or closed. None where the hours do not speak of that
    day, or can't be read."""
    if zone is None:
        return None
    now = at.astimezone(zone).replace(tzinfo=None)
    trades, liquid = _within(now, tradingHours), _within(now, liquidHours)
    if trades is None:
        return None
    if not trades:
        return "closed"
    return "extended" if liquid is False else "open"


def _within(now: datetime, hours: str) -> bool | None:
    """Return whether the hours hold this moment; None where they do not reach over its day, or can't be read."""
    days: list[str] = []
    spans: list[tuple[datetime, datetime]] = []
    for each in filter(None, (part.strip() for part in hours.split(";"))):
        day, _, written = each.partition(":")
        days.append(day)
        try:
            spans += [_span(day, part.strip()) for part in written.split(",") if part.strip().upper() != _CLOSED]
        except ValueError:
            return None
    if any(start <= now < end for start, end in spans):
        return True
    return False if days and min(days) <= f"{now:%Y%m%d}" <= max(days) else None


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
