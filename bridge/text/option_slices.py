"""Parts of an option chain as people name them: "next month", "atm 5", "380-420", "0.3". Pure.

The declarations bring each to its one spelling, and the worker chooses by what `strike_choice` and `delta_choice` read.
"""

import re
from dataclasses import dataclass
from typing import Any

from bridge.text import spellings as forms

PERIODS = ("this week", "next week", "this month", "next month")
NEAREST = "nearest"
TODAY = "0 days"  # that day alone: another is not what "today" and "0dte" mean
AROUND = "atm 10"
BOTH = "both"
MOST_DAYS = 3_000
MOST_AROUND = 100  # strikes
LEAST_PERCENT = 5  # of a delta: people say "30 delta" for 0.3; 1.5 may be a slip of either

_NUMBER = r"([0-9]{1,7}(?:\.[0-9]{1,6})?)"
_DAYS = re.compile(r"([0-9]{1,4}) ?(?:d|days?|dte)")
_AROUND = re.compile(r"(?:atm|at the money)(?: ?([0-9]{1,3}))?")
_RANGE = re.compile(rf"{_NUMBER} ?(?:-|to|\.\.) ?{_NUMBER}")
_PERCENT = re.compile(rf"{_NUMBER} ?%? ?(?:-|to|\.\.) ?{_NUMBER} ?%")
_LIST = re.compile(rf"{_NUMBER}(?:[ ,;]+{_NUMBER})*")
_SINGLE = re.compile(_NUMBER)
EXPIRY = f'a date, a month as YYYYMM, "{NEAREST}", "next month", "next week" or "45 days" is expected'
STRIKES = '"atm", "atm 10" (ten strikes), "380-420", "400, 410" or "95%-105%" of the underlying is expected'
DELTA = '"0.3" (the nearest) or "0.2-0.4" is expected, above 0 and below 1; puts are found by the same number'


@dataclass(frozen=True)
class StrikeChoice:
    """The strikes of a request: `around` the money so many, or those listed, or those from `low` to `high` (in
    percent of the underlying's price where `percent`)."""

    around: int = 0
    listed: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    percent: bool = False

    @property
    def needs_price(self) -> bool:
        return bool(self.around) or self.percent


def expiry_form(value: Any) -> Any:
    """Return the one spelling of an expiry. Raise ValueError where it has none."""
    if not isinstance(value, str):
        return forms.expiry(value)
    written = _words(value)
    if written in (*PERIODS, NEAREST):
        return written
    if written in ("next", "today"):
        return {"next": NEAREST, "today": TODAY}[written]
    if days := _DAYS.fullmatch(written):
        if int(days[1]) > MOST_DAYS:
            raise ValueError(f"at most {MOST_DAYS} days are expected")
        return f"{int(days[1])} days"
    try:
        return forms.expiry(value)
    except ValueError:
        raise ValueError(EXPIRY) from None


def strikes_form(value: Any) -> Any:
    """Return the one spelling of a choice of strikes; a number or a list of numbers is one too. Raise ValueError where
    it has none."""
    written = _as_text(value)
    if written is None:
        return value
    strike_choice(written)
    return written


def delta_form(value: Any) -> Any:
    """The same for a delta, where 30 and -0.3 mean 0.3."""
    written = _as_text(value)
    if written is None:
        return value
    low, high = delta_choice(written.removesuffix(" delta").removeprefix("delta "))
    return f"{low:g}" if low == high else f"{low:g}-{high:g}"


def right_form(value: Any) -> Any:
    """Return C, P or both."""
    if isinstance(value, str) and _words(value) in ("both", "c/p", "calls and puts"):
        return BOTH
    return forms.right(value)


def strike_choice(written: str) -> StrikeChoice:
    """Read a choice of strikes. Raise ValueError where it is none."""
    if found := _AROUND.fullmatch(written):
        around = int(found[1] or 1)
        if not 1 <= around <= MOST_AROUND:
            raise ValueError(f"from 1 to {MOST_AROUND} strikes around the money are expected")
        return StrikeChoice(around=around)
    for form, percent in ((_PERCENT, True), (_RANGE, False)):
        if found := form.fullmatch(written):
            low, high = sorted((float(found[1]), float(found[2])))
            return StrikeChoice(low=low, high=high, percent=percent)
    if _LIST.fullmatch(written):
        return StrikeChoice(listed=tuple(sorted({float(each) for each in _SINGLE.findall(written)})))
    raise ValueError(STRIKES)


def delta_choice(written: str) -> tuple[float, float]:
    """Return the lowest and the highest absolute delta, which are equal where the nearest is wanted. Raise ValueError
    where none is meant."""
    bare = re.sub(r"(^|[^0-9.])-(?=[0-9.])", r"\1", written)  # a put's sign
    found = _RANGE.fullmatch(bare)
    numbers = [float(each) for each in (found.groups() if found else (bare,)) if _SINGLE.fullmatch(each)]
    if not numbers:
        raise ValueError(DELTA)
    if all(LEAST_PERCENT <= each < 100 for each in numbers):  # "30 delta"
        numbers = [each / 100 for each in numbers]
    if not all(0 < each < 1 for each in numbers):
        raise ValueError(DELTA)
    return min(numbers), max(numbers)


def _as_text(value: Any) -> str | None:
    """Return numbers and lists of numbers as text; None for a value of another kind."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return f"{value:.12g}"
    if isinstance(value, list):
        parts = [_as_text(each) for each in value]
        return None if not parts or None in parts else ", ".join(str(each) for each in parts)
    return _words(value) if isinstance(value, str) else None


def _words(value: str) -> str:
    return " ".join(value.lower().replace("_", " ").split())
