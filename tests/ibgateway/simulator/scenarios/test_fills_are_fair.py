"""No fill is worse than the quote or print of its moment: over sessions, gaps, halts and auctions."""

from __future__ import annotations

import random

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import Execution
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, ES, EURUSD, Trader, at, new_world, option, stock

IBM = stock("IBM")
BEFORE_OPEN = at(9, 29, second=45)
OPENED = at(9, 30, second=30)


def opening_price(world: World, contract: Contract, day: int = 11) -> float:
    """The price of the opening print."""
    return world.trades(world.resolve(contract), at(9, 30, day=day) - 0.001, at(9, 31, day=day))[0].price


@pytest.mark.trial("F19")
@pytest.mark.parametrize(
    ("action", "orderType", "contract", "prices"),
    [
        ("BUY", "LMT", AAPL, {"lmtPrice": 600.0}),
        ("SELL", "LMT", IBM, {"lmtPrice": 100.0}),
        ("BUY", "MKT", AAPL, {}),
        ("SELL", "MTL", IBM, {}),
        ("BUY", "MKT", AAPL, {"tif": "OPG"}),
        ("BUY", "LMT", AAPL, {"lmtPrice": 600.0, "tif": "OPG"}),
    ],
)
def test_an_order_from_before_the_open_trades_at_the_opening_price(
    action: str, orderType: str, contract: Contract, prices: dict[str, object]
) -> None:
    trader = Trader(new_world(start=BEFORE_OPEN))
    orderId = trader.place(action, 5, orderType, contract, **prices)

    trader.wait(OPENED)

    assert {fill.price for fill in trader.fills(orderId)} == {opening_price(trader.world, contract)}


@pytest.mark.trial("F19")
def test_an_order_from_the_evening_before_trades_at_the_opening_price_after_a_gap() -> None:
    trader = Trader(new_world(start=at(17)))
    orderId = trader.place("BUY", 5, "LMT", tif="GTC", lmtPrice=600.0)

    trader.wait(at(9, 31, day=12))

    assert [fill.price for fill in trader.fills(orderId)] == [opening_price(trader.world, AAPL, day=12)]


@pytest.mark.trial("F19")
def test_a_limit_beyond_the_opening_price_rests() -> None:
    trader = Trader(new_world(start=BEFORE_OPEN))
    low = round(opening_price(trader.world, AAPL) - 5, 2)
    orderId = trader.place("BUY", 5, "LMT", lmtPrice=low)

    trader.wait(at(9, 30, second=1))

    assert trader.statuses(orderId)[-1] == "Submitted"
    assert trader.fills(orderId) == []


@pytest.mark.trial("F19")
def test_two_clients_do_not_trade_with_each_other_before_the_market_has_opened() -> None:
    world = new_world(start=at(9, 30) + 0.01)  # the session has begun, its first print has not come
    buyer, seller = Trader(world, 1), Trader(world, 2)
    buyer.place("BUY", 5, "LMT", lmtPrice=600.0)
    seller.place("SELL", 5, "MKT")

    fills = [each for each in world.advance(OPENED) if isinstance(each, Execution)]

    assert {each.price for each in fills} == {opening_price(world, AAPL)}
    assert len(fills) == 2


@pytest.mark.trial("F19")
@pytest.mark.parametrize("orderType", ["MKT", "LMT"])
def test_after_a_halt_trading_begins_with_the_price_of_that_moment(orderType: str) -> None:
    trader = Trader(new_world())
    contract, resumes = trader.world.resolve(AAPL), at(15)
    trader.world.halt(contract, resumes)
    orderId = trader.place("BUY", 5, orderType, lmtPrice=600.0 if orderType == "LMT" else None)

    trader.wait(at(15, 5))

    first = trader.world.trades(contract, resumes - 0.001, at(15, 5))[0]
    assert [(fill.time, fill.price) for fill in trader.fills(orderId)] == [(first.time, first.price)]


CONTRACTS = (AAPL, IBM, EURUSD, ES, option(425.0, expiry="20250620"))
TYPES = ("MKT", "LMT", "MTL", "STP", "STP LMT", "MIT", "LIT", "TRAIL", "REL", "MIDPRICE", "MOC", "LOC")


def placed(dice: random.Random, trader: Trader) -> None:
    """An order of any kind, near the market or far through it."""
    contract, action = dice.choice(CONTRACTS), dice.choice(("BUY", "SELL"))
    kind = dice.choice(TYPES[:4] if contract is EURUSD else TYPES)
    price = trader.world.snapshot(trader.world.resolve(contract)).close or 1.0
    near = round(price * dice.choice((0.6, 0.97, 0.995, 1.0, 1.005, 1.03, 1.5)), 2)
    fields: dict[str, object] = {"tif": dice.choice(("DAY", "GTC", "GTC")), "outsideRth": dice.random() < 0.3}
    if kind in ("LMT", "STP LMT", "LIT", "LOC"):
        fields["lmtPrice"] = near
    if kind in ("STP", "STP LMT", "MIT", "LIT"):
        fields["auxPrice"] = round(near * dice.choice((0.99, 1.0, 1.01)), 2)
    if kind in ("TRAIL", "REL"):
        fields["auxPrice"] = dice.choice((0.01, 0.5, 2.0))
    size = 25_000 if contract is EURUSD else 1
    trader.place(action, size, kind, contract, **fields)


def worst(world: World, contract: Contract, fill: Execution) -> tuple[float, float]:
    """The worst prices to buy and to sell at in the moment of a fill: of the quote then, and the print with it."""
    of = world.resolve(contract)
    quote = world.snapshot(of, fill.time).quote
    printed = [each.price for each in world.trades(of, fill.time - 0.0005, fill.time + 0.0005)]
    asks = [*printed, *([] if quote.ask is None else [quote.ask])]
    bids = [*printed, *([] if quote.bid is None else [quote.bid])]
    return max(asks), min(bids)


@pytest.mark.trial("F19")
@pytest.mark.parametrize("seed", range(3))
def test_no_fill_is_worse_than_the_market_of_its_moment(seed: int) -> None:
    dice = random.Random(seed)
    world = new_world(seed=seed, start=at(9, 25 + dice.randrange(5), day=10))
    trader, fills = Trader(world), []
    for number in range(30):
        placed(dice, trader)
        fills += trader.fills()
        if number % 10 == 7:
            world.halt(world.resolve(AAPL), world.now + dice.choice((60, 900, 7_000)))
        trader.wait(world.now + dice.choice((0.02, 0.05, 5, 60, 300)))
        fills += trader.fills()

    trader.wait(world.now + 18 * 3_600)
    fills += trader.fills()
    best = {(fill.orderId, fill.time): fill for fill in reversed(fills)}  # what a large order takes next costs more
    assert len(best) > 10
    for fill in best.values():
        contract = next(each for each in CONTRACTS if world.resolve(each).conId == fill.contract.conId)
        dearest, cheapest = worst(world, contract, fill)
        assert fill.price <= dearest + 1e-9 if fill.side == "BOT" else fill.price >= cheapest - 1e-9, fill


@pytest.mark.trial("F19")
@pytest.mark.parametrize("orderType", ["REL", "MIDPRICE"])
def test_an_order_that_follows_an_options_quote_is_filled_in_it(orderType: str) -> None:
    trader, contract = Trader(new_world()), option(425.0, expiry="20250620")
    orderId = trader.place("BUY", 1, orderType, contract, auxPrice=0.05 if orderType == "REL" else None)

    trader.wait(at(16))

    for fill in trader.fills(orderId):
        assert fill.price <= worst(trader.world, contract, fill)[0] + 1e-9
