"""Chooses an expiry of a chain from what a call says of it. Pure."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from bridge.text.option_slices import NEAREST, TODAY

ENDS = time(16, 15)  # the last options of a day are traded until then, by the exchange's clock
FRIDAY = 4


def today_at(now: datetime, zone: tzinfo) -> date:
    """Return the first day whose options may still be traded."""
    local = now.astimezone(zone)
    return local.date() if local.time() <= ENDS else local.date() + timedelta(1)


def chosen(form: str, listed: Sequence[str], today: date) -> str | None:
    """Return the expiry (YYYYMMDD) that a form of `expiry_form` means; None where none is listed."""
    days = {each: day_of(each) for each in sorted(listed) if day_of(each) >= today}
    if form == NEAREST:
        return next(iter(days), None)
    if form == TODAY:
        return next((each for each, day in days.items() if day == today), None)
    if form.endswith("days"):
        wanted = today + timedelta(int(form.split()[0]))
        return min(days, key=lambda each: abs(days[each] - wanted), default=None)
    if form.endswith("week"):
        monday = today - timedelta(today.weekday()) + timedelta(7 if form.startswith("next") else 0)
        return last_of([each for each, day in days.items() if monday <= day < monday + timedelta(7)])
    month = month_of(form, today)
    if len(month) == 8:
        return month if month in days else None
    return monthly([each for each in days if each.startswith(month)])


def month_of(form: str, today: date) -> str:
    """Return YYYYMM of "this month" and "next month", and another form as it is."""
    if not form.endswith("month"):
        return form
    months = today.year * 12 + today.month - 1 + form.startswith("next")
    return f"{months // 12}{months % 12 + 1:02d}"


def monthly(listed: Sequence[str]) -> str | None:
    """Return a month's standard expiry: its third Friday, or the trading day before; else the last one listed."""
    if not listed:
        return None
    third = third_friday(day_of(listed[0]))
    for each in (third, third - timedelta(1)):  # a holiday, or an index's options that settle in the morning
        if f"{each:%Y%m%d}" in listed:
            return f"{each:%Y%m%d}"
    return last_of(listed)


def third_friday(day: date) -> date:
    first = day.replace(day=1)
    return first + timedelta((FRIDAY - first.weekday()) % 7 + 14)


def nearest_to(form: str, listed: Sequence[str], today: date, count: int) -> list[str]:
    """Return the listed expiries that are nearest to a date or month."""
    wanted = month_of(form, today)[:8]
    if not wanted.isdecimal():
        return sorted(listed)[:count]
    day = day_of(wanted if len(wanted) == 8 else f"{wanted}15")
    return sorted(sorted(listed, key=lambda each: abs(day_of(each) - day))[:count])


def years_left(expiry: str, now: datetime, zone: tzinfo) -> float:
    """Return the years to the expiry's end; a minute at least."""
    end = datetime.combine(day_of(expiry), time(16), tzinfo=zone)
    return max((end - now).total_seconds(), 60.0) / (365 * 86_400)


def day_of(written: str) -> date:
    return date(int(written[:4]), int(written[4:6]), int(written[6:8]))


def last_of(listed: Sequence[str]) -> str | None:
    return max(listed, default=None)
