"""Chooses strikes of an expiry, and writes many strikes as few ranges. Pure."""

from collections.abc import Collection, Sequence

from bridge.text.option_slices import StrikeChoice

STEPS = (0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0)  # between strikes


def chosen_strikes(listed: Sequence[float], choice: StrikeChoice, price: float | None) -> list[float]:
    """Return the strikes that a choice means, in rising order. Those that it lists need not exist. `price`: the
    underlying's, for a choice that needs one."""
    if choice.listed:
        return list(choice.listed)
    if choice.around and price is not None:
        return nearest(listed, price, choice.around)
    scale = (price or 0.0) / 100 if choice.percent else 1.0
    low, high = choice.low * scale, choice.high * scale
    return [each for each in listed if low <= each <= high]


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
