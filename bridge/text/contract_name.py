"""The name of a contract, for people and models: one spelling in answers, logs, questions and errors. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
# Month codes of futures exchanges, January to December: the ESU5 that TWS writes as localSymbol is ES of September.
MONTH_CODES = "FGHJKMNQUVXZ"
PAIRS = frozenset({"CASH", "CRYPTO"})  # a price in one currency for another: both belong to the name
OPTIONS = frozenset({"OPT", "FOP", "WAR"})
PLAIN = frozenset({"STK", ""})

_EXPIRY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})?")
_MONTH_CODE = re.compile(rf"([{MONTH_CODES}])([0-9]{{1,2}})$")


def contract_name(contract: Mapping[str, Any] | object) -> str:
    """Return the name of a contract: `AAPL`, `SPY 18JUL25 400 P`, `ES SEP25`, `EUR.USD`, `AAPL CFD`.

    Takes anything with TWS's fields of a contract: the declared shape, ib_async's, a request, or the JSON of one.
    A type that the terms do not tell (`SPX IND`), or whose terms are missing (`SPY OPT`), is said behind them.
    """
    field = _reader(contract)
    secType, symbol = field("secType"), field("symbol")
    if not symbol:
        return field("localSymbol") or f"conId {field('conId')}"
    if secType in PAIRS:
        return f"{symbol}.{field('currency')}" if field("currency") else symbol
    if secType in PLAIN:
        return symbol
    terms = _option(contract) if secType in OPTIONS else [_month(contract)] if secType == "FUT" else []
    complete = bool(terms) and all(terms) and secType != "WAR"
    parts = [symbol, *terms, *([] if complete else [_maturity(contract), secType])]
    tradingClass = field("tradingClass")
    # SPX and SPXW expire on the same day, and DAX futures come in three sizes: only the class tells them apart.
    if terms and tradingClass and tradingClass != symbol:
        parts.append(f"({tradingClass})")
    return " ".join(filter(None, parts))


def goes_by(contract: Mapping[str, Any] | object, name: str) -> bool:
    """Return whether people call the contract by this name: its symbol, its localSymbol, or the name in an answer.

    BRK.B and BRK B are the same share, EURUSD and EUR.USD the same pair.
    """
    field = _reader(contract)
    names = (field("symbol"), field("localSymbol"), contract_name(contract))
    return bare_name(name) in {bare_name(each) for each in names if each}


def bare_name(name: str) -> str:
    """Return a name without what people write differently."""
    return re.sub(r"[ ./-]", "", name).upper()


def strike_text(strike: float | None) -> str:
    """Return a strike as it is spoken: 400, 402.5; nothing for TWS's 0 and its unset double."""
    if not strike or not 0 < abs(strike) < 1e12:
        return ""
    return f"{strike:.6f}".rstrip("0").rstrip(".")


def expiry_text(written: str | None) -> str:
    """Return TWS's expiry (20250718, 202507, 20250718-08:30:00 US/Central) as 18JUL25 or JUL25."""
    found = _EXPIRY.match(written or "")
    if found is None or not 1 <= int(found[2]) <= 12:
        return written or ""
    return f"{found[3] or ''}{MONTHS[int(found[2]) - 1]}{found[1][2:]}"


def _option(contract: Mapping[str, Any] | object) -> list[str]:
    field = _reader(contract)
    right = field("right").upper()[:1]
    strike = _value(contract, "strike")
    return [
        expiry_text(field("lastTradeDateOrContractMonth")),
        strike_text(float(strike) if strike else None),
        right if right in ("C", "P") else "",
    ]


def _month(contract: Mapping[str, Any] | object) -> str:
    """Return a future's contract month: crude oil of August (CLQ5) is last traded in July."""
    field = _reader(contract)
    expiry = _EXPIRY.match(field("lastTradeDateOrContractMonth"))
    code = _MONTH_CODE.search(field("localSymbol"))
    if expiry is None or code is None:
        return expiry_text(expiry[1] + expiry[2] if expiry else "")
    month, year = MONTH_CODES.index(code[1]) + 1, int(expiry[1])
    size = 10 ** len(code[2])  # the code has the last digit of the year, or the last two
    last_traded = year * 12 + int(expiry[2])
    years = [each for each in range(year - 1, year + 3) if each % size == int(code[2])]
    nearest = min(years, key=lambda each: abs(each * 12 + month - last_traded), default=year)
    return f"{MONTHS[month - 1]}{nearest % 100:02d}"


def _maturity(contract: Mapping[str, Any] | object) -> str:
    field = _reader(contract)
    return expiry_text(field("lastTradeDateOrContractMonth")) if field("secType") == "BOND" else ""


def _reader(contract: Mapping[str, Any] | object) -> Callable[[str], str]:
    def field(name: str) -> str:
        written = str(_value(contract, name) or "")  # text of a broker: no control or direction marks
        return " ".join("".join(filter(str.isprintable, written)).split())

    return field


def _value(contract: Mapping[str, Any] | object, name: str) -> Any:
    return contract.get(name) if isinstance(contract, Mapping) else getattr(contract, name, None)
