"""Contracts that people write into `symbol`: EUR/USD, ES SEP26, SPY 2026-12-18 400 P. Pure; used by declarations.

Each form has one meaning, in TWS's own arguments. A symbol of no such form stays as it is, for TWS to know.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from bridge.text import spellings
from bridge.text.contract_name import MONTH_CODES, MONTHS, bare_name, contract_name, expiry_text, goes_by, strike_text
from bridge.text.security_ids import is_isin

Terms = dict[str, Any]
LONGEST = 64  # characters of a symbol

CURRENCIES = frozenset(
    "USD EUR GBP JPY CHF CAD AUD NZD HKD SGD SEK NOK DKK CNH MXN ZAR PLN CZK HUF TRY ILS KRW INR THB RUB".split()  # noqa: SIM905
)
OPTIONS = frozenset({"OPT", "FOP", "WAR"})
# Types that a form may have beside its own, where they are given.
ALSO = {"OPT": OPTIONS, "CASH": frozenset({"CASH", "CFD"}), "FUT": frozenset({"FUT"})}

# Classes of shares, which TWS writes with a blank in New York alone: BRK B, but RCI.B in Toronto. Other letters are
# other vendors' marks of an exchange: VOD.L, 7203.T, BMW.F.
_SHARE_CLASS = re.compile(r"([A-Z]{1,5})[./-]([A-E])")
_CLASSED = frozenset({"STK", "OPT", "WAR", "CFD"})
# Other vendors' marks before a symbol: /ES is a future, ^VIX an index.
VENDOR_MARKS = {"/": "FUT", "^": "IND"}
_VENDOR_MARK = re.compile(r"([/^])([A-Z0-9]{1,8})")
_PAIR = re.compile(r"([A-Z]{3})[ ./-]?([A-Z]{3})")
# An option as exchanges write it (SPY   250718P00400000): TWS's localSymbol.
_OCC = re.compile(r"([A-Z.]{1,6}) *([0-9]{6})([CP])([0-9]{5})([0-9]{3})")
_STRIKE = r"(?P<strike>[0-9]{1,7}(?:\.[0-9]{1,6})?)"
_OPTION = [
    re.compile(rf"(?P<symbol>\S+(?: [A-Z])?) (?P<day>\S.*?) {terms}(?: \((?P<class>[A-Z0-9]+)\))?")
    for terms in (rf"{_STRIKE} ?(?P<right>C|P|CALL|PUT)", rf"(?P<right>C|P|CALL|PUT) ?{_STRIKE}")
]
_DATED = re.compile(r"(?P<symbol>\S+) (?P<day>\S*[0-9].*?)(?: \((?P<class>[A-Z0-9]+)\))?")
_SOME_DATE = re.compile(r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}")
# ESU6, 6EU6: TWS's localSymbol of a future. No symbol of a US stock has a digit; some of other countries' do (HEN3).
_FUTURE_CODE = re.compile(rf"([A-Z0-9]{{2,4}})([{MONTH_CODES}])([0-9]{{1,2}})")
# Other programs' spellings, which no symbol of TWS has: $AAPL, ES Z26, ES1! and AAPL 20261218C300.
_DOLLAR = re.compile(r"\$([A-Z]{1,6}(?:[ .][A-Z])?)")
_CODED = re.compile(rf"([A-Z0-9]{{1,4}}) ([{MONTH_CODES}])([0-9]{{1,2}})")
_CONTINUOUS = re.compile(r"([A-Z0-9]{1,4})[0-9]!")
_JOINED = re.compile(rf"\.?([A-Z]{{1,6}}(?: [A-Z])?) ?((?:20)?[0-9]{{6}})(?P<right>[CP]){_STRIKE}")


def spelled_out(given: Terms) -> Terms:
    """Return a contract's arguments, with what is written into `symbol` in TWS's own arguments.

    Raise ValueError for a form that may mean two contracts, and for arguments that contradict it. Beside a conId a
    symbol is only compared, and stays as it is.
    """
    written = spellings.symbol(given.get("symbol"))
    if not isinstance(written, str) or len(written) > LONGEST or given.get("conId") is not None:
        return given
    written = " ".join(written.split()) if not _OCC.fullmatch(written) else written
    if vendor := _VENDOR_MARK.fullmatch(written.upper()):
        secType = VENDOR_MARKS[vendor[1]]
        raise ValueError(f"symbol: {written} is not TWS's spelling. Write {_written_here(vendor[2], secType)}")
    terms = _terms(written, given)
    if terms is None:
        return given
    for name, value in terms.items():
        _require_agreement(terms, given, name, value)
    rest = {name: value for name, value in given.items() if name != "symbol"}
    return terms | _exacter(rest, terms)


def respelled(written: str) -> str | None:
    """Return another program's spelling as it is written here; None where the text has no such form."""
    upper = " ".join(written.upper().split())
    if found := _DOLLAR.fullmatch(upper) or _CONTINUOUS.fullmatch(upper):
        return found[1]
    if found := _CODED.fullmatch(upper):
        root, code, year = found.groups()
        month = MONTHS[MONTH_CODES.index(code)]
        return f"{root} {month}{year}" if len(year) == len("26") else f"{root}{code}{year}"  # its decade is not told
    found = _JOINED.fullmatch(upper)
    try:
        day = None if found is None else _date(f"20{found[2][-6:]}")
    except ValueError:
        return None
    if found is None or day is None:
        return None
    return f"{found[1]} {day[:4]}-{day[4:6]}-{day[6:]} {strike_text(float(found['strike']))} {found['right']}"


def is_named(contract: object, written: str) -> bool:
    """Return whether the text names the contract: by one of its names, or by a form that means it. Raise ValueError for
    a form that may mean two contracts. A number of a security (ISIN) is for a look-up to compare."""
    if goes_by(contract, written):
        return True
    terms = _named_terms(written)
    if "secId" in terms or not terms.keys() - {"symbol"}:
        return False
    month = "lastTradeDateOrContractMonth"
    if terms.get("secType") != "FUT" or month not in terms:
        return all(_has(contract, name, value) for name, value in terms.items())
    named = contract_name({**vars(contract), "tradingClass": ""})  # it has the month, and the expiry may have another
    rest = {name: value for name, value in terms.items() if name != month}
    return named.endswith(f" {expiry_text(terms[month])}") and all(_has(contract, *each) for each in rest.items())


@lru_cache(maxsize=100)  # one text is compared with every contract of a list
def _named_terms(written: str) -> Terms:
    return spelled_out({"symbol": written})


def _has(contract: object, name: str, value: Any) -> bool:
    """Return whether the contract's field is what the form says; an expiry may be less exact."""
    own = getattr(contract, name, None)
    if name == "lastTradeDateOrContractMonth":
        return str(own or "").startswith(value)
    if name == "secType":
        return own == value or (value == "OPT" and own in OPTIONS)
    return bool(own == value) if name == "strike" else bare_name(str(own or "")) == bare_name(str(value))


def _written_here(symbol: str, secType: str) -> str:
    """Return how a vendor's symbol is written here, also where an entry of a list is a text."""
    if secType == "FUT":
        return f"{symbol} with its month, such as {symbol} DEC26 or {symbol} 202612"
    return f"{symbol}, with secType {secType} where the tool takes that"


def _terms(written: str, given: Terms) -> Terms | None:
    """Return the arguments that the text stands for; None for a plain symbol."""
    return next((terms for form in FORMS if (terms := form(written, given)) is not None), None)


def share_class(written: str) -> str | None:
    """Return BRK.B as TWS writes it, `BRK B`; None for what is no class of shares of the United States."""
    found = _SHARE_CLASS.fullmatch(written.strip().upper())
    return f"{found[1]} {found[2]}" if found else None


def _share_class(written: str, given: Terms) -> Terms | None:
    symbol = share_class(written)
    abroad = spellings.capitals(given.get("currency", "USD")) != "USD"
    return None if symbol is None or abroad or _sec_type(given, "STK") not in _CLASSED else {"symbol": symbol}


def _pair(written: str, _: Terms) -> Terms | None:
    pair = currency_pair(written)
    return None if pair is None else {"symbol": pair[0], "secType": "CASH", "currency": pair[1]}


def currency_pair(written: str) -> tuple[str, str] | None:
    """Return the two currencies of EUR/USD, EUR.USD, EUR-USD, EUR USD or EURUSD."""
    found = _PAIR.fullmatch(written.upper())
    return (found[1], found[2]) if found and {found[1], found[2]} <= CURRENCIES and found[1] != found[2] else None


def _listed_option(written: str, _: Terms) -> Terms | None:
    """The name of the Options Clearing Corporation: root, expiry, right, and the strike in thousandths."""
    found = _OCC.fullmatch(written)
    if found is None:
        return None
    root, day, right, whole, part = found.groups()
    expiry = {"lastTradeDateOrContractMonth": f"20{day}", "strike": float(f"{whole}.{part}"), "right": right}
    return {"secType": "OPT", **expiry, "localSymbol": f"{root:<6}{day}{right}{whole}{part}"}


def _option(written: str, given: Terms) -> Terms | None:
    upper = written.upper()
    found = next((match for form in _OPTION if (match := form.fullmatch(upper))), None)
    day = None if found is None else _date(found["day"])
    if found is None or day is None:
        return None
    terms = {"lastTradeDateOrContractMonth": day, "strike": float(found["strike"]), "right": found["right"][0]}
    symbol = _share_class(found["symbol"], given | {"secType": "OPT"}) or {"symbol": found["symbol"]}
    return {**symbol, "secType": "OPT", **terms, **({"tradingClass": found["class"]} if found["class"] else {})}


def _future(written: str, given: Terms) -> Terms | None:
    """ES SEP26, or ES 2026-09-18 where the type is given: a day is the expiry of options, too."""
    found = _DATED.fullmatch(written.upper())
    day = None if found is None else _date(found["day"])
    if found is None or day is None:
        return None
    secType = _sec_type(given, "")
    if not secType and len(day) == 8:
        raise ValueError(
            f"symbol: {written} may be a future, or the options of that expiry. Give secType FUT, or for an option "
            f"its strike and right too: {found['symbol']} {day} 400 P"
        )
    terms = {"symbol": found["symbol"], "lastTradeDateOrContractMonth": day}
    terms |= {"tradingClass": found["class"]} if found["class"] else {}
    return terms if secType in OPTIONS else terms | {"secType": "FUT"}


def _future_code(written: str, given: Terms) -> Terms | None:
    found = _FUTURE_CODE.fullmatch(written)
    abroad = spellings.capitals(given.get("currency", "USD")) != "USD"
    if found is None or found[1].isdecimal() or _sec_type(given, "" if abroad else "FUT") != "FUT":
        return None
    root, code, year = found.groups()
    terms = {"secType": "FUT", "localSymbol": f"{root}{code}{year[-1]}"}
    month = MONTH_CODES.index(code) + 1
    return terms if len(year) == 1 else terms | {"lastTradeDateOrContractMonth": f"20{year}{month:02d}"}


def _isin(written: str, _: Terms) -> Terms | None:
    number = written.upper()
    return {"secIdType": "ISIN", "secId": number} if is_isin(number) else None


FORMS: tuple[Callable[[str, Terms], Terms | None], ...] = (
    _share_class, _pair, _listed_option, _option, _future, _future_code, _isin,
)  # fmt: skip


def _date(written: str) -> str | None:
    try:
        return str(spellings.expiry(written))
    except ValueError as wrong:
        if _SOME_DATE.fullmatch(written):
            raise ValueError(f"symbol: {wrong}") from None
        return None


def _sec_type(given: Terms, default: str) -> str:
    return str(spellings.sec_type(given.get("secType", default)))


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value  # for the field's own check to refuse


def _day(value: Any) -> Any:
    try:
        return spellings.expiry(value)
    except ValueError:
        return value


READ: Mapping[str, Callable[[Any], Any]] = {
    "secType": spellings.sec_type,
    "currency": spellings.capitals,
    "lastTradeDateOrContractMonth": _day,
    "strike": _number,
    "right": spellings.right,
}


def _require_agreement(terms: Terms, given: Terms, name: str, value: Any) -> None:
    """Raise ValueError where an argument beside the text says something else."""
    if name == "symbol" or name not in given:
        return
    other = READ.get(name, spellings.capitals)(given[name])
    if name == "lastTradeDateOrContractMonth":
        agrees = str(other).startswith(value) or value.startswith(str(other))
    else:
        agrees = other == value or (name == "secType" and other in ALSO[value])
    if not agrees:
        raise ValueError(
            f"{name}: symbol means {_told(terms)}, which the given {name} contradicts. Correct one of them, or leave "
            f"{name} out"
        )


def _told(terms: Terms) -> str:
    name = contract_name(terms) if "symbol" in terms else terms.get("localSymbol") or terms.get("secId")
    return f"{name} (secType {terms['secType']})" if "secType" in terms else str(name)


def _exacter(rest: Terms, terms: Terms) -> Terms:
    """Return the arguments beside the text, without an expiry that is less exact than the text's."""
    name = "lastTradeDateOrContractMonth"
    coarse = name in rest and name in terms and len(str(_day(rest[name]))) < len(terms[name])
    return {each: value for each, value in rest.items() if each != name or not coarse}
