"""One order in the market: the client's fields, its state, and its waits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.orders import OpenOrder, Order, OrderState, OrderStatus
from ibgateway.simulator.world.account.allocation import AccountShare
from ibgateway.simulator.world.instruments.instrument import Instrument

PENDING, PRESUBMITTED, SUBMITTED = "PendingSubmit", "PreSubmitted", "Submitted"
FILLED, CANCELLED, API_CANCELLED, INACTIVE = "Filled", "Cancelled", "ApiCancelled", "Inactive"
DONE = frozenset({FILLED, CANCELLED, API_CANCELLED, INACTIVE})

# Which status may follow which. A staged order (transmit=false) is PendingSubmit and nobody is told of it.
LEGAL = {
    PENDING: {PRESUBMITTED, CANCELLED, API_CANCELLED, INACTIVE},
    PRESUBMITTED: {PRESUBMITTED, SUBMITTED, FILLED, CANCELLED, INACTIVE},
    SUBMITTED: {SUBMITTED, PRESUBMITTED, FILLED, CANCELLED, INACTIVE},
    FILLED: set(),
    CANCELLED: set(),
    API_CANCELLED: set(),
    INACTIVE: set(),
}

TRANSMIT, PARENT, TIME, CONDITIONS, LOCATE = "transmit", "parent", "time", "conditions", "locate"


@dataclass
class WorkingOrder:
    """One order and its state; only the exchange changes it."""

    clientId: int
    orderId: int
    contract: Contract
    order: Order
    placed: float
    sent: Order = field(default_factory=Order)  # as the client asked for it last, before TWS filled anything in
    instruments: tuple[Instrument, ...] = ()  # one, or a combination's legs
    quantity: Decimal = Decimal(0)  # in effect: cashQty is turned into shares
    permId: int = 0
    status: str = PENDING
    why_held: str = ""
    waits: set[str] = field(default_factory=set)
    kind: str = ""  # the order type in effect: a triggered STP is a MKT
    limit: float | None = None
    stop: float | None = None
    stop_seen: float = 0.0  # up to when a trailing stop has been moved
    adjusted: bool = False
    filled: Decimal = Decimal(0)
    value: Decimal = Decimal(0)  # of what is filled: quantity × price
    last_price: float = 0.0
    parts: list[AccountShare] = field(default_factory=list)  # the accounts that share it
    fills: int = 0
    queue: Decimal = Decimal(0)
    expires: float | None = None
    version: int = 0  # of what is scheduled for it
    completed: float = 0.0
    archived: tuple[object, OpenOrder] | None = None  # as it was last listed when it had ended, and of what
    completed_status: str = ""
    reason: str = ""
    history: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[int, int]:
        return self.clientId, self.orderId

    @property
    def buy(self) -> bool:
        return self.order.action == "BUY"

    @property
    def sign(self) -> int:
        return 1 if self.buy else -1

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def outside(self) -> bool:
        """Report if it may trade in extended hours: market orders may not."""
        return self.order.outsideRth and self.order.orderType.upper() not in ("MKT", "MOC", "LOC", "MTL")

    @property
    def done(self) -> bool:
        return self.status in DONE

    @property
    def fees(self) -> Decimal:
        return sum((part.fees for part in self.parts), Decimal(0))

    @property
    def average(self) -> float:
        return float(self.value / self.filled) if self.filled else 0.0

    @property
    def combination(self) -> bool:
        return self.contract.secType == "BAG"

    def move(self, status: str) -> None:
        """Change the status; an illegal path is a bug of the exchange."""
        if status != self.status and status not in LEGAL[self.status]:
            raise AssertionError(f"order {self.key}: {self.status} -> {status}")
        if status != self.status:
            self.history.append(status)
        self.status = status

    def open_order(self, commission: float | None = None, currency: str = "", warning: str = "") -> OpenOrder:
        state = OrderState(
            status=self.status,
            commission=commission,
            commissionCurrency=currency if commission is not None else "",
            rejectReason=self.reason if self.status == INACTIVE else "",
            warningText=warning,
        )
        return OpenOrder(
            self.clientId, self.orderId, self.permId, self.contract, self.shown(), state, filled=self.filled
        )

    def shown(self) -> Order:
        """Return the order as TWS echoes it, with the present price of a trailing stop."""
        if self.order.orderType in ("TRAIL", "TRAIL LIMIT") and self.stop is not None:
            return replace(self.order, trailStopPrice=round(self.stop, 6))
        return self.order

    def order_status(self) -> OrderStatus:
        return OrderStatus(
            clientId=self.clientId,
            orderId=self.orderId,
            status=self.status,
            filled=self.filled,
            remaining=self.remaining,
            avgFillPrice=self.average,
            permId=self.permId,
            parentId=self.order.parentId,
            lastFillPrice=self.last_price,
            whyHeld="" if self.done else self.why_held,
        )

    def events(self) -> list[Event]:
        """Return openOrder and orderStatus, as TWS sends them on every change."""
        return [self.open_order(), self.order_status()]
