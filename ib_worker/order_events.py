"""What TWS, and this worker, can say about one order: the events that its state is made of. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from bridge.values import Contract

# Errors about an order that TWS refuses to take. Others are kept as notices and end nothing: the statuses tell.
# From the API's message codes: 103 a duplicate id, 107-168 checks of the order, 200-203 contract and permission,
# 309-463 attributes of the order, 10xxx newer ones. Codes that also come for orders which stay live are left out.
REJECTS = frozenset(
    {
        103, 107, 109, 110, 111, *range(113, 130), 131, 132, 133, 144, 145, 146, 147, 148, 151, 152, 153, 154, 155, 157,
        158, 159, 160, 163, 164, 167, 168, 200, 201, 203, *range(312, 316), 320, 321, 325, 328, *range(334, 354), 355,
        356, *range(358, 365), *range(377, 383), *range(384, 390), *range(391, 399), *range(400, 404),
        *range(405, 414), *range(416, 420), *range(422, 430), 431, 432, 433, 435, 436, 437, *range(439, 450), 451, 452,
        453, 460, 461, 463, 10003, *range(10005, 10018), *range(10020, 10028), 10043, 10052, 10064, 10239,
        *range(10243, 10277), 10289, 10293, 10318,
    }
)  # fmt: skip
CANCELLED_BY = frozenset({202})
ID_OF_ANOTHER = frozenset({104, 105})  # TWS took an order for a change of an earlier one, and refused that
CHANGE_REFUSED = frozenset({103, *ID_OF_ANOTHER, 106, 107, 10148, 10149})  # about a change; the order stands as it was
CANCEL_REFUSED = frozenset({135, 136, 161, 10147, 10148, 10149})


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order asks for. It changes when the order is modified."""

    contract: Contract
    account: str | None
    action: str
    totalQuantity: float
    orderType: str
    lmtPrice: float | None = None
    auxPrice: float | None = None
    tif: str | None = None
    trailingPercent: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """An error or a notice of TWS about the order."""

    at: datetime = field(compare=False)  # a repetition is no news
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The frame that places or modifies the order was written."""

    at: datetime = field(compare=False)
    terms: Terms


@dataclass(frozen=True, slots=True)
class ModifySent:
    """The frame that changes a working order was written; TWS confirms by telling the new terms."""

    at: datetime = field(compare=False)
    terms: Terms


@dataclass(frozen=True, slots=True)
class CancelSent:
    at: datetime = field(compare=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """openOrder: sent again at every change, and for each order when a session starts."""

    at: datetime = field(compare=False)
    permId: int | None
    orderRef: str | None
    terms: Terms
    status: str


@dataclass(frozen=True, slots=True)
class Status:
    """orderStatus."""

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
        last = self.execId.rpartition(".")[2]
        return int(last) if last.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class Commission:
    """commissionReport, moments after its fill."""

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

    at: datetime = field(compare=False)
    permId: int | None
    orderRef: str | None
    terms: Terms
    status: str
    filled: float
    text: str | None


@dataclass(frozen=True, slots=True)
class Vanished:
    """After a full look TWS names the order neither open nor completed."""

    at: datetime = field(compare=False)


Event = Said | Sent | ModifySent | CancelSent | Opened | Status | Fill | Commission | Completed | Vanished


def trade_of(execId: str) -> str:
    """What an execution and its corrections share: 0000e0d5.6841d6f5.01.02 corrects 0000e0d5.6841d6f5.01.01."""
    return execId.rpartition(".")[0] or execId
