"""Shapes that several domains share: argument types with their limits, contracts, events."""

import json
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints, model_validator
from pydantic import WithJsonSchema as Published

from bridge.text import spellings as forms
from bridge.text.contract_forms import OPTIONS as OPTIONS  # the same name again exports it
from bridge.text.contract_forms import spelled_out
from bridge.text.empty_arguments import is_zero
from bridge.text.end_of_history import FIRST_YEAR, LAST_YEAR, TODAY, within_years
from bridge.text.security_ids import is_cusip, is_isin, security_id_type
from bridge.tool import Model, PartialModel, ToolRequest

_THOUSANDS = re.compile(r"[+]?[1-9][0-9]{0,2}\.[0-9]{3}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,12})?")


def _plain_number(value: Any) -> Any:
    """Let a model write 10 as "10", but not true, "1e3" or digits of other scripts."""
    if isinstance(value, bool):
        raise ValueError("a number is expected, not true or false")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError("a plain decimal number is expected, such as 10 or 10.5")
    return value


def _integer_if_whole(value: float) -> float:
    return int(value) if value.is_integer() else value


def _number_of_units(value: Any) -> Any:
    """Let a model write 10 as "10" or 10.0, but not "1.000", which is a thousand to half of the world."""
    plain = _plain_number(value)
    if isinstance(plain, str) and _THOUSANDS.fullmatch(plain):
        bare = plain.replace(".", "")
        raise ValueError(f"{plain} may be {float(plain):g} or {bare}: write it as a number, or without the point")
    if isinstance(plain, str):
        return float(plain) if "." in plain else int(plain)
    if not isinstance(plain, (int, float)) or not abs(plain) <= sys.float_info.max:  # no NaN, no infinity
        raise ValueError("a plain decimal number is expected, such as 10 or 10.5")
    return plain


def _amount(value: float) -> float:
    """Keep a whole quantity an integer, as it was sent and stored before fractions were taken."""
    if not 0 < value <= MOST_UNITS:
        raise ValueError(f"a quantity above 0 and up to {MOST_UNITS:,} is expected")
    return _integer_if_whole(float(value))


def _day(written: str) -> str:
    """Return a day as 2025-06-20; TWS's own form, 20250620, and today are taken too. Raises ValueError."""
    if written.strip().lower() == TODAY:
        return TODAY
    try:
        return within_years(date.fromisoformat(written)).isoformat()
    except ValueError:
        raise ValueError(f"a day such as 2025-06-20 is expected, of {FIRST_YEAR} to {LAST_YEAR}") from None


_PLAIN = BeforeValidator(_plain_number)
MOST_UNITS = 1_000_000_000
LONGEST_WAIT_S = 14_400  # of a call that waits for an event
MOST_ROWS = 2_000  # of one answer

Text = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\x20-\x7e]+$")]  # printable ASCII
Price = Annotated[float, Field(ge=-1e9, le=1e9), _PLAIN]
PositivePrice = Annotated[float, Field(gt=0, le=1e9), _PLAIN]
TriggerPrice = Annotated[float, Field(ge=0, le=1e9), _PLAIN]  # 0 where the order type has none, as TWS writes it
Volatility = Annotated[float, Field(gt=0, le=10, description="0.2 is 20 %"), _PLAIN]  # a year
Percent = Annotated[float, Field(gt=0, le=100), _PLAIN]
Change = Annotated[float, Field(ge=-100, le=100), _PLAIN]  # in percent; below 0 it is a fall
Quantity = Annotated[
    int | float,
    AfterValidator(_amount),
    BeforeValidator(_number_of_units),
    Published({"type": "number", "exclusiveMinimum": 0, "maximum": MOST_UNITS}),
]
# A quantity in an answer: 10, or 0.5 where a fraction of a unit was traded.
Amount = Annotated[
    float,
    PlainSerializer(_integer_if_whole, return_type=int | float),
    Published({"type": "number"}, mode="serialization"),
]
Count = Annotated[int, Field(ge=0, le=2_147_483_647), _PLAIN]
PermId = Annotated[int, Field(gt=0, le=9_223_372_036_854_775_807), _PLAIN]  # 64 bits: real ones have eleven digits
OrderId = Annotated[int, Field(ge=-2_147_483_648, le=2_147_483_647), _PLAIN]
TableRows = Annotated[int, Field(ge=1, le=500), _PLAIN]  # of a table that has its most important rows first
Port = Annotated[int, Field(ge=1, le=65535), _PLAIN]
Seconds = Annotated[int, Field(ge=1, le=3600), _PLAIN]
EventCursor = Annotated[str, StringConstraints(min_length=5, max_length=80, pattern=r"^[0-9A-Za-z.-]+$")]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Account = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.]{1,32}$"), BeforeValidator(forms.account)]
ModelCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 ._-]{1,32}$")]  # a person reads it in an approval
Symbol = Annotated[Text, BeforeValidator(forms.symbol)]
Exchange = Annotated[Text, BeforeValidator(forms.capitals)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), BeforeValidator(forms.capitals)]
Expiry = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}([0-9]{2})?$"), BeforeValidator(forms.expiry)]
Right = Annotated[
    Literal["C", "P"], BeforeValidator(forms.right), Published({"type": "string", "description": "C or P"})
]
Multiplier = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$"), BeforeValidator(forms.multiplier)
]

SecTypeName = Literal[
    "STK", "OPT", "FUT", "FOP", "CASH", "IND", "CFD", "BOND", "CMDTY", "CRYPTO", "FUND", "WAR", "CONTFUT", "BAG"
]
# Every model knows TWS's types; the list of them is in the schema of ibkr_get_contract_details alone.
SecType = Annotated[SecTypeName, BeforeValidator(forms.sec_type), Published({"type": "string"})]
Action = Annotated[Literal["BUY", "SELL"], BeforeValidator(forms.capitals)]
BarSize = Literal[
    "1 secs", "5 secs", "10 secs", "15 secs", "30 secs",
    "1 min", "2 mins", "3 mins", "5 mins", "10 mins", "15 mins", "20 mins", "30 mins",
    "1 hour", "2 hours", "3 hours", "4 hours", "8 hours", "1 day", "1 week", "1 month",
]  # fmt: skip
Duration = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4} [SDWMY]$"), BeforeValidator(forms.duration)]
HistoryBarSize = Annotated[
    BarSize,
    BeforeValidator(forms.bar_size),
    Published({"type": "string"}),
    Field(description="1 secs to 1 month, such as 5 mins, 1 hour"),
]
LiveBarSize = Annotated[  # of bars that TWS keeps up to date: 5 secs and longer
    Literal[
        "5 secs", "10 secs", "15 secs", "30 secs", "1 min", "2 mins", "3 mins", "5 mins", "10 mins", "15 mins",
        "20 mins", "30 mins", "1 hour", "2 hours", "3 hours", "4 hours", "8 hours", "1 day",
    ],
    BeforeValidator(forms.bar_size),
    Published({"type": "string"}),
]  # fmt: skip
MarketDataType = Literal["live", "frozen", "delayed", "delayed-frozen"]
Day = Annotated[str, AfterValidator(_day)]
Cell = str | bool | int | float | None  # of a table: one value


# Which types have an argument that most have not: one that is given in vain names another contract than its caller
# means. Source: IBKR's page on contracts.
HAVE = {
    "strike": OPTIONS,
    "right": OPTIONS,
    "lastTradeDateOrContractMonth": OPTIONS | {"FUT"},
    "multiplier": OPTIONS | {"FUT", "CONTFUT"},
}


# Source: IBKR's page on Contract.secIdType.
SecIdType = Annotated[
    Literal["ISIN", "CUSIP", "SEDOL", "RIC"],
    BeforeValidator(forms.capitals),
    Published({"type": "string", "description": "ISIN, CUSIP, SEDOL or RIC"}),
]
SecId = Annotated[Text, BeforeValidator(forms.capitals)]
SYMBOLS = "SPY, EUR/USD, ES SEP26, SPY 2026-12-18 400 P"
TERMS = frozenset({"lastTradeDateOrContractMonth", "strike", "right"})  # of an option
RARE = frozenset({"localSymbol", "tradingClass", "secIdType", "secId", "includeExpired"})
CHECKED = {"ISIN": is_isin, "CUSIP": is_cusip}  # numbers with a check digit


class ContractArguments(ToolRequest):
    """The arguments that name one contract. `conId` alone is exact; the rest narrows what `symbol` may mean.

    `symbol` may have the whole contract in it, as people write it: see `bridge.text.contract_forms`.
    ibkr_get_contract_details publishes all of them, and its answer has the conId with which no other is needed.
    """

    first: ClassVar[tuple[str, ...]] = ("symbol",)
    unpublished: ClassVar[frozenset[str]] = TERMS | {"primaryExchange", "multiplier", *RARE}
    keeps_expired: ClassVar[bool] = False  # takes includeExpired

    symbol: Annotated[Symbol, Field(description=SYMBOLS)] = ""
    secType: SecType = "STK"
    exchange: Exchange = "SMART"
    currency: Currency = "USD"
    conId: Annotated[Count | None, Field(description="instead of symbol")] = None
    primaryExchange: Exchange | None = None
    lastTradeDateOrContractMonth: Annotated[Expiry | None, Field(description="YYYYMM or YYYYMMDD")] = None
    strike: PositivePrice | None = None
    right: Right | None = None
    multiplier: Multiplier | None = None
    localSymbol: Text | None = None
    tradingClass: Text | None = None
    secIdType: SecIdType | None = None
    secId: SecId | None = None
    includeExpired: bool = False

    @classmethod
    def tidied(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments that were given, with what is written into symbol in TWS's own."""
        given = spelled_out(super().tidied(arguments))
        kind = security_id_type(given["secId"]) if isinstance(given.get("secId"), str) else None
        return given if kind is None or "secIdType" in given else given | {"secIdType": kind}

    @model_validator(mode="after")
    def _names_a_contract(self) -> Self:
        if not self.named():
            raise ValueError("symbol: name the contract by symbol or by conId")
        return self

    def named(self) -> bool:
        """Return whether an argument names a contract."""
        return bool(self.symbol or self.conId is not None or self.localSymbol or self.secId)

    @model_validator(mode="after")
    def _number_is_one(self) -> Self:
        if (self.secId is None) != (self.secIdType is None):
            wanted = "secId" if self.secId is None else "secIdType"
            raise ValueError(f"{wanted}: give secIdType ISIN, CUSIP, SEDOL or RIC and the number as secId")
        if self.secId is not None and not CHECKED.get(self.secIdType or "", bool)(self.secId):
            raise ValueError(f"secId: this is no {self.secIdType}, its form or check digit is wrong")
        return self

    @model_validator(mode="after")
    def _expired_is_kept(self) -> Self:
        """Refuse what TWS does not keep. Source: IBKR's page on Contract.includeExpired: futures, for two years."""
        if not self.includeExpired:
            return self
        if not self.keeps_expired:
            raise ValueError("includeExpired: leave it out, an expired contract has details and history alone")
        if self.secType != "FUT" and (self.conId is None or "secType" in self.model_fields_set):
            raise ValueError(f"includeExpired: TWS keeps expired futures (secType FUT) alone, and no {self.secType}")
        return self

    @model_validator(mode="after")
    def _arguments_fit_the_type(self) -> Self:
        """Refuse what the type has not. A conId tells the type by itself: the worker holds the rest against it."""
        if self.conId is not None and "secType" not in self.model_fields_set:
            return self
        vain = [name for name, types in HAVE.items() if getattr(self, name) is not None and self.secType not in types]
        if vain:
            having = frozenset.intersection(*(HAVE[name] for name in vain))
            meant = " or ".join(each for each in ("OPT", "FOP", "FUT") if each in having)
            names = vain[0] if len(vain) == 1 else f"{', '.join(vain[:-1])} and {vain[-1]}"
            raise ValueError(
                f"{vain[0]}: secType {self.secType} has no {names}: {'that needs' if len(vain) == 1 else 'they need'} "
                f"secType {meant}. Give it, or leave {'it' if len(vain) == 1 else 'them'} out"
            )
        return self


def comma_separated(value: Any) -> Any:
    """Return the parts of a text, so that a model may write a list as "date, close" or as JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return [each.strip() for each in value.split(",") if each.strip()]


def named_alone(written: Any) -> Any:
    """Take a symbol, or a conId, for a contract that has no more than that."""
    if isinstance(written, str):
        return {"symbol": written}
    return {"conId": written} if isinstance(written, int) and not isinstance(written, bool) else written


Names = Annotated[list[Text], Field(min_length=1, max_length=20), BeforeValidator(comma_separated)]


class ListArguments(ToolRequest):
    """The arguments that shape the answer of a tool that returns a list."""

    format: Annotated[
        Literal["objects", "table", "summary"],
        BeforeValidator(forms.lower),
        Field(description="table: fewer tokens"),
    ] = "objects"
    limit: Annotated[int | None, Field(ge=1, le=MOST_ROWS), _PLAIN] = None
    fields: Annotated[
        list[Text] | None,
        Field(min_length=1, description="only these"),
        BeforeValidator(comma_separated),
    ] = None

    @classmethod
    def tidied(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments that were given: a limit of 0 is none, as a strict function writes it."""
        given = super().tidied(arguments)
        return {name: value for name, value in given.items() if name != "limit" or not is_zero(value)}

    @model_validator(mode="after")
    def _summary_has_no_rows(self) -> Self:
        for name in ("limit", "fields"):
            if self.format == "summary" and getattr(self, name) is not None:
                raise ValueError(f"{name}: leave it out, format summary covers all rows and returns none")
        return self


class OrderNameArguments(ToolRequest):
    """The arguments, besides orderId, that name one order."""

    orderKey: Annotated[Key | None, Field(description="its idempotencyKey")] = None
    orderRef: Text | None = None
    permId: PermId | None = None


def one_name(orderId: int, named: OrderNameArguments) -> None:
    """Raise ValueError where no name is given; orderId 0 stands for none, as in TWS. One is enough; several must agree,
    which the worker sees."""
    names = [orderId or None, named.orderKey, named.orderRef, named.permId]
    if all(each is None for each in names):
        raise ValueError("orderId: name the order by one of orderId, orderKey, orderRef and permId")


class Contract(PartialModel):
    """A contract as TWS knows it. Fields that its secType does not have are left out; a position is at no exchange."""

    conId: int
    symbol: str
    secType: str
    exchange: str | None = None
    primaryExchange: str | None = None
    currency: str | None = None
    localSymbol: str | None = None
    tradingClass: str | None = None
    lastTradeDateOrContractMonth: str | None = None
    strike: float | None = None
    right: str | None = None
    multiplier: str | None = None

    def inapplicable(self) -> Iterable[str]:
        absent = [name for name, types in HAVE.items() if self.secType not in types]
        return [*absent, "exchange", "primaryExchange"] if self.exchange is None else [*absent, "primaryExchange"]


class Happened(Model):
    """One event of the session. `details` has the state after it: of an order its status and quantities, of an
    execution its shares and price. `time` is the event's own, null where nobody has told since when a state holds."""

    kind: str
    time: datetime | None
    symbol: str | None = None
    orderKey: str | None = None
    orderRef: str | None = None
    orderId: int | None = None
    permId: int | None = None
    account: str | None = None
    conId: int | None = None
    details: dict[str, Any]
