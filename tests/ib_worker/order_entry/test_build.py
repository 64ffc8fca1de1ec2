"""The orders that TWS is sent, made of what a call asks for."""

import pytest

from bridge.order_references import LEGS, order_ref
from bridge.tools.orders import PlaceBracketOrder, PlaceOrder
from ib_worker.order_entry.build import build_bracket, build_order
from ib_worker.tws.values.unset import UNSET_DOUBLE

KEY = "a-key-of-the-caller"
BUY = PlaceBracketOrder(symbol="NVDA", action="BUY", totalQuantity=10, takeProfitPrice=200, stopLossPrice=90)


def test_a_brackets_last_order_alone_is_transmitted() -> None:
    """TWS holds the others until then: an entry can't fill without its exits."""
    assert [each.transmit for each in build_bracket(BUY, "DU1", KEY)] == [False, False, True]


@pytest.mark.parametrize(("action", "exit_"), [("BUY", "SELL"), ("SELL", "BUY")])
def test_a_brackets_exits_close_all_that_its_entry_opens(action: str, exit_: str) -> None:
    prices = {"takeProfitPrice": 200, "stopLossPrice": 90} if action == "BUY" else {}
    prices = prices or {"takeProfitPrice": 90, "stopLossPrice": 200}
    asked = PlaceBracketOrder.model_validate({"symbol": "NVDA", "action": action, "totalQuantity": 10, **prices})

    entry, profit, stop = build_bracket(asked, "DU1", KEY)

    assert (entry.action, profit.action, stop.action) == (action, exit_, exit_)
    assert {each.totalQuantity for each in (entry, profit, stop)} == {10}
    assert (profit.orderType, profit.lmtPrice) == ("LMT", asked.takeProfitPrice)
    assert (stop.orderType, stop.auxPrice) == ("STP", asked.stopLossPrice)


def test_a_brackets_entry_is_at_the_market_unless_it_has_a_limit() -> None:
    market = build_bracket(BUY, "DU1", KEY)[0]
    limited = build_bracket(BUY.model_copy(update={"lmtPrice": 100.0}), "DU1", KEY)[0]

    assert (market.orderType, market.lmtPrice) == ("MKT", UNSET_DOUBLE)
    assert (limited.orderType, limited.lmtPrice) == ("LMT", 100.0)


def test_a_brackets_orders_carry_its_keys_references_and_its_account() -> None:
    orders = build_bracket(BUY, "DU1", KEY)

    assert [each.orderRef for each in orders] == [order_ref(KEY, leg) for leg in LEGS]
    assert {each.account for each in orders} == {"DU1"}


def test_a_brackets_exits_live_as_long_as_is_asked_of_them() -> None:
    lasting = build_bracket(BUY, "DU1", KEY)
    daily = build_bracket(BUY.model_copy(update={"tif": "GTC", "exitTif": "DAY"}), "DU1", KEY)

    assert [each.tif for each in lasting] == ["DAY", "GTC", "GTC"]
    assert [each.tif for each in daily] == ["GTC", "DAY", "DAY"]


def test_an_order_has_the_prices_that_were_asked_for_and_no_others() -> None:
    asked = PlaceOrder(symbol="NVDA", action="SELL", totalQuantity=3, orderType="STP LMT", lmtPrice=90, auxPrice=95)

    order = build_order(asked, "DU1", "mcpref")

    assert (order.action, order.totalQuantity, order.orderType, order.tif) == ("SELL", 3, "STP LMT", "DAY")
    assert (order.lmtPrice, order.auxPrice, order.trailingPercent) == (90, 95, UNSET_DOUBLE)
    assert (order.account, order.orderRef, order.outsideRth) == ("DU1", "mcpref", False)
