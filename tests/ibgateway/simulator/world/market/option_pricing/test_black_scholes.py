"""Greeks are the slopes of the price, and the implied volatility its inverse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibgateway.simulator.world.market.option_pricing.black_scholes import PricingTerms, greeks, implied_volatility

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
