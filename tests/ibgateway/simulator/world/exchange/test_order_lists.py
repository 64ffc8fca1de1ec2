"""Brackets, OCA groups, conditions and combinations."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model import values as v
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, START, Trader, at, option, stock

END = at(16)
FAR = 300.0


def bracket(trader: Trader, limit: float, profit: float, stop: float) -> tuple[int, int, int]:
    parent = trader.place("BUY", 10, "LMT", lmtPrice=limit, transmit=False)
    assert trader.told == []
    target = trader.place("SELL", 10, "LMT", lmtPrice=profit, parentId=parent, transmit=False)
    assert trader.told == []
    return parent, target, trader.place("SELL", 10, "STP", auxPrice=stop, parentId=parent)


def last_status(trader: Trader, orderId: int) -> v.OrderStatus:
    return trader.of(v.OrderStatus, orderId)[-1]


def test_a_brackets_children_wait_for_their_parent(trader: Trader) -> None:
    parent, target, stop = bracket(trader, FAR, 500.0, 200.0)

    assert last_status(trader, parent).status == "Submitted"
    assert (last_status(trader, target).status, last_status(trader, target).whyHeld) == ("PreSubmitted", "child")
    assert (last_status(trader, stop).status, last_status(trader, stop).whyHeld) == ("PreSubmitted", "child,trigger")
    assert {each.parentId for each in trader.of(v.OrderStatus)} == {0, parent}


def test_a_brackets_children_live_when_the_parent_is_filled(trader: Trader) -> None:
    parent, target, stop = bracket(trader, 450.0, 500.0, 200.0)

    assert last_status(trader, parent).status == "Filled"
    assert last_status(trader, target).status == "Submitted"
    assert last_status(trader, stop).whyHeld == "trigger"


def test_one_exit_of_a_bracket_cancels_the_other(trader: Trader) -> None:
    highest = max(trade.price for trade in trader.world.trades(trader.world.resolve(AAPL), START, END))
    _, target, stop = bracket(trader, 450.0, round(highest - 0.5, 2), 200.0)
    trader.wait(END - 1)

    assert last_status(trader, target).status == "Filled"
    assert last_status(trader, stop).status == "Cancelled"
    assert trader.position("AAPL") == 0


def test_a_cancelled_parent_takes_its_children_along(trader: Trader) -> None:
    parent, target, stop = bracket(trader, FAR, 500.0, 200.0)
    trader.cancel(parent)

    assert [each.orderId for each in trader.of(v.OrderStatus)] == [parent, target, stop]
    assert trader.world.open_orders(None) == []


def test_a_rejected_parent_takes_its_children_along(trader: Trader) -> None:
    parent = trader.place("BUY", 1_000_000, "LMT", lmtPrice=400.0, transmit=False)
    trader.place("SELL", 1_000_000, "LMT", lmtPrice=500.0, parentId=parent)

    assert last_status(trader, parent).status == "Inactive"
    assert trader.world.open_orders(None) == []


@pytest.mark.parametrize("ocaType", [1, 2, 3])
def test_one_fill_ends_an_oca_group(trader: Trader, ocaType: int) -> None:
    resting = trader.place("BUY", 10, "LMT", lmtPrice=FAR, ocaGroup="g", ocaType=ocaType)
    trader.place("BUY", 10, "MKT", ocaGroup="g", ocaType=ocaType)

    assert last_status(trader, resting).status == "Cancelled"


def test_an_oca_group_is_reduced_by_the_share_that_is_filled(trader: Trader) -> None:
    _, asks = trader.world.depth(trader.world.resolve(AAPL), 1)
    resting = trader.place("BUY", 100, "LMT", lmtPrice=FAR, ocaGroup="g", ocaType=2)
    trader.place("BUY", asks[0].size * 2, "LMT", lmtPrice=asks[0].price, ocaGroup="g", ocaType=2)

    assert last_status(trader, resting).status == "Submitted"
    assert last_status(trader, resting).remaining == 50


def condition(condType: int, **fields: object) -> v.OrderCondition:
    return v.OrderCondition(condType, **fields)  # type: ignore[arg-type]


def test_a_price_condition_holds_an_order_until_the_print(trader: Trader) -> None:
    ibm = trader.world.resolve(stock("IBM"))
    seen = trader.world.trades(ibm, START, END)
    wanted = max(trade.price for trade in seen)
    price = condition(1, isMore=True, value=str(wanted), conId=ibm.conId, exch="SMART")
    orderId = trader.place("BUY", 1, "MKT", conditions=(price,))
    assert trader.statuses() == ["PreSubmitted"]

    trader.wait(END)
    assert trader.fills(orderId)[0].time == next(trade.time for trade in seen if trade.price >= wanted)


def test_a_time_condition_holds_an_order_until_the_time(trader: Trader) -> None:
    orderId = trader.place("BUY", 1, "MKT", conditions=(condition(3, value="20250611 11:00:00 US/Eastern"),))
    trader.wait(END)

    assert trader.fills(orderId)[0].time == at(11)


def test_a_volume_condition_holds_an_order_until_the_volume(trader: Trader) -> None:
    known = trader.world.resolve(AAPL)
    wanted = int(trader.world.snapshot(known).volume) + 100_000
    orderId = trader.place("BUY", 1, "MKT", conditions=(condition(6, value=str(wanted), conId=known.conId),))
    trader.wait(END)

    time = trader.fills(orderId)[0].time
    assert trader.world.snapshot(known, time).volume >= wanted
    assert trader.world.snapshot(known, time - 0.001).volume < wanted


def test_a_percent_change_condition_is_against_the_last_close(trader: Trader) -> None:
    known = trader.world.resolve(AAPL)
    close = trader.world.snapshot(known).close or 0.0
    seen = trader.world.trades(known, START, END)
    change = (max(trade.price for trade in seen) / close - 1) * 100 - 0.1
    orderId = trader.place("BUY", 1, "MKT", conditions=(condition(7, value=f"{change}", conId=known.conId),))
    trader.wait(END)

    expected = next(trade.time for trade in seen if (trade.price / close - 1) * 100 >= change - 1e-6)
    assert trader.fills(orderId)[0].time == expected


def test_an_execution_condition_waits_for_a_trade_in_a_symbol(trader: Trader) -> None:
    held = trader.place("BUY", 1, "MKT", conditions=(condition(5, symbol="IBM", secType="STK", exch="SMART"),))
    trader.wait(START + 60)
    assert trader.fills() == []

    trader.place("BUY", 1, "MKT", stock("IBM"))
    assert last_status(trader, held).status == "Filled"


def test_a_margin_condition_looks_at_the_cushion(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT", conditions=(condition(4, isMore=True, value="10"),))

    assert trader.statuses()[-1] == "Filled"


def test_conditions_joined_by_or_need_only_one(trader: Trader) -> None:
    never = condition(3, conjunction="o", value="20251231 11:00:00 US/Eastern")
    soon = condition(3, value="20250611 10:45:00 US/Eastern")
    orderId = trader.place("BUY", 1, "MKT", conditions=(never, soon))
    both = trader.place("BUY", 1, "MKT", conditions=(condition(3, value=never.value), soon), tif="GTC")
    trader.wait(END)

    assert trader.fills(orderId)[0].time == at(10, 45)
    assert trader.fills(both) == []


def test_a_condition_can_cancel_an_order(trader: Trader) -> None:
    soon = condition(3, value="20250611 10:45:00 US/Eastern")
    orderId = trader.place("BUY", 1, "LMT", lmtPrice=FAR, conditions=(soon,), conditionsCancelOrder=True)
    assert last_status(trader, orderId).status == "Submitted"

    trader.wait(at(10, 45))
    assert last_status(trader, orderId).status == "Cancelled"


def test_a_condition_that_can_not_be_read_is_refused(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT", conditions=(condition(1, value="cheap", conId=265598),))

    assert trader.errors()[0][0] == 321


# --- combinations ------------------------------------------------------------------------------------------------


def spread(world: World) -> tuple[v.Contract, v.Contract, v.Contract]:
    """A vertical spread, and its legs."""
    low, high = world.resolve(option(420.0)), world.resolve(option(430.0))
    legs = (v.ComboLeg(low.conId, 1, "BUY", "SMART"), v.ComboLeg(high.conId, 1, "SELL", "SMART"))
    return v.Contract(symbol="AAPL", secType="BAG", exchange="SMART", currency="USD", comboLegs=legs), low, high


def test_a_combination_trades_all_legs_at_once(trader: Trader) -> None:
    bag, low, high = spread(trader.world)
    cheap, dear = (trader.world.snapshot(leg).quote for leg in (low, high))
    orderId = trader.place("BUY", 2, "MKT", bag)

    whole, *legs = trader.fills(orderId)
    assert whole.contract.secType == "BAG"
    assert whole.price == pytest.approx((cheap.ask or 0) - (dear.bid or 0))
    assert [(leg.contract.conId, leg.side, float(leg.shares)) for leg in legs] == [
        (low.conId, "BOT", 2.0),
        (high.conId, "SLD", 2.0),
    ]
    assert whole.price == pytest.approx(legs[0].price - legs[1].price)
    assert [float(trader.position(leg.localSymbol)) for leg in (low, high)] == [2.0, -2.0]


def test_a_combinations_limit_is_its_net_price(trader: Trader) -> None:
    bag, low, high = spread(trader.world)
    net = (trader.world.snapshot(low).quote.ask or 0) - (trader.world.snapshot(high).quote.bid or 0)
    orderId = trader.place("BUY", 1, "LMT", bag, lmtPrice=round(net - 0.3, 2))
    assert trader.fills() == []

    trader.wait(END)
    (paid,) = [fill.price for fill in trader.fills(orderId) if fill.contract.secType == "BAG"]
    assert net - 0.35 < paid <= round(net - 0.3, 2)


@pytest.mark.parametrize(
    "legs",
    [
        (),
        (v.ComboLeg(265598, 1, "BUY"),),
        (v.ComboLeg(265598, 1, "BUY"), v.ComboLeg(42, 1, "SELL")),
        (v.ComboLeg(265598, 0, "BUY"), v.ComboLeg(8314, 1, "SELL")),
        (v.ComboLeg(265598, 1, "HOLD"), v.ComboLeg(8314, 1, "SELL")),
    ],
)
def test_a_combination_of_nothing_sensible_is_refused(trader: Trader, legs: tuple[v.ComboLeg, ...]) -> None:
    bag = v.Contract(symbol="AAPL", secType="BAG", exchange="SMART", currency="USD", comboLegs=legs)
    trader.place("BUY", 1, "MKT", bag)

    assert trader.errors()[0][0] == 321


@pytest.mark.parametrize(
    ("orderType", "fields"),
    [
        ("STP", {"auxPrice": 0.3}),
        ("STP LMT", {"auxPrice": 0.3, "lmtPrice": 9.0}),
        ("TRAIL", {"auxPrice": 0.5}),
        ("TRAIL", {"trailingPercent": 5.0}),
    ],
)
def test_a_combination_can_be_stopped_out(trader: Trader, orderType: str, fields: dict[str, float]) -> None:
    bag, low, high = spread(trader.world)
    quotes = [trader.world.snapshot(leg).quote for leg in (low, high)]
    net = ((quotes[0].bid or 0) + (quotes[0].ask or 0) - (quotes[1].bid or 0) - (quotes[1].ask or 0)) / 2
    above = {"auxPrice": round(net + fields["auxPrice"], 2)} if orderType.startswith("STP") else {}
    orderId = trader.place("BUY", 1, orderType, bag, **(fields | above))
    trader.wait(END)

    bag_fill = next(fill for fill in trader.fills(orderId) if fill.contract.secType == "BAG")
    legs = [fill for fill in trader.fills(orderId) if fill.contract.secType != "BAG"]
    assert bag_fill.price == pytest.approx(legs[0].price - legs[1].price)
    assert trader.statuses(orderId)[-1] == "Filled"


def test_a_large_combination_order_goes_on_with_the_next_quotes(trader: Trader) -> None:
    bag, _, _ = spread(trader.world)
    orderId = trader.place("BUY", 150, "MKT", bag)
    assert trader.statuses(orderId)[-1] == "Submitted"
    first = sum(float(fill.shares) for fill in trader.fills(orderId) if fill.contract.secType == "BAG")

    trader.wait(END)
    rest = sum(float(fill.shares) for fill in trader.fills(orderId) if fill.contract.secType == "BAG")
    assert first + rest == 150
