"""Greeks are the slopes of the price, and the implied volatility its inverse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibgateway.simulator.world.market.option_pricing.black_scholes import (
    HIGHEST,
    LOWEST,
    PricingTerms,
    greeks,
    implied_volatility,
)

TERMS = st.builds(
    PricingTerms,
    strike=st.floats(50, 200),
    call=st.booleans(),
    years=st.floats(0.01, 2),
    future=st.booleans(),
)


@given(terms=TERMS, under=st.floats(50, 200), volatility=st.floats(0.05, 1.5))
def test_greeks_are_the_slopes_of_the_price(terms: PricingTerms, under: float, volatility: float) -> None:
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
def test_implied_volatility_undoes_the_price(terms: PricingTerms, under: float, volatility: float) -> None:
    price = greeks(under, terms, volatility).price
    found = implied_volatility(under, terms, price)

    assert found is None or greeks(under, terms, found).price == pytest.approx(price, abs=1e-6)


@pytest.mark.parametrize("call", [True, False])
@pytest.mark.parametrize("strike", [70.0, 90.0, 100.0, 110.0, 140.0])
@pytest.mark.parametrize("years", [0.0, 0.003, 0.1, 2.0])
@pytest.mark.parametrize("price", [0.01, 0.5, 5.0, 45.0])
def test_implied_volatility_has_the_price_or_the_price_has_none(
    price: float, years: float, strike: float, call: bool
) -> None:
    """Some of these prices hardly depend on the volatility, and Newton's step leads far away."""
    terms = PricingTerms(strike, call, years)
    found = implied_volatility(100.0, terms, price)

    if found is None:
        assert not greeks(100.0, terms, LOWEST).price <= price <= greeks(100.0, terms, HIGHEST).price
    else:
        assert greeks(100.0, terms, found).price == pytest.approx(price, abs=1e-8)
