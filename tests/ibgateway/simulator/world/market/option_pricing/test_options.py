"""Options: prices and greeks, exercise and expiry."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibgateway.simulator.model import values as v
from ibgateway.simulator.world.market.option_pricing.black_scholes import Terms, greeks, implied_volatility
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, ES, START, Trader, at, new_world, option

TERMS = st.builds(
    Terms,
    strike=st.floats(50, 200),
    call=st.booleans(),
    years=st.floats(0.01, 2),
    future=st.booleans(),
)


@given(terms=TERMS, under=st.floats(50, 200), volatility=st.floats(0.05, 1.5))
def test_greeks_are_the_slopes_of_the_price(terms: Terms, under: float, volatility: float) -> None:
    found, step = greeks(under, terms, volatility), under * 1e-4
    up, down = greeks(under + step, terms, volatility), greeks(under - step, terms, volatility)

    assert found.delta == pytest.approx((up.price - down.price) / (2 * step), abs=1e-4)
    assert found.gamma == pytest.approx((up.delta - down.delta) / (2 * step), rel=1e-3, abs=1e-4)
    assert (0 <= found.delta <= 1) if terms.call else (-1 <= found.delta <= 0)
    assert found.vega == pytest.approx(
        (greeks(under, terms, volatility + 1e-4).price - greeks(under, terms, volatility - 1e-4).price) / 0.02, abs=1e-3
    )


@settings(deadline=None)
@given(terms=TERMS, under=st.floats(80, 120), volatility=st.floats(0.1, 1.5))
def test_implied_volatility_undoes_the_price(terms: Terms, under: float, volatility: float) -> None:
    price = greeks(under, terms, volatility).price
    found = implied_volatility(under, terms, price)

    assert found is None or greeks(under, terms, found).price == pytest.approx(price, abs=1e-6)


def test_a_chain_is_priced_without_arbitrage(quiet: World) -> None:
    strikes = (400.0, 415.0, 430.0, 445.0, 460.0)
    calls = [quiet.snapshot(quiet.resolve(option(strike, "C"))).quote for strike in strikes]
    puts = [quiet.snapshot(quiet.resolve(option(strike, "P"))).quote for strike in strikes]

    assert [each.ask for each in calls] == sorted((each.ask or 0.0 for each in calls), reverse=True)
    assert [each.ask for each in puts] == sorted(each.ask or 0.0 for each in puts)
    under = quiet.snapshot(quiet.resolve(AAPL)).last or 0.0
    assert calls[0].ask is not None
    assert calls[0].ask > under - strikes[0] - 0.5


def test_a_computation_agrees_with_the_quote(quiet: World) -> None:
    contract = quiet.resolve(option(430.0))
    found, quote = quiet.option_computation(contract), quiet.snapshot(contract).quote

    assert quote.bid is not None
    assert quote.ask is not None
    assert found.optPrice is not None
    assert quote.bid - 0.2 <= found.optPrice <= quote.ask + 0.2
    assert found.undPrice == quiet.snapshot(quiet.resolve(AAPL)).last


def test_price_and_volatility_can_be_calculated(quiet: World) -> None:
    contract = quiet.resolve(option(430.0))
    priced = quiet.option_price(contract, 0.3, 430.0)
    assert priced.optPrice is not None

    found = quiet.implied_volatility(contract, priced.optPrice, 430.0)
    assert found.impliedVol == pytest.approx(0.3, abs=1e-6)
    assert quiet.implied_volatility(contract, 5000.0, 430.0).impliedVol is None
    with pytest.raises(v.Refusal):
        quiet.option_price(quiet.resolve(AAPL), 0.3, 430.0)


def test_a_long_call_is_exercised_into_stock_at_the_strike(trader: Trader) -> None:
    call = trader.world.resolve(option(420.0))
    trader.place("BUY", 2, "MKT", call)
    trader.told = trader.world.exercise_option(1, 50, call, 1, 1, "", False)

    assert trader.position(call.localSymbol) == 1
    assert trader.position("AAPL") == 100
    assert [fill.price for fill in trader.fills()] == [0.0, 420.0]


def test_what_is_not_held_or_not_in_the_money_is_not_exercised(trader: Trader) -> None:
    call = trader.world.resolve(option(460.0))
    with pytest.raises(v.Refusal, match="No unlapsed long position"):
        trader.world.exercise_option(1, 50, call, 1, 1, "", False)

    trader.place("BUY", 1, "MKT", call)
    with pytest.raises(v.Refusal, match="not in-the-money"):
        trader.world.exercise_option(1, 50, call, 1, 1, "", False)
    assert trader.world.exercise_option(1, 50, call, 1, 1, "", True)


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
    trader.told = trader.world.exercise_option(1, 50, call, 2, 1, "", False)
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
    june = v.Contract(symbol="ES", secType="FUT", exchange="CME", lastTradeDateOrContractMonth="202506")
    trader.place("BUY", 1, "MKT", june)
    assert trader.position("ESM5") == 1

    trader.wait(at(18, day=20))
    assert trader.position("ESM5") == 0
    assert trader.world.resolve(ES).localSymbol == "ESU5"


def test_no_order_outlives_its_contract(trader: Trader) -> None:
    orderId = trader.place("BUY", 1, "LMT", option(430.0), lmtPrice=0.01, tif="GTC")
    trader.wait(START + 4 * 86_400)

    assert trader.statuses(orderId)[-1] == "Cancelled"
