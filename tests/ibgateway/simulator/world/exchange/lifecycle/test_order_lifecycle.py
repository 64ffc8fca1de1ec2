"""An order's life, told in the order in which real gateways tell it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model import values as v
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, ES, EURUSD, START, Trader, at, names, new_world, stock

NO_TRADE = 300.0  # far below the market


def test_a_market_order_fills_at_once_and_tells_it_in_order(trader: Trader) -> None:
    quote = trader.world.snapshot(trader.world.resolve(AAPL)).quote
    trader.place("BUY", 1, "MKT")

    assert names(trader.told) == [
        "OpenOrder",
        "OrderStatus",
        "Execution",
        "OpenOrder",
        "OrderStatus",
        "OpenOrder",
        "OrderStatus",
        "CommissionReport",
    ]
    assert trader.statuses() == ["PreSubmitted", "Filled", "Filled"]
    assert [each.state.commission for each in trader.of(v.OpenOrder)] == [None, None, 1.0]
    fill = trader.fills()[0]
    assert (float(fill.shares), fill.side, fill.price) == (1.0, "BOT", quote.ask)
    assert fill.contract.exchange == fill.exchange != "SMART"
    assert trader.position("AAPL") == 1


def test_a_limit_order_rests_until_the_market_comes_to_it(trader: Trader) -> None:
    orderId = trader.place("BUY", 10, "LMT", lmtPrice=425.0)
    assert trader.statuses() == ["PreSubmitted", "Submitted"]
    due = trader.world.next_due()
    assert due is not None

    trader.wait(due - 0.001)
    assert not trader.told
    trader.wait(due)
    assert [(fill.price, fill.lastLiquidity) for fill in trader.fills(orderId)] == [(425.0, 1)]


def test_a_marketable_limit_order_pays_the_offer_and_not_its_limit(trader: Trader) -> None:
    quote = trader.world.snapshot(trader.world.resolve(AAPL)).quote
    trader.place("BUY", 1, "LMT", lmtPrice=450.0)

    assert trader.fills()[0].price == quote.ask


def test_a_large_order_takes_what_is_displayed_level_by_level(trader: Trader) -> None:
    _, asks = trader.world.depth(trader.world.resolve(AAPL), 10)
    trader.place("BUY", 1000, "MKT")

    fills = trader.fills()
    assert sum(fill.shares for fill in fills) == 1000
    assert [fill.price for fill in fills] == [level.price for level in asks[: len(fills)]]
    assert [fill.shares for fill in fills[:-1]] == [level.size for level in asks[: len(fills) - 1]]
    assert [fill.cumQty for fill in fills] == [sum(f.shares for f in fills[: n + 1]) for n in range(len(fills))]
    last = trader.of(v.OrderStatus)[-1]
    assert last.avgFillPrice == pytest.approx(float(sum(f.shares * Decimal(repr(f.price)) for f in fills) / 1000))


def test_what_one_order_takes_is_not_there_for_the_next(trader: Trader) -> None:
    _, asks = trader.world.depth(trader.world.resolve(AAPL), 3)
    trader.place("BUY", asks[0].size, "MKT")
    trader.place("BUY", 1, "MKT")

    assert trader.fills()[0].price == asks[1].price


def test_the_clients_orders_trade_with_each_other_inside_the_spread(world: World) -> None:
    google = stock("GOOG")
    quote = world.snapshot(world.resolve(google)).quote
    assert quote.bid is not None
    seller, buyer = Trader(world, 1), Trader(world, 2)
    inside = round(quote.bid + 0.01, 2)
    resting = seller.place("SELL", 5, "LMT", google, lmtPrice=inside)
    buyer.place("BUY", 5, "LMT", google, lmtPrice=inside)

    assert [(fill.clientId, fill.price, fill.side) for fill in buyer.fills()] == [
        (2, inside, "BOT"),
        (1, inside, "SLD"),
    ]
    assert all(each.orderId != resting for each in world.open_orders(1))


def test_a_cancelled_order_says_so_and_then_202(trader: Trader) -> None:
    orderId = trader.place("BUY", 10, "LMT", lmtPrice=NO_TRADE)
    trader.cancel(orderId)

    assert names(trader.told) == ["OrderStatus", "OrderError"]
    assert trader.statuses() == ["Cancelled"]
    assert trader.errors() == [(202, "Order Canceled - reason:")]
    assert trader.world.open_orders(None) == []


def test_cancelling_what_is_done_or_unknown_is_an_error(trader: Trader) -> None:
    done = trader.place("BUY", 1, "MKT")
    trader.cancel(done)
    assert trader.errors() == [
        (10148, f"OrderId {done} that needs to be cancelled cannot be cancelled, state: Filled.")
    ]

    trader.cancel(99)
    assert trader.errors() == [(10147, "OrderId 99 that needs to be cancelled is not found.")]


def test_a_rejected_order_is_in_no_state_to_be_cancelled(trader: Trader) -> None:
    orderId = trader.place("BUY", 1_000_000, "MKT")
    trader.cancel(orderId)

    assert [code for code, _ in trader.errors()] == [161]


def test_a_day_order_that_starts_tomorrow_ends_tomorrow(trader: Trader) -> None:
    orderId = trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE, goodAfterTime="20250612 11:00:00 US/Eastern", tif="DAY")
    trader.wait(at(15, day=12))
    assert trader.statuses(orderId) == ["Submitted"]

    trader.wait(at(16, day=12))
    assert trader.statuses(orderId) == ["Cancelled"]


@pytest.mark.trial("D10")
def test_a_client_cancels_no_order_of_another(world: World) -> None:
    owner, other = Trader(world, 1), Trader(world, 2)
    orderId = owner.place("BUY", 1, "LMT", lmtPrice=NO_TRADE)
    other.cancel(orderId)

    assert other.errors() == [(10147, f"OrderId {orderId} that needs to be cancelled is not found.")]
    assert "Cancelled" not in [each.status for each in owner.of(v.OrderStatus)]


def test_global_cancel_cancels_everybodys_orders(world: World) -> None:
    for client in (1, 2):
        Trader(world, client).place("BUY", 1, "LMT", lmtPrice=NO_TRADE)

    events = world.global_cancel(1)
    assert [each.clientId for each in events if isinstance(each, v.OrderStatus)] == [1, 2]
    assert world.open_orders(None) == []


def test_a_modification_keeps_the_order_and_its_permanent_id(trader: Trader) -> None:
    orderId = trader.place("BUY", 10, "LMT", lmtPrice=NO_TRADE)
    permId = trader.of(v.OpenOrder)[0].permId
    trader.modify(orderId, lmtPrice=301.0, totalQuantity=Decimal(20))

    shown = trader.world.open_orders(1)
    assert [(each.permId, each.order.lmtPrice, each.order.totalQuantity) for each in shown] == [
        (permId, 301.0, Decimal(20))
    ]
    assert set(trader.statuses()) == {"Submitted"}


def test_a_modification_to_a_marketable_price_trades(trader: Trader) -> None:
    orderId = trader.place("BUY", 10, "LMT", lmtPrice=NO_TRADE)
    trader.modify(orderId, lmtPrice=450.0)

    assert trader.statuses()[-1] == "Filled"


def test_what_can_not_be_modified_is_left_as_it_was(trader: Trader) -> None:
    filled = trader.place("BUY", 1, "MKT")
    trader.told = trader.world.place_order(1, filled, AAPL, v.Order("BUY", Decimal(2), "MKT"))
    assert trader.errors() == [(104, "Cannot modify a filled order.")]

    orderId = trader.place("BUY", 10, "LMT", lmtPrice=NO_TRADE)
    trader.modify(orderId, contract=stock("IBM"))
    assert trader.errors() == [(105, "Order being modified does not match original order.")]
    trader.modify(orderId, lmtPrice=300.001)
    assert trader.errors()[0][0] == 110
    assert trader.world.open_orders(1)[0].order.lmtPrice == NO_TRADE

    trader.cancel(orderId)
    trader.told = trader.world.place_order(1, orderId, AAPL, v.Order("BUY", Decimal(2), "MKT"))
    assert trader.errors() == [(103, "Duplicate order id")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"orderType": "LMT", "lmtPrice": 425.001}, 110),
        ({"orderType": "LMT", "lmtPrice": -1.0}, 110),
        ({"orderType": "LMT"}, 321),
        ({"orderType": "STP"}, 321),
        ({"orderType": "TRAIL"}, 321),
        ({"orderType": "TRAIL", "trailingPercent": 150.0}, 321),
        ({"orderType": "NONSENSE"}, 321),
        ({"orderType": "PEG STK"}, 387),
        ({"orderType": "MKT", "tif": "FOREVER"}, 10052),
        ({"orderType": "MKT", "totalQuantity": Decimal(0)}, 321),
        ({"orderType": "MKT", "totalQuantity": Decimal(-5)}, 321),
        ({"orderType": "MKT", "totalQuantity": Decimal("NaN")}, 321),
        ({"orderType": "MKT", "totalQuantity": Decimal("1E30")}, 201),
        ({"orderType": "MKT", "totalQuantity": Decimal("0.00001")}, 10318),
        ({"orderType": "MKT", "action": "HOLD"}, 321),
        ({"orderType": "MKT", "account": "U999"}, 321),
        ({"orderType": "LMT", "lmtPrice": 425.0, "parentId": 77}, 135),
        ({"orderType": "LMT", "lmtPrice": 425.0, "tif": "GTD", "goodTillDate": "20200101 10:00:00"}, 201),
        ({"orderType": "LMT", "lmtPrice": 425.0, "goodAfterTime": "soon"}, 10314),
    ],
)
def test_a_bad_order_is_refused_and_leaves_nothing_behind(trader: Trader, fields: dict[str, object], code: int) -> None:
    sent = {"action": "BUY", "totalQuantity": Decimal(1), **fields}
    trader.told = trader.world.place_order(1, 1, AAPL, v.Order(**sent))  # type: ignore[arg-type]

    assert [each[0] for each in trader.errors()] == [code]
    assert len(trader.told) == 1
    assert trader.world.open_orders(None) == []
    assert trader.world.next_order_id(1) == 1


@pytest.mark.parametrize(
    ("contract", "code"),
    [
        (stock("NOSUCH"), 200),
        (v.Contract(symbol="SAP", secType="STK", exchange="SMART"), 200),
        (v.Contract(symbol="AAPL", secType="STK", currency="USD"), 321),
        (v.Contract(symbol="SPX", secType="IND", exchange="CBOE", currency="USD"), 201),
    ],
)
def test_an_order_on_a_bad_contract_is_refused(trader: Trader, contract: v.Contract, code: int) -> None:
    trader.place("BUY", 1, "MKT", contract)

    assert [each[0] for each in trader.errors()] == [code]


def test_an_order_beyond_the_accounts_means_is_rejected_as_inactive(trader: Trader) -> None:
    trader.place("BUY", 1_000_000, "MKT")

    assert names(trader.told) == ["OpenOrder", "OrderStatus", "OrderError", "OrderStatus"]
    assert trader.statuses() == ["Inactive", "Inactive"]
    assert trader.errors()[0][0] == 201
    assert "MUST EXCEED THE INITIAL MARGIN" in trader.errors()[0][1]
    assert trader.position("AAPL") == 0


def test_a_what_if_shows_margin_and_cost_and_places_nothing(trader: Trader) -> None:
    trader.place("BUY", 100, "MKT", whatIf=True)

    (shown,) = trader.told
    assert isinstance(shown, v.OpenOrder)
    price = trader.world.snapshot(trader.world.resolve(AAPL)).last
    assert price is not None
    assert shown.state.initMarginChange == pytest.approx(price * 50, abs=1)
    assert shown.state.commission == 1.0
    assert trader.world.open_orders(None) == []
    assert trader.world.next_order_id(1) == 1


def test_an_order_that_is_not_transmitted_is_not_told_of(trader: Trader) -> None:
    orderId = trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE, transmit=False)
    assert trader.told == []
    assert trader.world.open_orders(None) == []

    order = v.Order("BUY", Decimal(1), "LMT", NO_TRADE, transmit=True)
    trader.told = trader.world.place_order(1, orderId, AAPL, order)
    assert trader.statuses() == ["PreSubmitted", "Submitted"]


def test_order_ids_are_each_clients_own_and_permanent_ids_are_not(world: World) -> None:
    permIds = set()
    for client in (0, 1, 7):
        trader = Trader(world, client)
        assert trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE) == 1
        assert world.next_order_id(client) == 2
        permIds.add(trader.of(v.OpenOrder)[0].permId)

    assert len(permIds) == 3


def test_immediate_or_cancel_takes_what_is_there(trader: Trader) -> None:
    _, asks = trader.world.depth(trader.world.resolve(AAPL), 1)
    trader.place("BUY", asks[0].size + 50, "LMT", lmtPrice=asks[0].price, tif="IOC")

    assert sum(fill.shares for fill in trader.fills()) == asks[0].size
    assert trader.statuses()[-1] == "Cancelled"


def test_fill_or_kill_takes_all_or_nothing(trader: Trader) -> None:
    _, asks = trader.world.depth(trader.world.resolve(AAPL), 1)
    trader.place("BUY", asks[0].size + 50, "LMT", lmtPrice=asks[0].price, tif="FOK")
    assert trader.fills() == []
    assert trader.statuses()[-1] == "Cancelled"

    trader.place("BUY", asks[0].size, "LMT", lmtPrice=asks[0].price, tif="FOK")
    assert trader.statuses()[-1] == "Filled"


def test_a_day_order_ends_with_the_day_and_a_gtc_order_does_not(trader: Trader) -> None:
    day = trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE)
    gtc = trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE, tif="GTC")
    trader.wait(at(15, 59, second=59))
    assert trader.told == []

    trader.wait(at(16))
    assert trader.statuses(day) == ["Cancelled"]
    assert trader.errors() == [(202, "Order Canceled - reason:")]
    trader.wait(at(12, day=13))
    assert [each.orderId for each in trader.world.open_orders(1)] == [gtc]


def test_good_till_and_good_after_times_are_kept(trader: Trader) -> None:
    until = trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE, tif="GTD", goodTillDate="20250611 11:00:00 US/Eastern")
    after = trader.place("BUY", 1, "MKT", goodAfterTime="20250611 11:30:00 US/Eastern")
    assert trader.statuses() == ["PreSubmitted"]

    trader.wait(at(11))
    assert trader.statuses(until) == ["Cancelled"]
    trader.wait(at(11, 30))
    assert trader.statuses(after)[-1] == "Filled"
    assert trader.fills()[0].time == at(11, 30)


def test_an_order_outside_hours_is_held_with_399() -> None:
    trader = Trader(new_world(start=at(18)))
    orderId = trader.place("BUY", 1, "MKT")
    assert trader.statuses() == ["PreSubmitted"]
    assert trader.errors() == [
        (
            399,
            "Order Message:\nBUY 1 AAPL NASDAQ.NMS\n"
            "Warning: Your order will not be placed at the exchange until 2025-06-12 09:30:00 US/Eastern.",
        )
    ]

    trader.wait(at(9, 29, day=12))
    assert trader.told == []
    trader.wait(at(9, 31, day=12))
    assert trader.statuses(orderId)[-1] == "Filled"


def test_a_limit_order_trades_outside_hours_only_if_it_may() -> None:
    trader = Trader(new_world(start=at(18)))
    trader.place("BUY", 1, "LMT", lmtPrice=600.0)
    assert trader.fills() == []

    trader.place("BUY", 1, "LMT", lmtPrice=600.0, outsideRth=True)
    assert trader.statuses()[-1] == "Filled"


def test_outside_hours_is_ignored_for_a_market_order_with_a_notice() -> None:
    trader = Trader(new_world(start=at(18)))
    trader.place("BUY", 1, "MKT", outsideRth=True)

    assert [code for code, _ in trader.errors()] == [2109, 399]


def test_cash_quantity_buys_a_fraction(trader: Trader) -> None:
    trader.place("BUY", 0, "MKT", cashQty=1000.0)

    fill = trader.fills()[0]
    assert 2 < fill.shares < 3
    assert float(fill.shares) * fill.price == pytest.approx(1000, abs=0.5)
    assert trader.statuses()[-1] == "Filled"


def test_a_short_sale_makes_a_negative_position(trader: Trader) -> None:
    trader.place("SELL", 10, "MKT")

    assert trader.position("AAPL") == -10
    assert trader.fills()[0].side == "SLD"


def test_forex_moves_cash_of_both_currencies(trader: Trader) -> None:
    before = {(x.tag, x.currency): x.value for x in trader.world.account_summary("All", "$LEDGER:ALL")}
    trader.place("BUY", 20_000, "MKT", EURUSD)
    after = {(x.tag, x.currency): x.value for x in trader.world.account_summary("All", "$LEDGER:ALL")}

    assert after["CashBalance", "EUR"] == "20000.00"
    paid = float(before["CashBalance", "USD"]) - float(after["CashBalance", "USD"])
    assert paid == pytest.approx(20_000 * trader.fills()[0].price + 2.0, abs=0.01)


def test_a_future_costs_only_its_commission(trader: Trader) -> None:
    before = trader.world.account_summary("All", "TotalCashValue")[0].value
    trader.place("BUY", 1, "MKT", ES)
    after = trader.world.account_summary("All", "TotalCashValue")[0].value

    assert float(before) - float(after) == pytest.approx(2.25)


def test_completed_orders_and_executions_are_the_days(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT", orderRef="mine")
    trader.cancel(trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE))

    done = trader.world.completed_orders(True)
    assert {each.state.completedStatus for each in done} == {"Filled Size: 1", "Cancelled by Trader"}
    assert {each.orderId for each in done} == {0}
    ((execution, commission),) = trader.world.executions(v.ExecutionFilter())
    assert execution.orderRef == "mine"
    assert commission is not None
    assert commission.execId == execution.execId
    assert not trader.world.executions(v.ExecutionFilter(symbol="IBM"))
    assert trader.world.executions(v.ExecutionFilter(clientId=1, side="BUY", secType="STK", symbol="AAPL"))

    trader.wait(at(10, day=12))
    assert trader.world.executions(v.ExecutionFilter()) == []
    assert trader.world.completed_orders(True) == []
    assert len(trader.world.executions(v.ExecutionFilter(lastNDays=2))) == 1
    assert len(trader.world.executions(v.ExecutionFilter(specificDates=("20250611",)))) == 1


def test_twenty_orders_of_one_side_are_the_most(trader: Trader) -> None:
    for _ in range(20):
        trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE)
    trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE)

    assert trader.errors()[0][0] == 201
    assert len(trader.world.open_orders(1)) == 20


def test_two_accounts_have_books_of_their_own() -> None:
    trader = Trader(new_world(accounts=("DU1", "DU2")))
    trader.place("BUY", 1, "MKT")
    assert trader.errors() == [(435, "You must specify an account.")]

    trader.place("BUY", 1, "MKT", account="DU2")
    held = {each.account for each in trader.world.positions(None) if each.contract.symbol == "AAPL"}
    assert held == {"DU2"}
    assert {each.account for each in trader.world.positions("DU1")} == {"DU1"}


def test_a_run_is_repeated_to_the_event() -> None:
    def run() -> list[v.Event]:
        trader, events = Trader(new_world(seed=7)), []
        for orderType, price in (("MKT", None), ("LMT", 424.0), ("REL", None)):
            trader.place("BUY", 300, orderType, lmtPrice=price, auxPrice=0.01)
            events += trader.told
        trader.wait(START + 3600)
        return events + trader.told

    assert run() == run()
