"""The bound on each tool's answer.

A bound is looked at before TWS is asked. Rows beyond one are left out, and the reply says how many there are and how to
ask for fewer; a bound of history refuses, as a part of a series is another series.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from bridge.tool import ToolError
from bridge.tools.types import MOST_ROWS, BarSize, ListArguments

ANSWER_BYTES = 512 * 1024  # the front's MCP library encodes that in some 10 ms of its one thread, in one step
WHOLE_BYTES = 3 * 512 * 1024  # of a list that is never cut, such as some 5,000 positions; the bus carries 2 MiB
DEFAULT_BYTES = 39_500  # with what stands around the rows 40,000: hosts cut or hide from a model what is much longer
SUMMARY_ROWS = 20_000  # that one summary is made of: a day's executions of the busiest account
DAILY_ROWS = 366  # bars that are always told whole where each is a day or longer: a year of one that trades daily

T = TypeVar("T")


@dataclass(frozen=True)
class Bound:
    """The most rows of one tool's answer, and how to ask for fewer. `rows` None: nothing is left out unless the caller
    gives a limit. `newest`: the last rows are the ones to keep. `default_bytes`: of the rows, where no limit is given.
    """

    rows: int | None = None
    narrow: str = ""
    newest: bool = False
    default_bytes: int = ANSWER_BYTES


DAY = "Format summary has the whole day by contract, in few tokens. Or name a symbol, or give a limit."
BOUNDS: dict[str, Bound] = {
    "get_historical_data": Bound(
        MOST_ROWS,
        "Fewer tokens: a limit, a larger barSizeSetting, or format summary for the course alone.",
        newest=True,
        default_bytes=DEFAULT_BYTES,
    ),
    "get_contract_details": Bound(
        200,
        "Narrow it by lastTradeDateOrContractMonth, right, strike, exchange or currency, or give fields or a limit.",
        default_bytes=DEFAULT_BYTES,
    ),
    "get_account_summary": Bound(narrow="Name one account."),
    "get_positions": Bound(narrow="Name a symbol or an account."),
    "get_open_orders": Bound(narrow="Name a symbol.", newest=True),
    "get_completed_orders": Bound(500, DAY, newest=True),
    "get_executions": Bound(500, DAY, newest=True),
}


class ListPart(list[T]):
    """The rows that an answer has room for; `of` says how many there are."""

    def __init__(self, rows: Iterable[T], of: int) -> None:
        super().__init__(rows)
        self.of = of


def kept(operation: str, rows: Sequence[T], request: ListArguments) -> list[T]:
    """The rows that the answer to a request may have: nothing is done for the others. A summary is of all rows."""
    bound = BOUNDS[operation]
    most = SUMMARY_ROWS if request.format == "summary" else request.limit or bound.rows or len(rows)
    return list(rows[-most:] if bound.newest and most else rows[:most])


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


def require_short(durationStr: str, barSizeSetting: str, secType: str, hours: str) -> None:
    """Refuse a series of more bars than one answer holds, and name the longest that goes. Raises ToolError too_large.

    What TWS sends may be less (holidays, a young contract), never much more.
    """
    most, day_s = MOST_ROWS, session_s(hours)
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
    most = MOST_ROWS
    for unit in ("Y", "M", "W", "D", "S"):
        count = most // max(bars_of(f"1 {unit}", barSizeSetting, secType, day_s), 1)
        if unit == "S":
            count = most * bar_seconds(barSizeSetting)
        if count:
            return f"{min(count, LARGEST[unit])} {unit}"
    return "1 S"


def finest_of(durationStr: str, secType: str, day_s: int) -> str | None:
    """The smallest bar with which the duration fits."""
    most = MOST_ROWS
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
