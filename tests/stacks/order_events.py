"""Events of one order, and the state that they add up to."""

from datetime import UTC, datetime

from bridge.tools.types import Contract
from ib_worker.orders.events import (
    ErrorReported,
    Event,
    Fill,
    OpenOrderReported,
    Sent,
    Status,
    Terms,
)
from ib_worker.orders.state import OrderState, apply

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)

AAPL = Contract(conId=265598, symbol="AAPL", secType="STK", primaryExchange="NASDAQ")

TERMS = Terms(AAPL, "DU1", "BUY", 10.0, "LMT", 100.0, None, "DAY")


def fresh() -> OrderState:
    return after(Sent(AT, TERMS), of=OrderState(7, 1, TERMS, orderRef="ref"))


def after(*events: Event, of: OrderState | None = None) -> OrderState:
    state = fresh() if of is None else of
    for event in events:
        state = apply(state, event)
    return state


def opened(status: str = "Submitted", permId: int = 99) -> OpenOrderReported:
    return OpenOrderReported(AT, permId, "ref", TERMS, status)


def status(word: str = "Submitted", filled: float = 0.0, price: float | None = None) -> Status:
    return Status(AT, 99, word, filled, 10.0 - filled, price, price)


def fill(execId: str = "a.b.01.01", shares: float = 4.0, cumQty: float = 4.0, avgPrice: float = 100.0) -> Fill:
    return Fill(AT, execId, shares, avgPrice, cumQty, avgPrice, 99, "ref")


def said(code: int, text: str = "text") -> ErrorReported:
    return ErrorReported(AT, code, text)
