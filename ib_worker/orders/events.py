"""The events of one order, from TWS and from this worker: its state is made of them. Pure.

Each `kind` is the word in the audit log: it stays when a class is renamed, since old logs are read.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Self

from bridge.text.execution_id import trade_of, version_of
from bridge.tools.types import Contract

CHANGING = ("totalQuantity", "orderType", "lmtPrice", "auxPrice", "trailingPercent", "tif")


@dataclass(frozen=True, slots=True)
class Terms:
    """An order's requested terms. They change when the order is modified."""

    contract: Contract
    account: str | None
    action: str
    totalQuantity: float
    orderType: str
    lmtPrice: float | None = None
    auxPrice: float | None = None
    tif: str | None = None
    trailingPercent: float | None = None

    def changes_to(self, new: Self) -> str:
        """Return a change in words, such as "totalQuantity from 3 to 7, lmtPrice from 400 to 401"; empty for none."""
        pairs = {name: (getattr(self, name), getattr(new, name)) for name in CHANGING}
        told = (f"{name} from {_plain(was)} to {_plain(now)}" for name, (was, now) in pairs.items() if was != now)
        return ", ".join(told)

    def confirmed_by(self, reported: Self) -> bool:
        """Return whether the terms are as reported. TWS fills in what was not requested, such as a price."""
        names = ("action", *CHANGING)
        return all(getattr(self, name) in (None, getattr(reported, name)) for name in names)


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.12g}"
    return "none" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class ErrorReported:
    """An error or a notice of TWS about the order. `unnamed`: TWS gave no id, and the order is one of those that it may
    be about, so that it decides nothing."""

    kind: ClassVar[str] = "Said"
    at: datetime = field(compare=False)  # a repetition is no news
    code: int
    text: str
    unnamed: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """The frame that places or modifies the order was written."""

    kind: ClassVar[str] = "Sent"
    at: datetime = field(compare=False)
    terms: Terms


@dataclass(frozen=True, slots=True)
class ModifySent:
    """The frame that changes a working order was written; TWS confirms by telling the new terms."""

    kind: ClassVar[str] = "ModifySent"
    at: datetime = field(compare=False)
    terms: Terms


@dataclass(frozen=True, slots=True)
class CancelSent:
    kind: ClassVar[str] = "CancelSent"
    at: datetime = field(compare=False)


@dataclass(frozen=True, slots=True)
class OpenOrderReported:
    """openOrder: sent again at every change, and for each order when a session starts."""

    kind: ClassVar[str] = "Opened"
    at: datetime = field(compare=False)
    permId: int | None
    orderRef: str | None
    terms: Terms
    status: str


@dataclass(frozen=True, slots=True)
class Status:
    """orderStatus."""

    kind: ClassVar[str] = "Status"
    at: datetime = field(compare=False)
    permId: int | None
    status: str
    filled: float
    remaining: float
    avgFillPrice: float | None = None
    lastFillPrice: float | None = None
    whyHeld: str | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """execDetails. A correction has the same execId up to its last part, and a higher number there."""

    kind: ClassVar[str] = "Fill"
    at: datetime = field(compare=False)
    execId: str
    shares: float
    price: float | None
    cumQty: float
    avgPrice: float | None
    permId: int | None = None
    orderRef: str | None = None

    @property
    def trade(self) -> str:
        return trade_of(self.execId)

    @property
    def version(self) -> int:
        return version_of(self.execId)


@dataclass(frozen=True, slots=True)
class Commission:
    """commissionReport, moments after its fill."""

    kind: ClassVar[str] = "Commission"
    at: datetime = field(compare=False)
    execId: str
    commission: float | None
    currency: str | None
    realizedPNL: float | None

    @property
    def trade(self) -> str:
        return trade_of(self.execId)


@dataclass(frozen=True, slots=True)
class Completed:
    """completedOrder: the order as TWS archived it. It has no orderId."""

    kind: ClassVar[str] = "Completed"
    at: datetime = field(compare=False)
    permId: int | None
    orderRef: str | None
    terms: Terms
    status: str
    filled: float
    text: str | None


@dataclass(frozen=True, slots=True)
class NotListed:
    """After a full look, which began at `asked_at`, TWS names the order neither open nor completed."""

    kind: ClassVar[str] = "Vanished"
    at: datetime = field(compare=False)
    asked_at: datetime | None = field(default=None, compare=False)  # None: in logs of earlier releases


@dataclass(frozen=True, slots=True)
class ListedOpen:
    """A complete list of open orders, requested at `asked_at`, has ended and names the order. The quantities are those
    of its latest orderStatus, None where none came."""

    kind: ClassVar[str] = "ListedOpen"
    at: datetime = field(compare=False)
    asked_at: datetime = field(compare=False)
    status: str
    filled: float | None = None
    remaining: float | None = None


Event = (
    ErrorReported
    | Sent
    | ModifySent
    | CancelSent
    | OpenOrderReported
    | Status
    | Fill
    | Commission
    | Completed
    | NotListed
    | ListedOpen
)
