"""The texts of TWS's order messages."""

from __future__ import annotations

from ibgateway.simulator.world.exchange.orders.working_order import WorkingOrder

CANCELLED_TEXT = "Order Canceled - reason:"
NOT_CANCELLABLE = "Cancel attempted when order is not in a cancellable state.  Order permId ={}"
LOCATING = (
    "Shares for this order are not immediately available for short sale. The order will be held while we attempt to "
    "locate the shares."
)
OUTSIDE_IGNORED = (
    "Order Event Warning:Attention: the attribute 'Outside Regular Trading Hours' is ignored based on the order type "
    "and destination. PlaceOrder is now being processed."
)
CROWDED = (
    "Order rejected - reason:Your account has a minimum of {} orders working on either the buy or sell side for this "
    "particular contract."
)
LATE_AUCTION = "Order rejected - reason:Order is too late for the closing auction."


def held_text(order: WorkingOrder, until: str) -> str:
    """Return the text of 399: the market is closed."""
    contract = order.contract
    where = f"{contract.primaryExchange or contract.exchange}.{contract.tradingClass or contract.symbol}"
    return (
        f"Order Message:\n{order.order.action} {order.quantity.normalize():f} {contract.symbol} {where}\n"
        f"Warning: Your order will not be placed at the exchange until {until}."
    )


def margin_text(with_loan: float, initial: float, currency: str) -> str:
    return (
        "Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH "
        f"LOAN VALUE [{with_loan:.2f} {currency}] MUST EXCEED THE INITIAL MARGIN [{initial:.2f} {currency}]"
    )
