"""The rules for when a watched condition fires: levels, changes, times. Pure."""

from datetime import datetime, timedelta, tzinfo

from bridge.bus.events.watches import Mark
from bridge.tools.events import WaitCondition

DAY = timedelta(days=1)


def decide(condition: WaitCondition, mark: Mark, value: float) -> tuple[bool, Mark]:
    """Return whether the condition fires at this value, and what is remembered of it then.

    It fires where it is met, and again only after it was not met in between.
    """
    base = value if mark.base is None else mark.base
    if not _is_met(condition, base, value):
        return False, Mark(armed=True, base=base if condition.changePercent is not None else None)
    if not mark.armed:
        return False, mark
    again = not _is_met(condition, value, value)  # a change is measured from here on
    return True, Mark(armed=again, base=value if condition.changePercent is not None else None)


def _is_met(condition: WaitCondition, base: float, value: float) -> bool:
    """Tell whether the value is beyond a level. Of a session it is 1 while the session is open."""
    if condition.event == "session_open":
        return value > 0
    if condition.event == "session_close":
        return value <= 0
    if condition.above is not None and value > condition.above:
        return True
    if condition.below is not None and value < condition.below:
        return True
    if condition.changePercent is None or base == 0:
        return False
    wanted = condition.changePercent * abs(base)
    change = (value - base) * 100
    return change <= wanted if wanted < 0 else abs(change) >= wanted


def due_time(at: str, zone: tzinfo, now: datetime) -> datetime:
    """Return the time that HH:MM[:SS] or YYYY-MM-DD HH:MM[:SS] means in the zone: of a time of day the next one. In
    the hour that a zone repeats in autumn it is the first; what it leaves out in spring is an hour later.

    Raises ValueError for a day that no calendar has.
    """
    if len(at) > len("HH:MM:SS"):
        return datetime.fromisoformat(at.replace(" ", "T")).replace(tzinfo=zone)
    local = now.astimezone(zone)
    clock = datetime.strptime(at, "%H:%M:%S" if len(at) > len("HH:MM") else "%H:%M").time()
    today = datetime.combine(local.date(), clock, zone)
    return today if today > local else datetime.combine(local.date() + DAY, clock, zone)


def is_daily(at: str) -> bool:
    """Return whether it names a time of day alone."""
    return len(at) <= len("HH:MM:SS")
