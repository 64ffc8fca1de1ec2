"""Reads the durations and bar sizes of historical requests, and refuses others as TWS does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ibgateway.simulator.model.errors import Refusal

INTRADAY = {
    "1 secs": 1,
    "5 secs": 5,
    "10 secs": 10,
    "15 secs": 15,
    "30 secs": 30,
    "1 min": 60,
    "2 mins": 120,
    "3 mins": 180,
    "5 mins": 300,
    "10 mins": 600,
    "15 mins": 900,
    "20 mins": 1200,
    "30 mins": 1800,
    "1 hour": 3600,
    "2 hours": 7200,
    "3 hours": 10800,
    "4 hours": 14400,
    "8 hours": 28800,
}
DAILY = {"1 day": "day", "1 week": "week", "1W": "week", "1 month": "month", "1M": "month"}
OTHER_SPELLINGS = {"1 sec": "1 secs", "1 mins": "1 min", "1 hours": "1 hour", "1 days": "1 day", "1D": "1 day"}
LEGAL = (
    "1 secs,5 secs,10 secs,15 secs,30 secs,1 min,2 mins,3 mins,5 mins,10 mins,15 mins,20 mins,30 mins,"
    "1 hour,2 hours,3 hours,4 hours,8 hours,1 day,1W,1M"
)
FINE_BAR_S = 30  # below this, requests are limited to a day
MAX_DAYS = 365


@dataclass(frozen=True)
class Duration:
    count: int
    unit: str  # S, D, W, M or Y

    def first_day(self, last: date) -> date:
        """Return the first calendar day of a span of weeks, months or years that ends on `last`."""
        if self.unit == "W":
            return last - timedelta(days=7 * self.count - 1)
        months = self.count * (12 if self.unit == "Y" else 1)
        year, month = divmod(last.year * 12 + last.month - 1 - months, 12)
        return _clamped(year, month + 1, last.day) + timedelta(days=1)


def parse_duration(text: str) -> Duration:
    """Read a duration such as "10 D"; Refusal 321 for other texts."""
    parts = text.split()
    if len(parts) != 2 or not parts[0].isascii() or not parts[0].isdigit() or parts[1].upper() not in "SDWMY":
        raise _invalid(f"Invalid duration format: {text}. Legal units are S, D, W, M and Y")
    duration = Duration(int(parts[0]), parts[1].upper())
    if duration.count == 0 or duration.count > 100_000_000:
        raise _invalid(f"Invalid duration: {text}")
    if duration.unit == "D" and duration.count > MAX_DAYS:
        raise _invalid("Historical data requests for durations longer than 365 days must be made in years.")
    if duration.unit == "S" and duration.count > 86_400:
        raise _invalid("Historical data requests for durations longer than 86400 seconds must be made in days.")
    limits = {"Y": 100, "M": 1200, "W": 5200}
    if duration.count > limits.get(duration.unit, duration.count):
        raise _invalid(f"Invalid duration: {text}")
    return duration


def parse_bar_size(text: str) -> int | str:
    """Return the seconds of an intraday bar, or "day", "week" or "month"; Refusal 321 for other texts."""
    name = OTHER_SPELLINGS.get(text, text)
    size: int | str | None = INTRADAY.get(name) or DAILY.get(name)
    if size is None:
        raise _invalid(f"Historical data bar size setting is invalid. Legal ones are: {LEGAL}")
    return size


def check_length(duration: Duration, size: int | str) -> None:
    """Check the span; Refusal for bars of a few seconds over a long span."""
    within_a_day = duration.unit == "S" or duration == Duration(1, "D")
    if isinstance(size, int) and size < FINE_BAR_S and not within_a_day:
        raise Refusal(162, "Historical Market Data Service error message:Time length exceed max.")


def _clamped(year: int, month: int, day: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day - 1), following - timedelta(days=1))


def _invalid(cause: str) -> Refusal:
    return Refusal(321, f"Error validating request.-'bU' : cause - {cause}")
