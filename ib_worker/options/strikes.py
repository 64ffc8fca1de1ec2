"""Chooses strikes of an expiry, and writes many strikes as few ranges. Pure."""

from collections.abc import Collection, Sequence

from bridge.text.numbers import digits
from bridge.text.option_slices import StrikeChoice

STEPS = (0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0)  # between strikes


def chosen_strikes(listed: Sequence[float], choice: StrikeChoice, price: float | None) -> list[float]:
    """Return the strikes that a choice means, in rising order. Those that it lists need not exist. `price`: the
    underlying's, for a choice that needs one."""
    if choice.listed:
        return list(choice.listed)
    if choice.around and price is not None:
        return nearest(listed, price, choice.around)
    low, high = _bounds(choice, price)
    return [each for each in listed if low <= each <= high]


def _bounds(choice: StrikeChoice, price: float | None) -> tuple[float, float]:
    scale = (price or 0.0) / 100 if choice.percent else 1.0
    return choice.low * scale, choice.high * scale


def past_the_end(listed: Sequence[float], chosen: Collection[float], price: float | None) -> str:
    """Return, in words, that the price is beyond the listed strikes where the choice holds the last one; else empty."""
    if not listed or price is None:
        return ""
    if price > listed[-1] and (not chosen or listed[-1] in chosen):
        return f"The listed strikes end at {digits(listed[-1])}; the price is {price:.10g}."
    if price < listed[0] and (not chosen or listed[0] in chosen):
        return f"The listed strikes begin at {digits(listed[0])}; the price is {price:.10g}."
    return ""


def none_between(listed: Sequence[float], choice: StrikeChoice, price: float | None) -> str:
    """Return, in words, that a range has none of the listed strikes; empty where it has one."""
    if not listed or chosen_strikes(listed, choice, price):
        return ""
    low, high = _bounds(choice, price)
    ends = f"{digits(listed[0])} to {digits(listed[-1])}"
    return f"No strike between {low:.10g} and {high:.10g} is listed: they go from {ends}."


def likely(listed: Sequence[float], there: Collection[float], lacking: Collection[float]) -> Sequence[float]:
    """Return the strikes that an expiry may have, by those that it is known to have and to lack. TWS lists the strikes
    of all expiries together, and those of a far one are farther apart: where most are lacking, only strikes of the
    finest usual step remain that none of the lacking has."""
    if len(lacking) <= len(there):
        return listed
    for step in STEPS:
        on = [each for each in listed if _is_on(each, step)]
        if on and all(_is_on(each, step) for each in there) and not any(_is_on(each, step) for each in lacking):
            return on
    return listed


def _is_on(strike: float, step: float) -> bool:
    return abs(strike / step - round(strike / step)) < 1e-9


def nearest(strikes: Sequence[float], price: float, count: int) -> list[float]:
    """Return so many strikes, nearest to a price, in rising order."""
    return sorted(sorted(strikes, key=lambda each: abs(each - price))[:count])


def ranges(strikes: Sequence[float]) -> list[list[float]]:
    """Return strikes as [from, to, step]; a strike alone is [it, it, 0]."""
    found: list[list[float]] = []
    for each in sorted(strikes):
        if found and _continues(found[-1], each):
            found[-1] = [found[-1][0], each, round(each - found[-1][1], 6)]
        else:
            found.append([each, each, 0.0])
    return [[_short(each) for each in part] for part in found]


def _continues(part: list[float], strike: float) -> bool:
    first, last, step = part
    return first == last or abs(strike - last - step) < 1e-6


def _short(value: float) -> float:
    return int(value) if float(value).is_integer() else value
