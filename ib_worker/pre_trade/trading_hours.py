"""A contract's trading hours: does it trade at a moment? Pure."""

from datetime import datetime, tzinfo

from ib_worker.risk.intent import Trading
from ib_worker.tws.values.hours import days


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
    try:
        listed = days(hours)
    except ValueError:
        return None
    if any(start <= now < end for day in listed for start, end in day.spans):
        return True
    dates = [day.date for day in listed]
    return False if dates and min(dates) <= f"{now:%Y%m%d}" <= max(dates) else None
