"""Axes: round ticks and their labels, for values and for times. Pure."""

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime

from bridge.text.contract_name import MONTHS

Ticks = list[tuple[float, str]]
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
UNITS = ((1e9, "B"), (1e6, "M"), (1e3, "K"))
MOST_TIMES = 9  # labels below a chart
Moment = date | datetime


def value_ticks(low: float, high: float, count: int, label: Callable[[float, int], str] | None = None) -> Ticks:
    """Return round values within a range, about `count` of them. `label` gets a value and the decimals of the step."""
    step = _round_step((high - low) / max(count, 1))
    decimals = max(0, math.ceil(-math.log10(step) - 1e-9) + (1 if _is_quarter(step) else 0))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    values = [each * step for each in range(first, last + 1)]
    write = label or grouped
    return [(value, write(0.0 if abs(value) < step / 1e6 else value, decimals)) for value in values]


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(each * power for each in STEPS if each * power >= rough * (1 - 1e-9))


def _is_quarter(step: float) -> bool:
    return math.isclose(step / 10.0 ** math.floor(math.log10(step) + 1e-9), 2.5)


def grouped(value: float, decimals: int = 2) -> str:
    return f"{value:,.{decimals}f}"


def amount(value: float, decimals: int = 0) -> str:
    """Return a whole or large number in few characters: 1.25M, 980K, 312."""
    for unit, letter in UNITS:
        if abs(value) >= unit:
            return f"{value / unit:.{2 if abs(value) < 10 * unit else 1}f}".rstrip("0").rstrip(".") + letter
    return f"{value:,.{decimals}f}"


def signed(value: float, decimals: int = 2) -> str:
    return f"{value:+,.{decimals}f}"


def price(value: float) -> str:
    """Return a price with the decimals that its size needs."""
    return grouped(value, 2 if abs(value) >= 10 else 4 if abs(value) < 5 else 3)


def padded(low: float, high: float, share: float = 0.06) -> tuple[float, float]:
    """Return a range with room around it, also where it is a single value."""
    room = (high - low) * share or abs(high) * 0.01 or 1.0
    return low - room, high + room


def time_ticks(times: Sequence[Moment]) -> Ticks:
    """Return the first bar of each year, month, week, day or hour, by what has the most that fit."""
    best: Ticks = []
    for key, label in _calendar(times):
        starts = [at for at in range(1, len(times)) if key(times[at]) != key(times[at - 1])]
        if len(starts) > MOST_TIMES:
            break
        if len(starts) >= len(best):
            best = [(float(at), label(times[at], times[at - 1])) for at in starts]
    return best


def _calendar(times: Sequence[Moment]) -> list[tuple[Callable[[Moment], object], Callable[[Moment, Moment], str]]]:
    """Return the units of time from the longest on, each with the label of its beginnings."""
    units: list[tuple[Callable[[Moment], object], Callable[[Moment, Moment], str]]] = [
        (lambda at: at.year // 5, lambda at, _: str(at.year)),
        (lambda at: at.year, lambda at, _: str(at.year)),
        (lambda at: (at.year, (at.month - 1) // 3), _month),
        (lambda at: (at.year, at.month), _month),
        (lambda at: at.isocalendar()[:2], _day),
        (lambda at: (at.year, at.month, at.day), _day),
    ]
    if times and isinstance(times[0], datetime):
        units += [(_part(minutes), _hour) for minutes in (240, 120, 60, 30, 15, 10, 5, 1)]
        units += [(_seconds(seconds), _hour) for seconds in (30, 10)]
    return units


def _part(minutes: int) -> Callable[[Moment], object]:
    return lambda at: (at.toordinal(), (at.hour * 60 + at.minute) // minutes) if isinstance(at, datetime) else at


def _seconds(seconds: int) -> Callable[[Moment], object]:
    return lambda at: int(at.timestamp()) // seconds if isinstance(at, datetime) else at


def _month(at: Moment, before: Moment) -> str:
    return str(at.year) if at.year != before.year else MONTHS[at.month - 1].capitalize()


def _day(at: Moment, before: Moment) -> str:
    return str(at.year) if at.year != before.year else day_text(at)


def _hour(at: Moment, before: Moment) -> str:
    assert isinstance(at, datetime)
    if at.toordinal() != before.toordinal():
        return day_text(at)
    return f"{at:%H:%M}" if not at.second else f"{at:%H:%M:%S}"


def day_text(at: Moment) -> str:
    """Return a day as 11 Jun."""
    return f"{at.day} {MONTHS[at.month - 1].capitalize()}"


def date_text(at: Moment) -> str:
    """Return a day as 11 Jun 2025."""
    return f"{day_text(at)} {at.year}"
