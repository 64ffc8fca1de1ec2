"""A combination trades its legs together, at one net price."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.contracts import ComboLeg, Contract
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import Trader, at, option

END = at(16)


def spread(world: World) -> tuple[Contract, Contract, Contract]:
    """A vertical spread, and its legs."""
    low, high = world.resolve(option(420.0)), world.resolve(option(430.0))
    legs = (ComboLeg(low.conId, 1, "BUY", "SMART"), ComboLeg(high.conId, 1, "SELL", "SMART"))
    return Contract(symbol="AAPL", secType="BAG", exchange="SMART", currency="USD", comboLegs=legs), low, high


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
        (ComboLeg(265598, 1, "BUY"),),
        (ComboLeg(265598, 1, "BUY"), ComboLeg(42, 1, "SELL")),
        (ComboLeg(265598, 0, "BUY"), ComboLeg(8314, 1, "SELL")),
        (ComboLeg(265598, 1, "HOLD"), ComboLeg(8314, 1, "SELL")),
    ],
)
def test_a_combination_of_nothing_sensible_is_refused(trader: Trader, legs: tuple[ComboLeg, ...]) -> None:
    bag = Contract(symbol="AAPL", secType="BAG", exchange="SMART", currency="USD", comboLegs=legs)
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
