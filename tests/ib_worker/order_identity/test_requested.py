"""What a change is made of: what was asked for, never what TWS filled in."""

from dataclasses import fields, replace
from typing import Any

import ib_async
import pytest

from ib_worker.order_identity.requested import requested
from ib_worker.tws.values.unset import UNSET_DOUBLE

pytestmark = pytest.mark.trial("A15")

# As gateways fill an order in: captured openOrder frames, and orders printed in ib_insync's issues.
FILLED_IN: dict[str, Any] = {
    "permId": 1426085924, "clientId": 1, "orderId": 22, "ocaType": 3, "rule80A": "0", "openClose": "",
    "volatility": 0.31, "volatilityType": 0, "deltaNeutralOrderType": "None", "deltaNeutralOpenClose": "?",
    "referencePriceType": 0, "clearingIntent": "IB", "adjustedOrderType": "None", "cashQty": 0.0,
    "dontUseAutoPriceForHedge": True, "displaySize": 2**31 - 1, "usePriceMgmtAlgo": True, "minTradeQty": 0,
    "autoCancelDate": "20260930 22:00:00 Central European Standard Time", "shareholder": "Not an insider",
}  # fmt: skip


def sent(**changes: Any) -> ib_async.Order:
    order = ib_async.Order(
        action="SELL", totalQuantity=10, orderType="STP", auxPrice=400.0, tif="GTC", account="DU1", orderRef="mcp"
    )
    return replace(order, **changes)


def shown(order: ib_async.Order, **changes: Any) -> ib_async.Order:
    """The order as TWS shows it."""
    prices = {each: 0.0 for each in ("lmtPrice", "auxPrice") if getattr(order, each) == UNSET_DOUBLE}
    return replace(order, **(FILLED_IN | prices | changes))


def different(one: ib_async.Order, other: ib_async.Order) -> dict[str, Any]:
    names = [each.name for each in fields(one)]
    return {name: getattr(other, name) for name in names if getattr(one, name) != getattr(other, name)}


ORDERS = {
    "STP": sent(),
    "STP outside hours": sent(outsideRth=True),
    "LMT": sent(orderType="LMT", auxPrice=UNSET_DOUBLE, lmtPrice=500.0),
    "LMT at even": sent(orderType="LMT", auxPrice=UNSET_DOUBLE, lmtPrice=0.0),
    "REL without a cap": sent(orderType="REL", auxPrice=0.01),
    "TRAIL by an amount": sent(orderType="TRAIL", auxPrice=5.0),
    "TRAIL by percent": sent(orderType="TRAIL", auxPrice=UNSET_DOUBLE, trailingPercent=2.0),
    "MKT at the open": sent(orderType="MKT", auxPrice=UNSET_DOUBLE, tif="OPG"),
    "in a group of its own": sent(ocaGroup="mine", ocaType=1),
    "good till a date": sent(tif="GTD", goodTillDate="20260101 16:00:00 US/Eastern"),
    "on a condition": sent(conditions=[ib_async.PriceCondition(conId=265598, exch="SMART", price=410.0)]),
    "adjustable": sent(adjustedOrderType="TRAIL", triggerPrice=450.0, adjustedTrailingAmount=3.0),
    "sliced": sent(algoStrategy="Twap", algoParams=[ib_async.TagValue("strategyType", "Marketable")]),
}


@pytest.mark.parametrize("known", [True, False], ids=["sent by this worker", "read after a restart"])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_what_tws_filled_in_is_not_in_a_change(order: ib_async.Order, known: bool) -> None:
    echo = shown(order, ocaType=order.ocaType or 3, adjustedOrderType=order.adjustedOrderType or "None")
    again = requested(echo, order if known else None, echo if known else None, held=False)

    assert different(order, again) == {}


TOLD = {"totalQuantity", "orderType", "auxPrice", "tif"}  # of a stop: TWS's word on these is what the order is


@pytest.mark.parametrize("name", sorted({each.name for each in fields(ib_async.Order)} - {"parentId", *TOLD}))
def test_a_field_that_reads_as_tws_first_filled_it_in_is_not_in_a_change_whichever_it_is(name: str) -> None:
    order = sent()
    value: Any = getattr(order, name)
    strange: Any = 7 if isinstance(value, int | float) and not isinstance(value, bool) else "strange"
    echo = shown(order, **{name: True if isinstance(value, bool) else strange})

    assert different(order, requested(echo, order, echo, held=False)) == {}


def test_what_was_changed_in_tws_since_is_kept() -> None:
    order, first = sent(), shown(sent())
    condition = ib_async.PriceCondition(conId=265598, exch="SMART", price=410.0)
    now = shown(order, auxPrice=395.0, totalQuantity=4.0, outsideRth=True, conditions=[condition], hidden=True)

    again = requested(now, order, first, held=False)

    assert different(order, again) == {
        "auxPrice": 395.0, "totalQuantity": 4.0, "outsideRth": True, "conditions": [condition], "hidden": True,
    }  # fmt: skip


def test_an_order_whose_type_was_changed_in_tws_is_not_sent_with_its_old_price() -> None:
    order, first = sent(), shown(sent())
    again = requested(shown(order, orderType="LMT", lmtPrice=390.0, auxPrice=0.0), order, first, held=False)

    assert (again.orderType, again.lmtPrice, again.auxPrice) == ("LMT", 390.0, UNSET_DOUBLE)


def test_where_a_pegged_order_stands_does_not_become_its_cap() -> None:
    order = ORDERS["REL without a cap"]
    again = requested(shown(order, lmtPrice=401.5), order, shown(order, lmtPrice=401.2), held=False)

    assert again.lmtPrice == UNSET_DOUBLE


def test_a_trailing_stop_limit_is_asked_for_by_its_offset_alone() -> None:
    """It shows both: completedOrder of a gateway of version 200, lmtPrice 2000.05, lmtPriceOffset 0.05."""
    told = shown(sent(orderType="TRAIL LIMIT", auxPrice=1.0), lmtPrice=2000.05, lmtPriceOffset=0.05)
    again = requested(told, None, None, held=False)

    assert (again.lmtPrice, again.lmtPriceOffset) == (UNSET_DOUBLE, 0.05)


@pytest.mark.parametrize("known", [True, False], ids=["sent by this worker", "read after a restart"])
def test_an_exit_names_its_parent_only_while_that_is_open_and_never_the_group_that_tws_made(known: bool) -> None:
    order = sent(parentId=20)
    echo = shown(order, ocaGroup="1426085920")
    asked, answer = (order, echo) if known else (None, None)

    held, free = requested(echo, asked, answer, held=True), requested(echo, asked, answer, held=False)

    assert (held.parentId, held.ocaGroup, held.ocaType) == (20, "", 0)
    assert (free.parentId, free.ocaGroup, free.ocaType) == (0, "", 0)
