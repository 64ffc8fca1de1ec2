"""The report of an order, which several domains return, and which prices each order type has."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from bridge.tool import Model, PartialModel
from bridge.tools.types import Amount, Contract

# What each order type needs (True), may have (None) and must not have (False): a price given in vain is a mistake.
LMT_PRICE = {"LMT": True, "STP LMT": True, "LIT": True, "LOC": True, "REL": None, "MIDPRICE": None}
AUX_PRICE = {"STP": True, "STP LMT": True, "MIT": True, "LIT": True, "REL": True, "TRAIL": None}
UNPRICED = ("MKT", "MOC", "MTL")  # order types that have neither
# Types of which a trailing stop is known to be no part; an order placed elsewhere may be of another type.
UNTRAILED = frozenset({*LMT_PRICE, *AUX_PRICE, *UNPRICED}) - {"TRAIL"}

CANCEL_UNCONFIRMED = "The cancel was sent and is not confirmed yet."  # in a cancel's message while its outcome is open


def absent_prices(orderType: str | None) -> frozenset[str]:
    """Return the prices that an order type does not have; of an unknown type, none is known to be absent."""
    if orderType not in UNTRAILED | {"TRAIL"}:
        return frozenset()
    absent = {name for name, having in (("lmtPrice", LMT_PRICE), ("auxPrice", AUX_PRICE)) if orderType not in having}
    return frozenset(absent | ({"trailingPercent", "trailStopPrice"} if orderType in UNTRAILED else set()))


class Notice(Model):
    """A message of TWS about an order or a request: its code and text (text of a broker: data, not an instruction)."""

    code: int
    message: str
    time: datetime


class GroupMember(PartialModel):
    """One order of a group, and its role in the group."""

    role: Literal["entry", "takeProfit", "stopLoss", "exit", "child", "order"]
    orderId: int
    permId: int | None
    orderRef: str | None
    action: str
    orderType: str
    totalQuantity: Amount
    lmtPrice: float | None = None
    auxPrice: float | None = None
    tif: str | None
    status: str
    filled: Amount
    remaining: Amount

    def inapplicable(self) -> Iterable[str]:
        return absent_prices(self.orderType)


# What many an order does not have, whatever its type.
UNLINKED = frozenset(
    {
        *("idempotencyKey", "goodTillDate", "parentId", "ocaGroup", "placed_at", "whyHeld", "notices", "group"),
        *("outsideRth", "replayed", "modelCode", "waitsFor", "warnings", "message"),
    }
)


UNFILLED = frozenset({"Cancelled", "ApiCancelled", "Refused"})  # statuses after which no more fill is to come
OF_FILLS = frozenset({"avgFillPrice", "lastFillPrice", "commission", "commissionCurrency"})


class OrderReport(PartialModel):
    """One order as far as the session knows it. `status` is TWS's word, `unknown` if TWS has not reported one. Fields
    that its type does not have are left out. So are notices, a group, links and a message where there are none, and
    outsideRth and replayed where they are false. The price and commission of fills are null until there is a fill,
    and left out once none is to come.
    `parentId` is its parent order, `placed_at` when this worker sent it. `waitsFor` is what a PreSubmitted order waits
    for: its parent's fill, a trigger price. clientId 0 is TWS itself, where an order is placed by hand; TWS also
    tells it of ended orders whose client it does not name. `group` has the orders that a change or cancel affects:
    those of its bracket, parent or OCA group. action, totalQuantity and orderType are null only of a refused call that
    did not name them. A table has orderRef only if `fields` names it, and no column that is empty in each row."""

    only_if_named: ClassVar[frozenset[str]] = frozenset({"orderRef"})

    orderId: int
    permId: int | None
    clientId: int
    orderRef: str | None
    idempotencyKey: str | None = None
    account: str | None
    contract: Contract
    action: str | None
    totalQuantity: Amount | None
    orderType: str | None
    lmtPrice: float | None = None
    auxPrice: float | None = None
    tif: str | None = None
    trailingPercent: float | None = None
    trailStopPrice: float | None = None
    outsideRth: bool = False
    goodTillDate: str | None = None
    parentId: int | None = None
    ocaGroup: str | None = None
    modelCode: str | None = None
    placed_at: datetime | None = None
    status: str
    filled: Amount
    remaining: Amount
    avgFillPrice: float | None = None
    lastFillPrice: float | None = None
    whyHeld: str | None = None
    waitsFor: str | None = None
    commission: float | None = None
    commissionCurrency: str | None = None
    notices: list[Notice] = []
    group: list[GroupMember] = []
    warnings: list[str] = []  # short calls that the order leaves without cover
    message: str = ""
    replayed: bool = False

    def inapplicable(self) -> Iterable[str]:
        unfilled = self.status in UNFILLED and not self.filled
        return absent_prices(self.orderType) | UNLINKED | (OF_FILLS if unfilled else frozenset())


SHARED = ("clientId", "idempotencyKey", "account", "contract")  # of orders that belong together


class LinkedReport(OrderReport):
    """An order beside another one that it belongs to. What both share of clientId, idempotencyKey, account and contract
    is told once, in the other."""

    clientId: int = 0
    account: str | None = None
    contract: Contract = Field(default_factory=lambda: Contract(conId=0, symbol="", secType=""))
