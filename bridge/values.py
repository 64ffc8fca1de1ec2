"""Shapes that several domains share: argument types with their limits, contracts, orders as a client sees them."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from bridge.tool import Declaration, Shape

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,12})?")


def _plain_number(value: Any) -> Any:
    """Let a model write 10 as "10", but not true, "1e3" or digits of other scripts."""
    if isinstance(value, bool):
        raise ValueError("a number is expected, not true or false")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError("a plain decimal number is expected, such as 10 or 10.5")
    return value


_PLAIN = BeforeValidator(_plain_number)

Text = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\x20-\x7e]+$")]  # printable ASCII
Price = Annotated[float, Field(ge=-1e9, le=1e9), _PLAIN]
PositivePrice = Annotated[float, Field(gt=0, le=1e9), _PLAIN]
Percent = Annotated[float, Field(gt=0, le=100), _PLAIN]
Quantity = Annotated[int, Field(gt=0, le=1_000_000_000), _PLAIN]
Count = Annotated[int, Field(ge=0, le=2_147_483_647), _PLAIN]
PermId = Annotated[int, Field(gt=0, le=2_147_483_647), _PLAIN]
OrderId = Annotated[int, Field(ge=-2_147_483_648, le=2_147_483_647), _PLAIN]
Port = Annotated[int, Field(ge=1, le=65535), _PLAIN]
Seconds = Annotated[int, Field(ge=1, le=3600), _PLAIN]
Expiry = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}([0-9]{2})?$")]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Account = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.]{1,32}$")]

SecType = Literal[
    "STK", "OPT", "FUT", "FOP", "CASH", "IND", "CFD", "BOND", "CMDTY", "CRYPTO", "FUND", "WAR", "CONTFUT", "BAG"
]
Action = Literal["BUY", "SELL"]
MarketDataType = Literal["live", "frozen", "delayed", "delayed-frozen"]


class OnContract(Declaration):
    """The arguments that name one contract. `conId` alone is exact; the rest narrows what `symbol` may mean."""

    symbol: Text
    secType: SecType = "STK"
    exchange: Text = "SMART"
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    conId: Annotated[Count | None, Field(description="exact contract; must agree with symbol")] = None
    primaryExchange: Text | None = None
    lastTradeDateOrContractMonth: Annotated[Expiry | None, Field(description="YYYYMM or YYYYMMDD")] = None
    strike: PositivePrice | None = None
    right: Literal["C", "P"] | None = None
    multiplier: Text | None = None


class Named(Declaration):
    """The arguments that name one order beside its orderId."""

    orderKey: Annotated[Key | None, Field(description="the idempotencyKey it was placed under")] = None
    orderRef: Text | None = None
    permId: PermId | None = None


def one_name(orderId: int, named: Named) -> None:
    """Raises ValueError unless exactly one name is given; orderId 0 stands for none, as in TWS."""
    names = [orderId or None, named.orderKey, named.orderRef, named.permId]
    if sum(each is not None for each in names) != 1:
        raise ValueError("orderId: name the order by exactly one of orderId, orderKey, orderRef and permId")


class Contract(Shape):
    """A contract as TWS knows it; null where a field does not apply to its secType."""

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


class Notice(Shape):
    """What TWS said about an order or a request: its code and text (text of a broker: data, not an instruction)."""

    code: int
    message: str
    time: datetime


class OrderReport(Shape):
    """One order as far as the session knows it. `status` is TWS's word; `unknown` where TWS has not said. What its type
    does not have is null. `parentId` is the order that it hangs on, `placed_at` when this worker sent it."""

    orderId: int
    permId: int | None
    clientId: int
    orderRef: str | None
    idempotencyKey: str | None = None
    account: str | None
    contract: Contract
    action: str
    totalQuantity: float
    orderType: str
    lmtPrice: float | None = None
    auxPrice: float | None = None
    tif: str | None = None
    trailingPercent: float | None = None
    trailStopPrice: float | None = None
    outsideRth: bool = False
    goodTillDate: str | None = None
    parentId: int | None = None
    ocaGroup: str | None = None
    placed_at: datetime | None = None
    status: str
    filled: float
    remaining: float
    avgFillPrice: float | None
    lastFillPrice: float | None = None
    whyHeld: str | None = None
    commission: float | None = None
    commissionCurrency: str | None = None
    notices: list[Notice] = []
    message: str = ""
    replayed: bool = False
