"""What short options count: each figure worked out by hand, and no cover counted twice."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ib_worker.risk.intent import Combination, Leg, OptionBook, OptionTerms, OrderIntent, RiskInputs, Unit
from ib_worker.risk.limit_settings import Limits
from ib_worker.risk.short_options import at_risk, newly_uncovered
from tests.stacks.limits import refused

JUN, SEP = "20250620", "20250919"
WAIVED: dict[str, Any] = {name: "off" for name in Limits.model_fields if name != "outside_rth"}


def option(right: str, strike: float, expiry: str = JUN, multiplier: int = 100) -> OptionTerms:
    return OptionTerms(right, strike, expiry, Decimal(multiplier))


def book(*options: tuple[OptionTerms, int], shares: int = 0, underlying: float | None = 205.0) -> OptionBook:
    held = tuple((terms, Decimal(quantity)) for terms, quantity in options)
    return OptionBook(held, Decimal(shares), underlying)


C200, C210, P200, P190 = option("C", 200), option("C", 210), option("P", 200), option("P", 190)
TABLE = [
    ("naked put", book((P200, -3)), 60_000.0),  # 3 × 200 × 100
    ("naked call, in the money", book((C200, -2)), 41_000.0),  # 2 × max(200, 205) × 100
    ("naked call, out of the money", book((C210, -2)), 42_000.0),  # 2 × max(210, 205) × 100
    ("covered call", book((C200, -1), shares=100), 0.0),
    ("one of two calls covered", book((C210, -2), shares=199), 21_000.0),  # 99 shares cover none
    ("put covered by short shares", book((P200, -1), shares=-100), 0.0),
    ("a long share covers no put", book((P200, -1), shares=100), 20_000.0),
    ("a short share covers no call", book((C210, -1), shares=-100), 21_000.0),
    ("call vertical, credit", book((C200, -1), (C210, 1)), 1_000.0),  # (210 − 200) × 100
    ("call vertical, debit", book((C210, -1), (C200, 1)), 0.0),
    ("put vertical, credit", book((P200, -1), (P190, 1)), 1_000.0),
    ("put vertical, debit", book((P190, -1), (P200, 1)), 0.0),
    ("a put covers no call", book((C210, -1), (P200, 1)), 21_000.0),
    ("calendar", book((C210, -1), (option("C", 210, SEP), 1)), 0.0),
    ("calendar the wrong way round", book((option("C", 210, SEP), -1), (C210, 1)), 21_000.0),
    ("options on two futures", book((C210, -1), (replace(C210, expiry=SEP, series=SEP), 1)), 21_000.0),
    ("diagonal", book((C200, -1), (option("C", 215, SEP), 1)), 1_500.0),
    ("one long leg, two short ones", book((C200, -2), (C210, 1)), 21_500.0),  # 1,000 and 205 × 100
    ("shares and a long leg, each once", book((C200, -3), (C210, 1), shares=100), 21_500.0),  # 0, 1,000, 20,500
    ("the shares go where they save most", book((C200, -1), (option("C", 220), -1), (C210, 1), shares=100), 0.0),
    ("an adjusted option covers no whole one", book((C210, -1), (option("C", 200, multiplier=10), 1)), 21_000.0),
    ("iron condor", book((P200, -1), (P190, 1), (C210, -1), (option("C", 220), 1)), 2_000.0),
    ("ratio spread", book((C200, 1), (C210, -3)), 42_000.0),  # one is covered for 0, two are naked
    ("nothing short", book((C200, 5), shares=-100), 0.0),
]  # fmt: skip


@pytest.mark.trial("A26")
@pytest.mark.parametrize(("held", "by_hand"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_short_options_count_what_is_worked_out_by_hand(held: OptionBook, by_hand: float) -> None:
    assert at_risk(held) == pytest.approx(by_hand)


SELL = OrderIntent("AAPL", "OPT", "USD", Decimal(100), "SELL", Decimal(50), "LMT", 0.02, option=C210)
FACTS = RiskInputs(0.01, 0.03, 0.02, 0.0, Decimal(0), Decimal(0), 0, 0.0, base="USD", rates={"EUR": 2.0}, book=book())
PAPER = Limits(**WAIVED | {"max_short_option_value": 1_000_000.0})


@pytest.mark.trial("A26")
def test_a_short_option_is_held_against_what_it_can_lose_not_its_premium() -> None:
    """50 × 210 × 100 = 1,050,000, though the premium is 100."""
    error = refused(SELL, FACTS, PAPER)

    assert error is not None
    assert (error.details["limit"], error.details["value"]) == ("max_short_option_value", 1_050_000.0)
    assert "LIMIT_MAX_SHORT_OPTION_VALUE allows 1,000,000.00 USD, this is 1,050,000.00 USD" in error.message
    assert refused(replace(SELL, totalQuantity=Decimal(47)), FACTS, PAPER) is None  # 987,000
    assert refused(replace(SELL, currency="EUR", totalQuantity=Decimal(24)), FACTS, PAPER) is not None  # 504,000 × 2


@pytest.mark.trial("A26")
def test_what_is_short_or_may_become_it_counts_with_the_order() -> None:
    """Parts of an order are not let through one by one; a long leg and shares that cover are."""
    some = replace(SELL, totalQuantity=Decimal(30))

    assert refused(some, FACTS, PAPER) is None
    assert refused(some, replace(FACTS, book=book((C210, -20))), PAPER) is not None
    assert refused(some, replace(FACTS, book=book((C210, -20), shares=300)), PAPER) is None  # 47 uncovered
    assert refused(some, replace(FACTS, book=book((P200, -20))), PAPER) is not None
    closing = replace(FACTS, book=book((C210, 30), (P200, -1000)))
    assert refused(some, closing, PAPER) is None  # it closes, and adds nothing


@pytest.mark.trial("A26")
def test_selling_what_covers_short_options_is_held_though_it_closes() -> None:
    """Bought, covered and sold again and again, the calls would stay behind."""
    shares = OrderIntent("AAPL", "STK", "USD", Decimal(1), "SELL", Decimal(5000), "MKT")
    held = replace(FACTS, position=Decimal(5000), book=book((C210, -50), shares=5000))

    error = refused(shares, held, PAPER)

    assert error is not None
    assert error.details["limit"] == "max_short_option_value"
    assert refused(replace(shares, totalQuantity=Decimal(4700)), held, PAPER) is None  # 47 uncovered
    assert refused(shares, replace(held, book=book((P200, -500), shares=5000)), PAPER) is None  # they cover no put
    assert refused(shares, replace(held, book=book(shares=5000)), PAPER) is None


@pytest.mark.trial("A26")
def test_the_legs_of_one_order_cover_each_other() -> None:
    unit = Unit("OPT", "AAPL", "USD", Decimal(100))
    legs = (Leg(unit, -1, 6.0, C200), Leg(unit, 1, 2.0, C210))
    combination = OrderIntent("AAPL", "BAG", "USD", Decimal(0), "BUY", Decimal(900), "LMT", -4.0)

    assert refused(combination, replace(FACTS, legs=legs), PAPER) is None  # 900 × 10 × 100 = 900,000
    error = refused(replace(combination, totalQuantity=Decimal(1001)), replace(FACTS, legs=legs), PAPER)
    assert error is not None
    assert error.details["value"] == 1_001_000.0
    other_way = replace(combination, action="SELL", totalQuantity=Decimal(1001))
    assert refused(other_way, replace(FACTS, legs=legs), PAPER) is None  # the better leg is the long one
    fifty_naked = replace(other_way, totalQuantity=Decimal(50))
    assert refused(fifty_naked, replace(FACTS, legs=legs[1:]), PAPER) is not None


def beside(*options: tuple[OptionTerms, int], shares: int = 0) -> Combination:
    return Combination(tuple((terms, Decimal(quantity)) for terms, quantity in options), Decimal(shares))


COMBINED = [
    ("two short legs", book(), [beside((C210, -1), (P200, -1))], 41_000.0),
    ("a vertical", book(), [beside((C200, -1), (C210, 1))], 1_000.0),
    ("its long leg covers no other", book((C210, -1)), [beside((C200, 1))], 21_000.0),
    ("two that could cover each other", book(), [beside((C200, -1)), beside((C200, 1))], 20_500.0),
    ("a held leg covers it", book((C200, 1)), [beside((C210, -1))], 0.0),
    ("held shares cover it", book(shares=100), [beside((C210, -1))], 0.0),
    ("a buy-write covers itself", book(), [beside((C210, -1), shares=100)], 0.0),
    ("its shares cover no other", book((C210, -1)), [beside(shares=100)], 21_000.0),
    ("its sold shares cover no more", book((C210, -1), shares=100), [beside(shares=-100)], 21_000.0),
    ("its bought shares close the cover", book((P200, -1), shares=-100), [beside(shares=100)], 20_000.0),
]  # fmt: skip


@pytest.mark.parametrize(("held", "open_ones", "by_hand"), [row[1:] for row in COMBINED], ids=[r[0] for r in COMBINED])
def test_a_combination_that_may_fill_counts_its_short_legs(
    held: OptionBook, open_ones: list[Combination], by_hand: float
) -> None:
    assert at_risk(replace(held, combinations=tuple(open_ones))) == pytest.approx(by_hand)


def test_shares_that_may_be_bought_cover_no_put_and_those_that_may_be_sold_no_call() -> None:
    between = replace(book((C210, -1), (P200, -1), shares=-100), most_shares=Decimal(100))

    assert at_risk(between) == 41_000.0


def test_an_unknown_leg_holds_up_a_sale_and_not_a_purchase() -> None:
    blind = replace(FACTS, book=replace(book(), unknown_legs=True))

    error = refused(replace(SELL, totalQuantity=Decimal(1)), blind, PAPER)

    assert error is not None
    assert error.code == "not_ready"
    assert refused(replace(SELL, action="BUY", totalQuantity=Decimal(1)), blind, PAPER) is None


@pytest.mark.trial("A26")
def test_an_uncovered_call_whose_underlying_has_no_price_is_refused_and_a_put_is_not() -> None:
    blind = replace(FACTS, book=book(underlying=None))

    error = refused(replace(SELL, totalQuantity=Decimal(1)), blind, PAPER)

    assert error is not None
    assert (error.code, "underlying" in error.message) == ("no_fresh_quote", True)
    assert refused(replace(SELL, totalQuantity=Decimal(1), option=P200), blind, PAPER) is None
    covered = replace(FACTS, book=book(shares=100, underlying=None))
    assert refused(replace(SELL, totalQuantity=Decimal(1)), covered, PAPER) is None


@pytest.mark.trial("A26")
def test_paper_has_a_million_and_live_must_say() -> None:
    assert Limits().or_paper_defaults().max_short_option_value == 1_000_000.0
    assert "LIMIT_MAX_SHORT_OPTION_VALUE" in Limits().unset()
    assert refused(SELL, FACTS, Limits(**WAIVED)) is None


def sells(quantity: int, terms: OptionTerms | None = None) -> OrderIntent:
    secType, multiplier = ("STK", 1) if terms is None else ("OPT", 100)
    return OrderIntent(
        "AAPL", secType, "USD", Decimal(multiplier), "SELL", Decimal(quantity), "MKT", option=terms
    )  # fmt: skip


@pytest.mark.parametrize(
    ("held", "order", "uncovered"),
    [
        (book((C200, -2), shares=250), sells(50), {}),
        (book((C200, -2), shares=250), sells(51), {C200: 1}),
        (book((C200, -1), (C210, -1), shares=200), sells(200), {C200: 1, C210: 1}),
        (book((C200, -1), (option("C", 190), 1), shares=100), sells(100), {}),  # the long call covers it
        (book((C200, -1), (C210, 1)), sells(1, C210), {C200: 1}),  # what is sold covers it
        (book((C200, -1), shares=0), sells(100), {}),  # it was not covered before
        (book((C200, -1), shares=100), sells(1, C200), {}),  # the call that is sold is the order's own
        (book((P200, -1), shares=100), sells(100), {}),
    ],
)
def test_calls_that_a_sale_leaves_without_cover_are_counted(
    held: OptionBook, order: OrderIntent, uncovered: dict[OptionTerms, int]
) -> None:
    assert newly_uncovered(order, held) == uncovered
