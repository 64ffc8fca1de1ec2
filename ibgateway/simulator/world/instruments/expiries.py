"""Expiry days of options and futures."""

from __future__ import annotations

from datetime import date, timedelta

from ibgateway.simulator.world.time.calendar import Calendar

MONTH_LETTERS = "FGHJKMNQUVXZ"
WEEKLIES = 6  # Fridays ahead
MONTHLIES = 12
LEAPS = 2  # Januaries beyond


def option_expiries(today: date, calendar: Calendar) -> list[date]:
    """Return option expiries: weekly Fridays, third Fridays, later Januaries; Thursday in place of a holiday."""
    friday = today + timedelta((4 - today.weekday()) % 7)
    found = {friday + timedelta(7 * n) for n in range(WEEKLIES)}
    found |= {third_friday(*_month(today, n)) for n in range(MONTHLIES)}
    found |= {third_friday(today.year + n, 1) for n in range(1, LEAPS + 1)}
    return sorted(day for day in (trading_day(each, calendar) for each in found) if day >= today)


def is_option_expiry(day: date, calendar: Calendar) -> bool:
    """Report if any option could expire on this day: a Friday, or the trading day before a Friday that is a holiday."""
    friday = day + timedelta((4 - day.weekday()) % 7)
    return trading_day(friday, calendar) == day


def future_expiry(year: int, month: int, settles: str, calendar: Calendar) -> date:
    """Return the last trading day of a delivery month."""
    if settles == "third friday":
        day = third_friday(year, month)
    elif settles == "end of month":
        day = date(*_month(date(year, month, 1), 1), 1) - timedelta(3)
    else:
        day = date(*_month(date(year, month, 1), -1), 22) - timedelta(2)
    return trading_day(day, calendar)


def delivery_months(today: date, letters: str, count: int) -> list[tuple[int, int]]:
    """Return the next `count` delivery months from this month on."""
    months = (_month(today, n) for n in range(12 * count))
    return [each for each in months if MONTH_LETTERS[each[1] - 1] in letters][:count]


def third_friday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta((4 - first.weekday()) % 7 + 14)


def trading_day(day: date, calendar: Calendar) -> date:
    """Return the day itself, or the last trading day before it."""
    index = calendar.index_of(day)
    if index < len(calendar) and calendar.day(index) == day:
        return day
    return calendar.day(index - 1)


def _month(day: date, ahead: int) -> tuple[int, int]:
    number = day.year * 12 + day.month - 1 + ahead
    return number // 12, number % 12 + 1
