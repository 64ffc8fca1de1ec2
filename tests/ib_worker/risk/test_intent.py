"""An order about to be checked: what is left of it, its side as a sign, and how TWS counts its contract."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ib_worker.risk.intent import OrderIntent, RiskInputs, Side, Unit

BUY = OrderIntent("VOD", "STK", "GBP", Decimal(1), "BUY", Decimal(10), "LMT", 70.0, priceMagnifier=100)


def test_what_an_order_has_filled_is_not_left_to_fill() -> None:
    assert BUY.remaining == 10
    assert replace(BUY, filled=Decimal(4)).remaining == 6


@pytest.mark.parametrize(("action", "sign"), [("BUY", 1), ("SELL", -1)])
def test_a_sale_counts_against_the_position(action: Side, sign: int) -> None:
    assert replace(BUY, action=action).sign == sign


def test_a_contract_is_counted_by_its_own_terms() -> None:
    assert BUY.unit == Unit("STK", "VOD", "GBP", Decimal(1), 100)


def test_a_unit_that_tws_says_little_of_has_no_multiplier_and_whole_prices() -> None:
    unit = Unit("OPT", "SPY", "USD")

    assert (unit.multiplier, unit.priceMagnifier) == (Decimal(0), 1)


def test_an_order_is_plain_unless_something_is_said_of_it() -> None:
    plain = OrderIntent("SPY", "STK", "USD", Decimal(1), "BUY", Decimal(1), "MKT")

    assert (plain.lmtPrice, plain.auxPrice, plain.trailingPercent, plain.option) == (None, None, None, None)
    assert (plain.filled, plain.priceMagnifier, plain.minTick, plain.described) == (Decimal(0), 1, 0.01, "")
    assert (plain.outsideRth, plain.waits) == (False, False)


def test_a_quote_counts_as_the_moments_own_unless_it_is_said_to_be_late() -> None:
    known = RiskInputs(99.0, 100.0, 99.5, 0.0, Decimal(0), Decimal(0), 0, None)

    assert (known.late, known.halted, known.trading, known.rates) == (False, None, None, None)
