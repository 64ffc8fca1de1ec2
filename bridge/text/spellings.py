"""Forms that people write and that have one meaning, in TWS's spelling: "buy", "2025-06-20", "5 minutes". Pure.

What a function does not understand, or what may mean two things, it returns as it came: the field's own check refuses
it. A value in TWS's own spelling comes back unchanged, as stored digests of calls depend on it.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Any

ORDER_TYPES = {
    "MARKET": "MKT",
    "LIMIT": "LMT",
    "STOP": "STP",
    "STOP LIMIT": "STP LMT",
    "STPLMT": "STP LMT",
    "STOP LMT": "STP LMT",
    "STOPLIMIT": "STP LMT",
    "TRAILING": "TRAIL",
    "TRAILING STOP": "TRAIL",
    "TRAIL STOP": "TRAIL",
    "MARKET IF TOUCHED": "MIT",
    "LIMIT IF TOUCHED": "LIT",
    "MARKET ON CLOSE": "MOC",
    "LIMIT ON CLOSE": "LOC",
    "MARKET TO LIMIT": "MTL",
    "RELATIVE": "REL",
    "MID PRICE": "MIDPRICE",
    "MIDPX": "MIDPRICE",
}
TIMES_IN_FORCE = {
    "GOOD TILL CANCELLED": "GTC",
    "GOOD TILL CANCELED": "GTC",
    "GOOD TIL CANCELLED": "GTC",
    "GOOD TIL CANCELED": "GTC",
    "GOOD UNTIL CANCELLED": "GTC",
    "GOOD UNTIL CANCELED": "GTC",
    "IMMEDIATE OR CANCEL": "IOC",
    "FILL OR KILL": "FOK",
    "AT THE OPENING": "OPG",
    "AT THE OPEN": "OPG",
    "DAY ORDER": "DAY",
}
SEC_TYPES = {
    "STOCK": "STK",
    "STOCKS": "STK",
    "EQUITY": "STK",
    "SHARE": "STK",
    "SHARES": "STK",
    "ETF": "STK",  # IBKR lists exchange-traded funds as STK; FUND is a mutual fund
    "OPTION": "OPT",
    "OPTIONS": "OPT",
    "FUTURE": "FUT",
    "FUTURES": "FUT",
    "FUTURE OPTION": "FOP",
    "FUTURES OPTION": "FOP",
    "OPTION ON FUTURE": "FOP",
    "FOREX": "CASH",
    "FX": "CASH",
    "CURRENCY": "CASH",
    "INDEX": "IND",
    "BONDS": "BOND",
    "CRYPTOCURRENCY": "CRYPTO",
    "MUTUAL FUND": "FUND",
    "WARRANT": "WAR",
    "COMMODITY": "CMDTY",
    "CONTINUOUS FUTURE": "CONTFUT",
    "COMBO": "BAG",
}
RIGHTS = {"CALL": "C", "CALLS": "C", "PUT": "P", "PUTS": "P"}
MONTH_NAMES = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER",
    "DECEMBER",
)  # fmt: skip
# A lone "m" may be a minute or a month, so neither table has it.
BAR_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "sec"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "hour"),
    **dict.fromkeys(("d", "day", "days"), "day"),
    **dict.fromkeys(("w", "week", "weeks"), "week"),
    **dict.fromkeys(("mo", "month", "months"), "month"),
}
BAR_WORDS = {"hourly": "1 hour", "daily": "1 day", "weekly": "1 week", "monthly": "1 month"}
DURATION_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), (1, "S")),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), (60, "S")),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), (3600, "S")),
    **dict.fromkeys(("d", "day", "days"), (1, "D")),
    **dict.fromkeys(("w", "week", "weeks"), (1, "W")),
    **dict.fromkeys(("mo", "month", "months"), (1, "M")),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), (1, "Y")),
}

_COUNTED = re.compile(r"([0-9]{1,5}) ?([A-Za-z]+)")
YEAR_TO_DATE = "YTD"
_YEAR_TO_DATE = re.compile(r"ytd|year.to.date|this.year", re.IGNORECASE)
_TWS_DURATION = re.compile(r"([0-9]{1,5}) ?M")
_MONTH = r"(?P<month>[A-Z]{3,9})\.?"
_DAY = r"(?P<day>[0-9]{1,2})(?:ST|ND|RD|TH)?"
_DATES = [
    re.compile(each)
    for each in (
        r"(?P<year>[0-9]{4})(?P<number>[0-9]{2})(?P<day>[0-9]{2})?",
        r"(?P<year>[0-9]{4})(?P<number>[0-9]{2})(?P<day>[0-9]{2})[- ][0-9]{2}:[0-9]{2}.*",  # as TWS tells a future's
        r"(?P<year>[0-9]{4})[-/.](?P<number>[0-9]{1,2})(?:[-/.](?P<day>[0-9]{1,2})(?:[T ]00:00(?::00)?Z?)?)?",
        r"(?P<number>[0-9]{1,2})[-/.](?P<year>[0-9]{4})",
        rf"(?P<year>[0-9]{{4}})[ -]{_MONTH}(?:[ -]{_DAY})?",
        rf"{_DAY}[ -]?{_MONTH}[ ,'-]*(?P<year>[0-9]{{4}}|[0-9]{{2}})",
        rf"{_MONTH}[ -]?{_DAY}(?:, ?| |')'?(?P<year>[0-9]{{4}})",
        rf"{_MONTH}(?P<day>[0-9]{{1,2}})'(?P<year>[0-9]{{2}})",  # as TWS's screens show an option: JUL18'25
        rf"{_MONTH}(?:[ -]?'?(?P<year>[0-9]{{4}})|'?(?P<short>[0-9]{{2}}))",  # SEP25: a future's name
    )
]
_SOME_ORDER = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4}|[0-9]{2})")
YEARS = range(1980, 2101)  # a year outside is another form read wrongly, such as 250620


def symbol(value: Any) -> Any:
    """Return a symbol without blanks around it; one in small letters, or with a capital first, in capitals.

    Other small letters stay: they tell some listings apart.
    """
    if not isinstance(value, str):
        return value
    bare = value.strip()
    return bare.upper() if bare in (bare.lower(), bare.capitalize()) else bare


def capitals(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def account(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    bare = value.strip()
    return bare.upper() if bare == bare.lower() else bare


def order_type(value: Any) -> Any:
    return _named(value, ORDER_TYPES)


def time_in_force(value: Any) -> Any:
    return _named(value, TIMES_IN_FORCE)


def sec_type(value: Any) -> Any:
    return _named(value, SEC_TYPES)


def right(value: Any) -> Any:
    return _named(value, RIGHTS)


def what_to_show(value: Any) -> Any:
    return re.sub(r"[ /-]+", "_", value.strip()).upper() if isinstance(value, str) else value


def multiplier(value: Any) -> Any:
    """Return 100, 100.0 and "100.0" as "100"."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return value
    written = str(value).strip()
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", written):
        return written
    return f"{Decimal(written).normalize():f}"


def bar_size(value: Any) -> Any:
    """Return "5 minutes" as TWS's "5 mins"; one second is "1 secs" there."""
    if not isinstance(value, str):
        return value
    written = " ".join(value.split())
    counted = _COUNTED.fullmatch(written)
    unit = BAR_UNITS.get(counted[2].lower()) if counted and counted[2] != "M" else None
    if counted is None or unit is None:
        return BAR_WORDS.get(written.lower(), value)
    number = int(counted[1])
    several = (number > 1 and unit in ("min", "hour")) or unit == "sec"
    return f"{number} {unit}{'s' if several else ''}"


def duration(value: Any) -> Any:
    """Return "30 days" as "30 D" and "2 hours" as "7200 S": TWS counts in S, D, W, M (months) and Y."""
    if not isinstance(value, str):
        return value
    written = " ".join(value.split())
    if months := _TWS_DURATION.fullmatch(written):
        return f"{months[1]} M"
    counted = _COUNTED.fullmatch(written)
    found = DURATION_UNITS.get(counted[2].lower()) if counted else None
    return f"{int(counted[1]) * found[0]} {found[1]}" if counted and found else value


def period(value: Any) -> Any:
    """Return "year to date" as YTD, which TWS does not have, and all else as a duration."""
    if isinstance(value, str) and _YEAR_TO_DATE.fullmatch(value.strip()):
        return YEAR_TO_DATE
    return duration(value)


def expiry(value: Any) -> Any:
    """Return a date or a month as YYYYMMDD or YYYYMM. Raise ValueError for what is none, or may be two."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return value
    written = " ".join(str(value).upper().split())
    found = _in_some_order(written) if _SOME_ORDER.fullmatch(written) else _dated(written)
    if found is None:
        raise ValueError("a date is expected as YYYYMMDD, such as 20250620, or a month as YYYYMM, such as 202506")
    return found


def _named(value: Any, names: dict[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    words = " ".join(value.replace("_", " ").replace("-", " ").upper().split())
    return names.get(words, words)


def _dated(written: str) -> str | None:
    for form in _DATES:
        if match := form.fullmatch(written):
            parts = match.groupdict()
            month = _month_number(parts.get("month")) or int(parts.get("number") or 0)
            year = parts.get("year") or parts.get("short") or ""
            return _checked(int(year) + (2000 if len(year) == 2 else 0), month, parts.get("day"))
    return None


def _in_some_order(written: str) -> str | None:
    """Return 20/06/2025, 06/20/2025 and 6/20/25, each of which is a date in one order only."""
    first, second, third = written.replace("-", "/").replace(".", "/").split("/")
    orders = [(third, second, first), (third, first, second)]
    if len(third) == 2:
        orders = [*((f"20{year}", month, day) for year, month, day in orders), (f"20{first:0>2}", second, third)]
    readings = {each for year, month, day in orders if (each := _checked(int(year), int(month), day)) is not None}
    if len(readings) > 1:
        raise ValueError("the day, the month or the year may come first here: write YYYYMMDD, such as 20250620")
    return next(iter(readings), None)


def _month_number(name: str | None) -> int | None:
    if name is None:
        return None
    fitting = [number for number, full in enumerate(MONTH_NAMES, 1) if name in (full, full[:3], full[:4])]
    return fitting[0] if fitting else None


def _checked(year: int, month: int, day: str | None) -> str | None:
    if year not in YEARS or not 1 <= month <= 12:
        return None
    if day is None:
        return f"{year}{month:02d}"
    try:
        return f"{date(year, month, int(day)):%Y%m%d}"
    except ValueError:
        return None
