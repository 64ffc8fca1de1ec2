"""Exercise and expiry: options become stock or cash, futures are settled."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.orders import Exercise
from tests.stacks.ibgateway.world_and_trader import AAPL, ES, START, Trader, at, new_world, option


def test_a_long_call_is_exercised_into_stock_at_the_strike(trader: Trader) -> None:
    call = trader.world.resolve(option(420.0))
    trader.place("BUY", 2, "MKT", call)
    trader.told = trader.world.exercise_option(call, Exercise(1, 50, 1, 1, "", False))

    assert trader.position(call.localSymbol) == 1
    assert trader.position("AAPL") == 100
    assert [fill.price for fill in trader.fills()] == [0.0, 420.0]


def test_what_is_not_held_or_not_in_the_money_is_not_exercised(trader: Trader) -> None:
    call = trader.world.resolve(option(460.0))
    with pytest.raises(Refusal, match="No unlapsed long position"):
        trader.world.exercise_option(call, Exercise(1, 50, 1, 1, "", False))

    trader.place("BUY", 1, "MKT", call)
    with pytest.raises(Refusal, match="not in-the-money"):
        trader.world.exercise_option(call, Exercise(1, 50, 1, 1, "", False))
    assert trader.world.exercise_option(call, Exercise(1, 50, 1, 1, "", True))


@pytest.mark.parametrize(("action", "right"), [("BUY", "C"), ("BUY", "P"), ("SELL", "C"), ("SELL", "P")])
def test_options_in_the_money_become_stock_on_expiry_and_others_nothing(
    trader: Trader, action: str, right: str
) -> None:
    contracts = [trader.world.resolve(option(strike, right)) for strike in (400.0, 450.0)]
    for contract in contracts:
        trader.place(action, 1, "MKT", contract)
    trader.wait(at(16, 30, day=13))

    close = trader.world.snapshot(trader.world.resolve(AAPL), at(16, day=13)).last or 0.0
    worth = [(close - (c.strike or 0)) * (1 if right == "C" else -1) > 0 for c in contracts]
    direction = (1 if action == "BUY" else -1) * (1 if right == "C" else -1)
    assert trader.position("AAPL") == 100 * direction * sum(worth)
    assert all(trader.position(c.localSymbol) == 0 for c in contracts)


def test_an_option_that_is_to_lapse_is_not_exercised(trader: Trader) -> None:
    call = trader.world.resolve(option(300.0))
    trader.place("BUY", 1, "MKT", call)
    trader.told = trader.world.exercise_option(call, Exercise(1, 50, 2, 1, "", False))
    trader.wait(at(16, 30, day=13))

    assert trader.position("AAPL") == 0


def test_an_index_option_is_settled_in_cash(trader: Trader) -> None:
    put = trader.world.resolve(option(4500.0, "P", symbol="SPX"))
    trader.place("BUY", 1, "MKT", put)
    trader.wait(at(16, 30, day=13))

    assert trader.position(put.localSymbol) == 0
    assert trader.position("SPX") == 0
    assert trader.fills()[-1].price > 500


def test_a_future_is_settled_when_it_expires() -> None:
    trader = Trader(new_world(start=at(10, 30, day=20)))
    june = Contract(symbol="ES", secType="FUT", exchange="CME", lastTradeDateOrContractMonth="202506")
    trader.place("BUY", 1, "MKT", june)
    assert trader.position("ESM5") == 1

    trader.wait(at(18, day=20))
    assert trader.position("ESM5") == 0
    assert trader.world.resolve(ES).localSymbol == "ESU5"


def test_no_order_outlives_its_contract(trader: Trader) -> None:
    orderId = trader.place("BUY", 1, "LMT", option(430.0), lmtPrice=0.01, tif="GTC")
    trader.wait(START + 4 * 86_400)

    assert trader.statuses(orderId)[-1] == "Cancelled"
