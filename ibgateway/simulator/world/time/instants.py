"""The spellings of an instant that TWS accepts from a client."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ibgateway.simulator.model.errors import Refusal

UTC_FORM = re.compile(r"(\d{8})-(\d{1,2}:\d{2}:\d{2})")
ZONE_FORM = re.compile(r"(?:(\d{8}) {1,2})?(\d{1,2}:\d{2}(?::\d{2})?)(?: {1,2}(\S+))?")
DAY_FORM = re.compile(r"\d{8}")
NEWS_FORM = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{1,6})?")
INVALID = (
    "The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss xx/xxxx where yyyymmdd "
    "and xx/xxxx are optional. E.g.: 20031126 15:59:00 US/Eastern  Note that there is a space between the date and "
    "time, and between the time and time-zone.  If no date is specified, current date is assumed. If no time-zone is "
    "specified, local time-zone is assumed(deprecated).  You can also provide yyyymmddd-hh:mm:ss time is in UTC. Note "
    "that there is a dash between the date and time in UTC notation."
)


def instant(text: str, zone: str, now: float) -> float | None:
    """Seconds since the epoch, None for an empty text; Refusal 10314 for what TWS can't read."""
    if not text:
        return None
    try:
        return _parse(text, zone, now)
    except (ValueError, OverflowError, ZoneInfoNotFoundError) as error:
        raise Refusal(10314, f"Error validating request.-'bW' : cause - End Date/Time: {INVALID}") from error


def _parse(text: str, zone: str, now: float) -> float:
    if match := UTC_FORM.fullmatch(text):
        return _at(match[1], match[2], UTC)
    if match := ZONE_FORM.fullmatch(text):
        local = ZoneInfo(match[3] or zone)
        return _at(match[1] or f"{datetime.fromtimestamp(now, local):%Y%m%d}", match[2], local)
    if DAY_FORM.fullmatch(text):
        return _at(text, "00:00:00", ZoneInfo(zone))
    if NEWS_FORM.fullmatch(text):
        return datetime.fromisoformat(text.partition(".")[0]).replace(tzinfo=UTC).timestamp()
    raise ValueError(text)


def _at(day: str, clock: str, zone: tzinfo) -> float:
    form = "%Y%m%d %H:%M:%S" if clock.count(":") == 2 else "%Y%m%d %H:%M"
    return datetime.strptime(f"{day} {clock}", form).replace(tzinfo=zone).timestamp()
