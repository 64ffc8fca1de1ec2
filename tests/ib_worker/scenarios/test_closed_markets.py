"""Orders against a closed market or an old quote: what is held, what is queued, and what closes all the same."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import pytest

from ib_worker.risk.intent import OrderIntent, RiskInputs
from ib_worker.risk.limit_settings import Limits
from ib_worker.risk.position_effect import warnings
from ib_worker.risk.worth import known_worth, worth
from tests.stacks.limits import refused

WAIVED: dict[str, Any] = {name: "off" for name in Limits.model_fields if name != "outside_rth"}
COLLAR = Limits(**WAIVED | {"price_collar": 0.05})
MKT = OrderIntent("T", "STK", "USD", Decimal(1), "SELL", Decimal(100), "MKT")
FACTS = RiskInputs(28.0, 28.02, 28.01, 0.0, Decimal(100), Decimal(0), 0, 0.0, base="USD")


@pytest.mark.trial("A27")
@pytest.mark.parametrize(
    ("orderType", "action", "held", "limit", "inside"),
    [("LMT", "SELL", 100, 2.8, 26.6), ("LMT", "BUY", -100, 280.0, 29.42), ("LOC", "SELL", 100, 26.5, 26.6)],
)
def test_a_closing_limit_far_through_a_fresh_quote_is_refused_with_a_way_out(
    orderType: str, action: Literal["BUY", "SELL"], held: int, limit: float, inside: float
) -> None:
    order = replace(MKT, orderType=orderType, action=action, lmtPrice=limit)
    facts = replace(FACTS, position=Decimal(held))

    error = refused(order, facts, COLLAR)

    assert error is not None
    assert error.details["limit"] == "price_collar"
    assert "orderType MKT closes it at once" in error.message
    assert f" {inside:g} is inside the collar" in error.message
    assert refused(replace(order, lmtPrice=inside), facts, COLLAR) is None


@pytest.mark.trial("A27")
def test_nothing_but_a_fresh_quote_holds_a_closing_order() -> None:
    slip = replace(MKT, orderType="LMT", lmtPrice=2.8)

    for known in (
        {"quote_age_s": None},
        {"quote_age_s": 15.1},
        {"bid": None, "last": None},
        {"trading": "closed"},
        {"late": True},
    ):
        assert refused(slip, replace(FACTS, **known), COLLAR) is None
    assert refused(MKT, replace(FACTS, bid=1.0), COLLAR) is None  # a market order closes at once, however wide that is
    assert refused(replace(slip, lmtPrice=280.0), FACTS, COLLAR) is None  # a price that waits
    assert refused(replace(slip, orderType="STP LMT", auxPrice=20.0), FACTS, COLLAR) is None  # its trigger is not met
    assert refused(replace(slip, orderType="STP LMT", auxPrice=30.0), FACTS, COLLAR) is not None


BUY = replace(MKT, action="BUY")
NIGHT = replace(FACTS, bid=None, ask=None, last=28.5, close=30.0, trading="closed", position=Decimal(0))
QUEUE = Limits(**WAIVED | {"price_collar": 0.05, "max_order_value": 1e6})


@pytest.mark.trial("D23")
@pytest.mark.parametrize("orderType", ["MKT", "MOC", "MTL", "REL", "MIDPRICE"])
def test_an_order_at_the_market_is_queued_while_the_market_is_closed_and_its_worth_is_an_estimate(
    orderType: str,
) -> None:
    """100 × the dearer of last and close × 1.05."""
    order = replace(BUY, orderType=orderType)

    assert refused(order, NIGHT, QUEUE) is None
    told = worth(order, NIGHT, 0.05)
    assert told.amount == pytest.approx(3_150.0)
    assert told.estimate
    error = refused(replace(order, totalQuantity=Decimal(100_000)), NIGHT, QUEUE)
    assert error is not None
    assert "estimate" in error.message


@pytest.mark.trial("D23")
def test_queued_orders_are_the_operators_to_allow() -> None:
    live = Limits(**WAIVED | {"queued_market_orders": None, "price_collar": "off"})

    error = refused(BUY, NIGHT, live)
    assert error is not None
    assert (error.details["limit"], "LIMIT_QUEUED_MARKET_ORDERS" in error.message) == ("queued_market_orders", True)
    assert Limits().or_paper_defaults().queued_market_orders == "allowed"
    assert refused(replace(BUY, orderType="LMT", lmtPrice=28.0), NIGHT, live) is None
    met = replace(BUY, orderType="STP", auxPrice=25.0)  # a trigger that the last close meets
    assert refused(met, NIGHT, live) is not None
    assert refused(replace(met, auxPrice=35.0), NIGHT, live) is None
    assert refused(MKT, replace(NIGHT, position=Decimal(100)), live) is None  # what closes is not held


@pytest.mark.trial("D23")
@pytest.mark.parametrize("trading", ["open", None])
def test_while_a_market_is_open_or_its_hours_are_unknown_an_order_without_a_quote_is_refused(
    trading: Literal["open"] | None,
) -> None:
    error = refused(BUY, replace(NIGHT, trading=trading), QUEUE)

    assert error is not None
    assert error.code == "no_fresh_quote"
    assert known_worth(BUY, replace(NIGHT, trading=trading, quote_age_s=None)) is None


@pytest.mark.trial("D23", "A25")
def test_the_last_close_triggers_and_prices_nothing_while_there_are_quotes() -> None:
    evening = replace(FACTS, trading="extended", close=40.0, position=Decimal(0))
    stop = replace(BUY, orderType="STP", auxPrice=35.0)

    assert warnings(stop, evening) == ["it is not regular hours: without outsideRth the order waits for them"]
    assert worth(stop, evening).amount == 3_500.0
    assert worth(replace(BUY, outsideRth=True), evening).amount == pytest.approx(2_802.0)
    night = replace(evening, trading="closed", bid=None, ask=None, last=None)
    assert "the trigger of 35 is met by close 40: it trades as soon as the session opens" in warnings(stop, night)


@pytest.mark.trial("D23")
def test_in_extended_hours_a_shares_order_waits_only_if_no_quote_would_carry_it() -> None:
    evening = replace(FACTS, trading="extended", close=30.0, position=Decimal(0))

    assert not worth(BUY, evening, 0.05).estimate
    assert worth(BUY, replace(evening, bid=None), 0.05).estimate
    assert worth(BUY, replace(evening, bid=20.0), 0.05).estimate
    wide = replace(evening, bid=20.0)
    assert refused(replace(BUY, outsideRth=True), wide, QUEUE) is not None  # it would trade now
    assert refused(replace(BUY, secType="FUT"), wide, QUEUE) is not None
