"""An option's quotes follow its underlying's, and so do its greeks."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, option


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
    with pytest.raises(Refusal):
        quiet.option_price(quiet.resolve(AAPL), 0.3, 430.0)
