"""Requests at version 200, as the official client sends them."""

from __future__ import annotations

from tests.stacks.ibgateway.raw_client import Raw

SPY = (0, "SPY", "STK", "", "", "", "", "SMART", "", "USD", "", "")
UNSET_INTEGER = 2147483647
UNSET_DOUBLE = "1.7976931348623157e+308"
Frame = tuple[object, ...]


def order(
    orderId: int, kind: str, quantity: object, price: object = "", action: str = "BUY", what_if: int = 0
) -> Frame:
    i, d = UNSET_INTEGER, UNSET_DOUBLE
    main = ("", "", action, quantity, kind, price, "", "", "", "", "", 0, "", 1, 0, 0, 0, 0, 0, 0, 0)
    advisor = ("", 0, "", "", "", "", "", "", 0, "", -1, 0, "", "", 0, "", "", 0, 0, "")
    volatility = (0, "", "", "", "", "", 0, "", "", "", "", 0, "", "", "")
    scale = ("", "", "", "", "", "", "", 0, "", "", 0, 0)
    algo = ("", "", what_if, "", 0, 0, 0, 0)
    adjusted = ("", d, d, d, d, d, 0, "", "", "", d, "", "", "", "", 0, 0, 0, "")
    newer = (i, i, 0, "", "", "", 0, 0, i, 0)
    return (3, orderId, *SPY, *main, *advisor, *volatility, *scale, *algo, *adjusted, *newer)


def limit_order(orderId: int, price: float = 100.0, quantity: object = 1) -> Frame:
    return order(orderId, "LMT", quantity, price)


def market_order(orderId: int, quantity: object = 1) -> Frame:
    return order(orderId, "MKT", quantity)


def preview(orderId: int) -> Frame:
    return order(orderId, "MKT", 1, what_if=1)


def cancel(orderId: int) -> Frame:
    return (4, orderId, "", "", UNSET_INTEGER)


def watch(client: Raw, reqId: int = 7, contract: Frame = SPY, generics: str = "", snapshot: int = 0) -> None:
    """reqMktData."""
    client.send(1, 11, reqId, *contract, 0, generics, snapshot, 0, "")
