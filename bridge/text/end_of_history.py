"""The start and the end of a historical series, as people and TWS write it: an instant, or a day. Pure.

TWS's own forms (IBKR's page on historical bars): "20250611 16:00:00 US/Eastern" and, in UTC, "20250611-20:00:00". A
time without a zone is TWS's login zone there, which a caller seldom knows: it is refused.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

ZONED = re.compile(r"(\d{8}) +(\d{1,2}:\d\d(?::\d\d)?)(?: +([A-Za-z0-9_+\-/]+))?")
IN_UTC = re.compile(r"(\d{8})-(\d{1,2}:\d\d(?::\d\d)?)")
DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
FORMS = 'such as "20250611 16:00:00 US/Eastern", "20250611-20:00:00" (UTC), "2025-06-11T16:00:00-04:00" or "2025-06-11"'
TODAY = "today"  # a day, by the gateway's clock in the zone of the series
TWS_UTC = "%Y%m%d-%H:%M:%S"
LONGEST_DAYS = 365  # TWS takes longer durations in years. Source: its error 321
FIRST_YEAR, LAST_YEAR = 1900, 2199  # beyond them there are no prices, and the calendar's own ends are near

Day = TypeVar("Day", bound=date)  # an instant is one, too


def end_of_history(written: str) -> datetime | date:
    """Return the instant, or the day through whose end the series goes. Raises ValueError that names the forms."""
    try:
        return within_years(_read(written.strip()))
    except ValueError as error:
        raise ValueError(f"{error}; give an instant with its time zone, or a day, {FORMS}") from error


def start_or_end(written: str) -> str:
    """Return what is written, and `today` in small letters. Raises ValueError where it is neither a day nor an
    instant."""
    if written.strip().lower() == TODAY:
        return TODAY
    end_of_history(written)
    return written


def dated(written: str, where: tzinfo, now: datetime) -> str:
    """Return the day that `today` stands for in a zone, or else what is written."""
    return now.astimezone(where).date().isoformat() if written == TODAY else written


def within_years(at: Day) -> Day:
    """Return what is given. Raises ValueError where its year is of no market's time."""
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"{at.isoformat()} is not of the years {FIRST_YEAR} to {LAST_YEAR}")
    return at


def _read(written: str) -> datetime | date:
    if found := DAY.fullmatch(written):
        return date(*map(int, found.groups()))
    if found := IN_UTC.fullmatch(written):
        return _at(found[1], found[2], UTC)
    if found := ZONED.fullmatch(written):
        return _at(found[1], found[2], _zone(found[3]))
    at = datetime.fromisoformat(written)
    if at.tzinfo is None:
        raise ValueError(f"{written} has no time zone")
    return at


def _at(day: str, clock: str, zone: tzinfo) -> datetime:
    form = "%Y%m%d %H:%M:%S" if clock.count(":") == 2 else "%Y%m%d %H:%M"
    return datetime.strptime(f"{day} {clock}", form).replace(tzinfo=zone)


def _zone(name: str | None) -> tzinfo:
    if name is None:
        raise ValueError("the time has no time zone")
    if name not in available_timezones():
        raise ValueError(f"there is no time zone {name}")
    return ZoneInfo(name)


def tws_end(written: str, where: tzinfo) -> str:
    """Return the end as TWS takes it in UTC. A day ends at its midnight in the contract's own zone, `where`."""
    end = end_of_history(written)
    if not isinstance(end, datetime):
        end = datetime.combine(end + timedelta(days=1), time(), where)
    return end.astimezone(UTC).strftime(TWS_UTC)


def year_start(written: str, where: tzinfo) -> date:
    """Return 1 January of the year in which a series ends, in the zone `where`."""
    return date(_last_day(written, where).year, 1, 1)


def since(first: date, written: str, where: tzinfo) -> str:
    """Return TWS's durationStr of a series from a day of the same year to its end: in days, of which TWS takes 365."""
    days = (_last_day(written, where) - first).days + 1
    return f"{days} D" if days <= LONGEST_DAYS else "1 Y"


def _last_day(written: str, where: tzinfo) -> date:
    end = end_of_history(written)
    return end.astimezone(where).date() if isinstance(end, datetime) else end


def first_second(written: str, where: tzinfo) -> int:
    """Return the second since the epoch at which a series begins. A day begins at its midnight in the contract's own
    zone, `where`."""
    return _second(end_of_history(written), where, timedelta())


def last_second(written: str, where: tzinfo) -> int:
    """Return the last second of a series; of a day the one before the midnight at its end."""
    return _second(end_of_history(written), where, timedelta(days=1)) - _is_day(written)


def _second(at: datetime | date, where: tzinfo, days: timedelta) -> int:
    if not isinstance(at, datetime):
        at = datetime.combine(at + days, time(), where)
    return int(at.timestamp())


def _is_day(written: str) -> bool:
    return not isinstance(end_of_history(written), datetime)


def before(first: str) -> str:
    """Return the endDateTime of the bars before the one that starts at `first`: a day, or an instant."""
    if len(first) > len("2025-06-11"):
        return first
    return (date.fromisoformat(first) - timedelta(days=1)).isoformat()
