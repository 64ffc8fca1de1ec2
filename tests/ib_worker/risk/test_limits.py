"""Limits: each refuses exactly what is past it, fails closed on what is not known, and never blocks a closing order."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ib_worker.risk.intent import OrderIntent, RiskInputs
from ib_worker.risk.limits import only_reduces_position
from ib_worker.risk.worth import FRESH_QUOTE_S, known_worth
from tests.stacks.limits import BUY, FLAT, SELL, limits, refused


@pytest.mark.parametrize(
    ("limit", "allowed", "inside", "past"),
    [
        ("max_quantity", Decimal(10), BUY, replace(BUY, totalQuantity=Decimal(11))),
        ("max_order_value", 1000.0, BUY, replace(BUY, lmtPrice=100.01)),
        ("max_position_value", 1000.0, BUY, replace(BUY, totalQuantity=Decimal(11))),
        ("allowed_symbols", "AAPL,MSFT", BUY, replace(BUY, symbol="IBM")),
        ("allowed_sec_types", "STK", BUY, replace(BUY, secType="OPT")),
        ("allowed_currencies", "USD", BUY, replace(BUY, currency="EUR")),
        ("allowed_order_types", "LMT", BUY, replace(BUY, orderType="MKT", lmtPrice=None)),
        ("outside_rth", "refused", BUY, replace(BUY, outsideRth=True)),
        ("price_collar", 0.05, replace(BUY, lmtPrice=105.0), replace(BUY, lmtPrice=105.2)),
        ("price_collar", 0.05, replace(SELL, lmtPrice=95.0), replace(SELL, lmtPrice=94.8)),
    ],
)
def test_each_limit_refuses_what_is_past_it_and_names_itself(
    limit: str, allowed: Any, inside: OrderIntent, past: OrderIntent
) -> None:
    which = limits(**{limit: allowed})

    assert refused(inside, FLAT, which) is None
    error = refused(past, FLAT, which)
    assert error is not None
    assert (error.code, error.details["limit"]) == ("limit_exceeded", limit)


def test_open_orders_and_daily_loss_are_counted_against_the_facts() -> None:
    which = limits(max_open_orders=3, max_daily_loss=500.0)

    assert refused(BUY, replace(FLAT, open_orders=2, daily_pnl=-499.9), which) is None
    for facts, limit in (
        (replace(FLAT, open_orders=3), "max_open_orders"),
        (replace(FLAT, daily_pnl=-500.0), "max_daily_loss"),
    ):
        error = refused(BUY, facts, which)
        assert error is not None
        assert error.details["limit"] == limit


def test_an_unknown_daily_loss_fails_closed() -> None:
    error = refused(BUY, replace(FLAT, daily_pnl=None), limits(max_daily_loss=500.0))

    assert error is not None
    assert error.code == "no_daily_pnl"


@pytest.mark.parametrize("facts", [replace(FLAT, quote_age_s=FRESH_QUOTE_S + 0.1), replace(FLAT, quote_age_s=None)])
def test_a_market_order_without_a_fresh_quote_fails_closed(facts: RiskInputs) -> None:
    market = replace(BUY, orderType="MKT", lmtPrice=None)

    for which in (limits(price_collar=0.05), limits(max_order_value=1e9), limits(max_position_value=1e9)):
        error = refused(market, facts, which)
        assert error is not None
        assert error.code == "no_fresh_quote"


def test_a_quote_of_exactly_the_allowed_age_is_fresh() -> None:
    market = replace(BUY, orderType="MKT", lmtPrice=None)

    assert refused(market, replace(FLAT, quote_age_s=FRESH_QUOTE_S), limits(max_order_value=1001.0)) is None


def test_a_market_order_into_a_gap_is_refused() -> None:
    market = replace(BUY, orderType="MKT", lmtPrice=None)
    wide = replace(FLAT, bid=90.0, ask=100.0)

    assert refused(market, replace(FLAT, bid=95.0, ask=100.0), limits(price_collar=0.05)) is None
    error = refused(market, wide, limits(price_collar=0.05))
    assert error is not None
    assert error.details == {"limit": "price_collar", "value": pytest.approx(0.1), "allowed": 0.05}
    assert refused(replace(market, action="SELL"), wide, limits(price_collar=0.05)) is not None


@pytest.mark.parametrize("facts", [replace(FLAT, bid=None), replace(FLAT, ask=None), replace(FLAT, ask=0.0)])
def test_a_market_order_into_a_one_sided_quote_fails_closed(facts: RiskInputs) -> None:
    error = refused(replace(BUY, orderType="MKT", lmtPrice=None), facts, limits(price_collar=0.05))

    assert error is not None
    assert error.code == "no_fresh_quote"


def test_a_quote_without_its_near_side_is_measured_against_the_last_price() -> None:
    one_sided = replace(FLAT, ask=None, bid=None)

    assert refused(replace(BUY, lmtPrice=105.0), one_sided, limits(price_collar=0.05)) is None
    assert refused(replace(BUY, lmtPrice=105.1), one_sided, limits(price_collar=0.05)) is not None


@pytest.mark.parametrize(("orderType", "auxPrice"), [("STP", 50.0), ("TRAIL", 5.0), ("TRAIL", None)])
def test_a_stop_far_from_the_market_is_not_held_by_the_collar(orderType: str, auxPrice: float | None) -> None:
    """TRAIL's auxPrice is no trigger, but how far behind the market that follows."""
    stop = replace(SELL, orderType=orderType, lmtPrice=None, auxPrice=auxPrice)

    assert refused(stop, replace(FLAT, bid=90.0), limits(price_collar=0.05)) is None


@pytest.mark.parametrize(
    ("orderType", "action", "auxPrice", "lmtPrice", "passes"),
    [
        ("STP LMT", "BUY", 100.0, 150.0, False),
        ("STP LMT", "BUY", 100.0, 105.0, True),
        ("STP LMT", "BUY", 100.2, 150.0, True),
        ("STP LMT", "SELL", 100.0, 50.0, False),
        ("STP LMT", "SELL", 99.8, 50.0, True),
        ("LIT", "BUY", 100.0, 150.0, False),
        ("LIT", "BUY", 99.8, 150.0, True),
        ("LIT", "SELL", 100.0, 50.0, False),
        ("LIT", "SELL", 100.2, 50.0, True),
    ],
)
def test_an_order_whose_trigger_is_met_already_is_held_as_if_it_had_none(
    orderType: str, action: Literal["BUY", "SELL"], auxPrice: float, lmtPrice: float, passes: bool
) -> None:
    intent = replace(BUY, orderType=orderType, action=action, auxPrice=auxPrice, lmtPrice=lmtPrice)

    assert (refused(intent, FLAT, limits(price_collar=0.05)) is None) is passes


@pytest.mark.parametrize(("orderType", "auxPrice"), [("STP", 95.0), ("MIT", 105.0)])
def test_a_trigger_that_is_met_makes_a_market_order(orderType: str, auxPrice: float) -> None:
    intent = replace(BUY, orderType=orderType, lmtPrice=None, auxPrice=auxPrice)

    assert refused(intent, FLAT, limits(price_collar=0.05)) is None
    assert refused(intent, replace(FLAT, bid=90.0, ask=100.0), limits(price_collar=0.05)) is not None
    stale = refused(intent, replace(FLAT, quote_age_s=None), limits(price_collar=0.05))
    assert stale is not None
    assert stale.code == "no_fresh_quote"


def test_what_an_order_has_filled_already_is_not_counted_a_second_time_when_it_is_changed() -> None:
    facts = replace(FLAT, position=Decimal(6))

    assert not only_reduces_position(SELL, facts)
    assert only_reduces_position(replace(SELL, filled=Decimal(4)), facts)
    assert not only_reduces_position(replace(SELL, filled=Decimal(3)), facts)
    assert not only_reduces_position(replace(SELL, filled=Decimal(4), modelCode="Growth"), facts)
    held = replace(BUY, totalQuantity=Decimal(20), filled=Decimal(6))
    assert refused(held, facts, limits(max_position_value=2000.0)) is None
    assert refused(replace(held, filled=Decimal(5)), facts, limits(max_position_value=2000.0)) is not None


def test_an_order_is_worth_its_limit_for_a_buyer_and_the_dearer_price_for_all_else() -> None:
    dear = replace(FLAT, bid=199.0, ask=201.0, last=200.0)
    which = limits(max_order_value=1500.0)

    assert refused(BUY, dear, which) is None
    for intent in (SELL, replace(BUY, orderType="MKT", lmtPrice=None)):
        error = refused(intent, dear, which)
        assert error is not None
        assert error.details["value"] == pytest.approx(2010.0)
    stop = replace(BUY, orderType="STP", lmtPrice=None, auxPrice=300.0)
    error = refused(stop, dear, which)
    assert error is not None
    assert error.details["value"] == pytest.approx(3000.0)


def test_the_multiplier_counts() -> None:
    option = replace(BUY, secType="OPT", multiplier=Decimal(100), lmtPrice=2.0)

    assert refused(option, FLAT, limits(max_order_value=2000.0)) is None
    assert refused(replace(option, lmtPrice=2.01), FLAT, limits(max_order_value=2000.0)) is not None


def test_a_position_limit_counts_what_is_held() -> None:
    which = limits(max_position_value=2000.0)

    assert refused(BUY, replace(FLAT, position=Decimal(10)), which) is None
    assert refused(BUY, replace(FLAT, position=Decimal(11)), which) is not None
    assert refused(SELL, replace(FLAT, position=Decimal(-11)), which) is not None


quantities = st.integers(1, 50).map(Decimal)


@given(
    position=st.integers(-40, 40).map(Decimal),
    closing=st.integers(0, 40).map(Decimal),
    quantity=quantities,
    action=st.sampled_from(["BUY", "SELL"]),
)
def test_closing_is_exactly_what_cannot_turn_or_grow_a_position(
    position: Decimal, closing: Decimal, quantity: Decimal, action: Literal["BUY", "SELL"]
) -> None:
    signed = quantity if action == "BUY" else -quantity
    intent = replace(BUY, action=action, totalQuantity=quantity)
    after = position + signed + (closing if action == "BUY" else -closing)

    against = position * signed < 0
    assert only_reduces_position(intent, replace(FLAT, position=position, closing=closing)) == (
        against and after * position >= 0
    )


@given(quantity=quantities)
def test_a_closing_order_passes_every_limit(quantity: Decimal) -> None:
    tight = limits(
        max_quantity=Decimal("0.1"), max_order_value=0.01, max_position_value=0.01, max_daily_loss=1.0,
        max_open_orders=1, price_collar=0.001, allowed_symbols="X", outside_rth="refused",
    )  # fmt: skip
    blind = RiskInputs(None, None, None, None, quantity, Decimal(0), 99, None)

    assert refused(replace(SELL, totalQuantity=quantity), blind, tight) is None
    assert refused(replace(SELL, totalQuantity=quantity + 1), blind, tight) is not None


def test_an_order_is_worth_its_worst_price_times_all_units() -> None:
    option = replace(BUY, secType="OPT", multiplier=Decimal(100), totalQuantity=Decimal(3), lmtPrice=2.0)

    market = replace(BUY, orderType="MKT", lmtPrice=None)

    assert str(known_worth(option, FLAT)) == "600.00 USD"
    assert str(known_worth(market, FLAT)) == "1,001.00 USD"
    assert known_worth(market, replace(FLAT, quote_age_s=None)) is None


def test_a_refusal_says_what_was_asked_what_is_allowed_and_who_may_change_it() -> None:
    error = refused(replace(BUY, totalQuantity=Decimal(11)), FLAT, limits(max_quantity=Decimal(10)))

    assert error is not None
    assert (error.details["value"], error.details["allowed"]) == (11.0, 10.0)
    assert error.message == (
        "Rejected by the operator's limit max_quantity: totalQuantity is too large. "
        "Only the operator can change a limit: LIMIT_MAX_QUANTITY allows 10, this is 11."
    )


@pytest.mark.trial("D9")
@pytest.mark.parametrize(
    ("limit", "allowed", "told"),
    [
        ("max_order_value", 999.0, "LIMIT_MAX_ORDER_VALUE allows 999.00 EUR, this is 1,000.00 EUR"),
        ("max_position_value", 999.0, "LIMIT_MAX_POSITION_VALUE allows 999.00 EUR, this is 1,000.00 EUR"),
        ("max_daily_loss", 50.0, "LIMIT_MAX_DAILY_LOSS allows 50.00 EUR, this is 60.00 EUR"),
    ],
)
def test_a_refusal_over_an_amount_names_its_variable_and_the_currency(limit: str, allowed: float, told: str) -> None:
    facts = replace(FLAT, base="EUR", rates={"USD": 1.0}, daily_pnl=-60.0)

    error = refused(BUY, facts, limits(**{limit: allowed}))

    assert error is not None
    assert error.details["currency"] == "EUR"
    assert error.message.endswith(f": {told}.")


@pytest.mark.parametrize(
    ("limit", "allowed", "past", "what", "value"),
    [
        ("allowed_symbols", "MSFT,IBM", BUY, "AAPL is not among IBM, MSFT", "AAPL"),
        ("allowed_sec_types", "OPT", BUY, "STK is not among OPT", "STK"),
        ("allowed_currencies", "EUR", BUY, "USD is not among EUR", "USD"),
        ("allowed_order_types", "MKT", BUY, "LMT is not among MKT", "LMT"),
        ("outside_rth", "refused", replace(BUY, outsideRth=True),
         "orders outside regular trading hours are refused", True),
        ("max_quantity", "5", BUY, "totalQuantity is too large", 10.0),
        ("max_open_orders", 2, BUY, "too many orders are open; cancel some", 3),
        ("max_daily_loss", 50.0, BUY, "the day's loss only allows closing orders", 60.0),
        ("max_order_value", 999.0, BUY, "the order is worth too much", 1000.0),
        ("max_position_value", 999.0, BUY, "the position would be worth too much", 1000.0),
        ("price_collar", 0.05, replace(BUY, lmtPrice=120.12),
         "lmtPrice is 20.0% through the quote of 100.1; a lmtPrice up to 105.1 is inside the collar",
         pytest.approx(0.2)),
        ("price_collar", 0.001, replace(BUY, orderType="MKT", lmtPrice=None),
         "the market is too wide for this order type", pytest.approx(0.2 / 100.1)),
    ],
)  # fmt: skip
def test_a_refusal_names_the_limit_the_value_and_what_is_allowed(
    limit: str, allowed: Any, past: OrderIntent, what: str, value: Any
) -> None:
    which = limits(**{limit: allowed})

    error = refused(past, replace(FLAT, open_orders=3, daily_pnl=-60.0), which)

    told = getattr(which, limit)
    assert error is not None
    begin = f"Rejected by the operator's limit {limit}: {what}. Only the operator can change a limit: LIMIT_"
    assert error.message.startswith(f"{begin}{limit.upper()} allows ")
    amount = {"currency": "USD"} if limit.endswith(("_value", "_loss")) else {}
    assert error.details == {
        "limit": limit, "value": value, "allowed": sorted(told) if isinstance(told, frozenset) else told, **amount,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "code", "message"),
    [
        (replace(FLAT, daily_pnl=None), "no_daily_pnl",
         "The day's profit and loss is not known, so its limit can't be checked. Retry in a few seconds."),
        (replace(FLAT, quote_age_s=16.0), "no_fresh_quote",
         "No fresh quote of this contract, so its price can't be checked. "
         "Retry in trading hours, or with market data."),
    ],
)  # fmt: skip
def test_what_is_not_known_is_said_to_be_so(facts: RiskInputs, code: str, message: str) -> None:
    error = refused(BUY, facts, limits(max_daily_loss=50.0, price_collar=0.05))

    assert error is not None
    assert (error.code, error.message) == (code, message)


@pytest.mark.parametrize(
    ("action", "position", "closing", "quantity", "closing_only"),
    [
        ("SELL", 10, 0, 10, True), ("SELL", 10, 0, 11, False), ("SELL", 10, 4, 6, True), ("SELL", 10, 4, 7, False),
        ("BUY", -10, 0, 10, True), ("BUY", -10, 0, 11, False), ("BUY", -10, 4, 6, True), ("BUY", -10, 4, 7, False),
        ("SELL", -10, 0, 1, False), ("BUY", 10, 0, 1, False), ("SELL", 0, 0, 1, False), ("BUY", 0, 0, 1, False),
    ],
)  # fmt: skip
def test_an_order_closes_up_to_what_is_held_and_not_yet_being_closed(
    action: Literal["BUY", "SELL"], position: int, closing: int, quantity: int, closing_only: bool
) -> None:
    facts = replace(FLAT, position=Decimal(position), closing=Decimal(closing))

    assert only_reduces_position(replace(BUY, action=action, totalQuantity=Decimal(quantity)), facts) is closing_only
