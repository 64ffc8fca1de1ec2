"""Changes of an order that TWS refuses: a parent that is done, another OCA group, fields that TWS had filled in.

A client that sends an openOrder back as it came, with a new price, gets these. Seen by users of gateways:
135 for the parent of a bracket's exit that had filled (github.com/erdewit/ib_insync/issues/647), 10326 for the group
that TWS had made of the exits (github.com/nautechsystems/nautilus_trader/issues/2978), 10327 for its type alone, 321
for fields that only other order types have, such as the volatility that ib_async's placeOrder takes out again.
"""

from __future__ import annotations

from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.world.exchange.intake import validation as checks

NO_SUCH_PARENT = "Can't find order with ID ={}"
GROUP, GROUP_TYPE = "OCA group revision is not allowed.", "OCA group type revision is not allowed."

# What openOrder says where nothing was asked for: a change must not say it.
FILLED_IN: dict[str, tuple[object, ...]] = {
    "deltaNeutralOrderType": ("None",),
    "adjustedOrderType": ("None",),
    "clearingIntent": ("IB",),
    "openClose": ("?",),
    "rule80A": ("0",),
}


def revision_refusal(sent: Order, change: Order, held: bool) -> checks.Answer:
    """Return TWS's refusal of a change, or None. `sent` is the client's last version; `held`: its parent is open."""
    if change.parentId and not held:
        return 135, NO_SUCH_PARENT.format(change.parentId)
    if change.ocaGroup and change.ocaGroup != sent.ocaGroup:
        return 10326, GROUP
    if change.ocaType not in (0, sent.ocaType):
        return 10327, GROUP_TYPE
    filled_in = next((name for name in _not_asked(sent, change)), None)
    return None if filled_in is None else (321, f"{checks.REFUSED}Invalid value of {filled_in}")


def _not_asked(sent: Order, change: Order) -> list[str]:
    """Return the fields that the client copied from an openOrder."""
    found = [
        name
        for name, shown in FILLED_IN.items()
        if getattr(change, name) in shown and getattr(change, name) != getattr(sent, name)
    ]
    kind = checks.order_type(change)
    if change.volatility is not None and kind != "VOL":
        found.append("volatility")
    if change.trailStopPrice is not None and kind not in checks.TRAILING and not change.adjustedOrderType:
        found.append("trailStopPrice")
    return found
