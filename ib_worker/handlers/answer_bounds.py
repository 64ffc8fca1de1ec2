"""The bound on each tool's answer.

A bound is looked at before TWS is asked. Rows beyond one are left out, and the reply says how many there are and how to
ask for fewer; a bound of history refuses, as a part of a series is another series.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel

from bridge.tool import ToolError
from bridge.tools.market_data import BarSize

ANSWER_BYTES = 512 * 1024  # the front's MCP library encodes that in some 10 ms of its one thread, in one step

T = TypeVar("T")
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class Bound:
    """The most rows of one tool's answer, and how to ask for fewer. `newest`: the last rows are the ones to keep."""

    rows: int
    narrow: str
    newest: bool = False


BOUNDS: dict[str, Bound] = {
    "get_historical_data": Bound(2_000, "Request a shorter durationStr or a larger barSizeSetting.", newest=True),
    "get_contract_details": Bound(
        200, "Narrow it by lastTradeDateOrContractMonth, right, strike, exchange or currency."
    ),
    "get_account_summary": Bound(2_000, "Name one account."),
    "get_positions": Bound(1_000, "Name a symbol or an account."),
    "get_open_orders": Bound(500, "Name a symbol.", newest=True),
    "get_completed_orders": Bound(500, "Name a symbol.", newest=True),
    "get_executions": Bound(1_000, "Name a symbol.", newest=True),
}


class ListPart(list[T]):
    """The rows that an answer has room for; `of` says how many there are."""

    def __init__(self, rows: Iterable[T], of: int) -> None:
        super().__init__(rows)
        self.of = of


def kept(operation: str, rows: Sequence[T]) -> list[T]:
    """The rows that fit into the operation's answer: nothing is done for the others."""
    bound = BOUNDS[operation]
    return list(rows[-bound.rows :] if bound.newest else rows[: bound.rows])


@dataclass(frozen=True)
class EncodedAnswer(Generic[T]):
    """The JSON of a T, a list, and how much of the list it has; None where that is all."""

    json: bytes
    truncated: dict[str, Any] | None


def encoded(operation: str, rows: Sequence[R], of: int) -> EncodedAnswer[list[R]]:
    """The rows as JSON, as many as ANSWER_BYTES hold."""
    bound = BOUNDS.get(operation, Bound(len(rows), "Request less."))
    told: list[bytes] = []
    size = 2
    for each in reversed(rows) if bound.newest else rows:
        row = each.model_dump_json().encode()
        size += len(row) + 1
        if size > ANSWER_BYTES:
            break
        told.append(row)
    if bound.newest:
        told.reverse()
    cut = None if len(told) >= of else {"rows": len(told), "of": of, "newest": bound.newest, "narrow": bound.narrow}
    return EncodedAnswer(b"[" + b",".join(told) + b"]", cut)


def longest_list(result: BaseModel) -> Sequence[Any]:
    """The longest list in a result: what it costs to encode."""
    lists = [each for each in vars(result).values() if isinstance(each, list)]
    return max(lists, key=len, default=[])


# Seconds of a bar, and trading days of a duration's unit; every day trades where the contract is crypto.
BAR_UNITS = {"sec": 1, "min": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}
DAYS = {"D": 1, "W": 5, "M": 23, "Y": 261}
DAYS_OF_CRYPTO = {"D": 1, "W": 7, "M": 31, "Y": 366}
LARGEST = {"S": 86_400, "D": 365, "W": 52, "M": 12, "Y": 100}  # of each unit, that is worth naming
DAY_S = 86_400
BAR_SIZES: tuple[str, ...] = get_args(BarSize)  # from the smallest on
_SESSION = re.compile(r"(\d{8}):(\d\d)(\d\d)-(?:(\d{8}):)?(\d\d)(\d\d)|,(\d\d)(\d\d)-(\d\d)(\d\d)")


def require_short(durationStr: str, barSizeSetting: str, secType: str, liquidHours: str) -> None:
    """Refuse a series of more bars than one answer holds, and name the longest that goes. Raises ToolError too_large.

    What TWS sends may be less (holidays, a young contract), never much more.
    """
    most, day_s = BOUNDS["get_historical_data"].rows, session_s(liquidHours)
    bars = bars_of(durationStr, barSizeSetting, secType, day_s)
    if bars <= most:
        return
    longest, finest = longest_of(barSizeSetting, secType, day_s), finest_of(durationStr, secType, day_s)
    finer = f", or barSizeSetting {finest} with {durationStr}" if finest else ""
    raise ToolError(
        "too_large",
        f"durationStr: {durationStr} of {barSizeSetting} has about {bars:,} bars; the limit is {most:,} an answer. Use "
        f"at most durationStr {longest} with {barSizeSetting}{finer}. Nothing was requested from TWS.",
        durationStr=longest, barSizeSetting=finest, bars=bars, limit=most,
    )  # fmt: skip


def bars_of(durationStr: str, barSizeSetting: str, secType: str, day_s: int) -> int:
    """About how many bars a series has; `day_s` is how long the contract trades in a day."""
    count, unit = durationStr.split()
    bar_s = bar_seconds(barSizeSetting)
    if unit == "S":
        return ceil(int(count) / bar_s)
    days = int(count) * (DAYS_OF_CRYPTO if secType == "CRYPTO" else DAYS)[unit]
    if bar_s < DAY_S:
        return days * ceil(day_s / bar_s)
    week = 7 if secType == "CRYPTO" else 5
    return ceil(days / (1 if bar_s == DAY_S else bar_s / DAY_S * week / 7))


def longest_of(barSizeSetting: str, secType: str, day_s: int) -> str:
    """The longest duration whose bars fit, in its largest unit."""
    most = BOUNDS["get_historical_data"].rows
    for unit in ("Y", "M", "W", "D", "S"):
        count = most // max(bars_of(f"1 {unit}", barSizeSetting, secType, day_s), 1)
        if unit == "S":
            count = most * bar_seconds(barSizeSetting)
        if count:
            return f"{min(count, LARGEST[unit])} {unit}"
    return "1 S"


def finest_of(durationStr: str, secType: str, day_s: int) -> str | None:
    """The smallest bar with which the duration fits."""
    most = BOUNDS["get_historical_data"].rows
    return next((size for size in BAR_SIZES if bars_of(durationStr, size, secType, day_s) <= most), None)


def bar_seconds(barSizeSetting: str) -> int:
    count, unit = barSizeSetting.split()
    return int(count) * BAR_UNITS[unit.removesuffix("s")]


def session_s(liquidHours: str) -> int:
    """Return the seconds of the longest trading day that TWS lists; a whole day where it lists none."""
    longest = 0
    for day in liquidHours.split(";"):
        open_s = sum(_length(each) for each in _SESSION.finditer(day))
        longest = max(longest, open_s)
    return min(longest, DAY_S) or DAY_S


def _length(session: re.Match[str]) -> int:
    """Return the seconds of "20250611:0930-20250611:1600", "20250611:0930-1600" or ",1300-1500"."""
    began, opened, opened_m, ended, closed, closed_m, *more = session.groups()
    if began is None:
        opened, opened_m, closed, closed_m = more
    minutes = (int(closed) - int(opened)) * 60 + int(closed_m) - int(opened_m)
    over_midnight = minutes <= 0 or (ended is not None and ended != began)
    return (minutes + (24 * 60 if over_midnight else 0)) * 60
