"""What covers a short option counts against its margin."""

from __future__ import annotations

from datetime import date

import pytest

from ibgateway.simulator.world.account.short_options import OptionPosition, margin
from ibgateway.simulator.world.instruments.directory import Directory
from tests.stacks.ibgateway.world_and_trader import Trader, option, summary_value

DIRECTORY = Directory()
FRIDAY, NEXT = date(2025, 6, 13), date(2025, 6, 20)


def test_a_spread_needs_no_more_than_it_can_lose(trader: Trader) -> None:
    world = trader.world
    low, high = world.resolve(option(420.0)), world.resolve(option(430.0))
    before = summary_value(world, "InitMarginReq")
    trader.place("BUY", 2, "MKT", high)
    trader.place("SELL", 2, "MKT", low)
    assert summary_value(world, "InitMarginReq") - before == pytest.approx(2 * 1000, abs=0.02)

    trader.place("SELL", 2, "MKT", high)
    naked = summary_value(world, "InitMarginReq") - before
    assert naked > 2 * 0.2 * 42_000
    trader.place("BUY", 2, "MKT", low)
    assert summary_value(world, "InitMarginReq") == pytest.approx(before, abs=0.02)


def test_shares_cover_a_short_call(trader: Trader) -> None:
    world = trader.world
    trader.place("BUY", 100, "MKT")
    before = summary_value(world, "InitMarginReq")
    trader.place("SELL", 1, "MKT", option(430.0))
    assert summary_value(world, "InitMarginReq") == pytest.approx(before, abs=0.02)

    trader.place("SELL", 1, "MKT", option(400.0, "P"))
    assert summary_value(world, "InitMarginReq") > before + 4_000


def position(quantity: float, strike: float, right: str = "C", expiry: date = FRIDAY) -> OptionPosition:
    """An option on AAPL at 430, whose premium is 5."""
    on = DIRECTORY.derivatives.underlying("AAPL", "OPT")
    assert on is not None
    made = DIRECTORY.derivatives.option(on, expiry, strike, right)
    assert made is not None
    return OptionPosition(made, quantity, 500.0, 43_000.0, 1.0)


def test_a_naked_short_needs_its_premium_and_a_fifth_of_the_underlying() -> None:
    assert margin([position(-1, 430.0)], {}) == 500 + 0.2 * 43_000
    assert margin([position(-1, 440.0)], {}) == 500 + 0.2 * 43_000 - 1_000  # out of the money by ten
    assert margin([position(-1, 600.0)], {}) == 500 + 0.1 * 43_000  # a tenth at least


def test_a_long_option_covers_a_short_one_up_to_the_distance_of_their_strikes() -> None:
    assert margin([position(-1, 430.0), position(1, 440.0)], {}) == 1_000
    assert margin([position(-1, 430.0), position(1, 420.0)], {}) == 0  # it is the better one
    assert margin([position(-1, 430.0, "P"), position(1, 420.0, "P")], {}) == 1_000


def test_what_expires_earlier_or_is_of_the_other_kind_covers_nothing() -> None:
    naked = margin([position(-1, 430.0)], {})

    assert margin([position(-1, 430.0, expiry=NEXT), position(1, 440.0)], {}) == naked
    assert margin([position(-1, 430.0), position(1, 440.0, "P")], {}) == naked
    assert margin([position(-1, 430.0), position(1, 440.0, expiry=NEXT)], {}) == 1_000


def test_a_long_option_covers_once() -> None:
    naked = margin([position(-1, 430.0)], {})

    assert margin([position(-2, 430.0), position(1, 440.0)], {}) == naked + 1_000


def test_shares_cover_calls_by_the_hundred_and_short_shares_puts() -> None:
    naked = margin([position(-1, 430.0)], {})

    assert margin([position(-1, 430.0)], {265598: 100.0}) == 0
    assert margin([position(-2, 430.0)], {265598: 199.0}) == naked
    assert margin([position(-1, 430.0, "P")], {265598: -100.0}) == 0
    assert margin([position(-1, 430.0, "P")], {265598: 100.0}) > 0
