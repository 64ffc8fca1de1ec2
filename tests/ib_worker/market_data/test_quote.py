"""Ticks of one contract, and the quote that they add up to."""

import sys
from datetime import UTC, datetime

import pytest

from bridge.tools.market.market_data import RawTick
from ib_worker.market_data.quote import OptionGreeks, QuoteState

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
UNSET = sys.float_info.max


def quoted() -> QuoteState:
    return QuoteState("SPY", 756733)


def test_nothing_is_known_at_first() -> None:
    quote = quoted().quote(AT)

    assert (quote.symbol, quote.conId, quote.time, quote.ticks) == ("SPY", 756733, AT, [])
    known = quote.model_dump(exclude={"symbol", "conId", "time", "ticks", "simulated"})
    assert set(known.values()) == {None}


@pytest.mark.parametrize(("bid", "ask", "last"), [(1, 2, 4), (66, 67, 68)], ids=["live", "delayed"])
def test_prices_come_with_their_sizes(bid: int, ask: int, last: int) -> None:
    values = quoted()

    values.price(bid, 10.0, 100.0)
    values.price(ask, 10.5, 200.0)
    values.price(last, 10.25, 300.0)

    quote = values.quote(AT)
    assert (quote.bid, quote.bidSize) == (10.0, 100.0)
    assert (quote.ask, quote.askSize) == (10.5, 200.0)
    assert (quote.last, quote.lastSize) == (10.25, 300.0)


@pytest.mark.parametrize(
    ("tickType", "name"),
    [(6, "high"), (7, "low"), (9, "close"), (14, "open"), (72, "high"), (73, "low"), (75, "close"), (76, "open")],
)
def test_a_days_prices_have_their_names(tickType: int, name: str) -> None:
    values = quoted()

    values.price(tickType, 12.5, 0.0)

    assert getattr(values.quote(AT), name) == 12.5


@pytest.mark.parametrize("tickType", [6, 14])
def test_minus_one_is_no_price_of_the_day(tickType: int) -> None:
    values = quoted()

    values.price(tickType, -1.0, 0.0)

    assert (values.quote(AT).high, values.quote(AT).open) == (None, None)


@pytest.mark.parametrize(
    ("tickType", "name"),
    [(5, "lastSize"), (8, "volume"), (71, "lastSize"), (74, "volume")],
)
def test_sizes_have_their_names(tickType: int, name: str) -> None:
    values = quoted()

    values.size(tickType, 500.0)

    assert getattr(values.quote(AT), name) == 500


@pytest.mark.parametrize(("price", "size"), [(-1.0, 0.0), (-1.0, -1.0), (0.0, 0.0), (10.0, 0.0), (10.0, UNSET)])
def test_a_side_without_a_size_is_not_quoted(price: float, size: float) -> None:
    values = quoted()
    values.price(1, 9.0, 100.0)

    values.price(1, price, size)

    quote = values.quote(AT)
    assert (quote.bid, quote.bidSize) == (None, None)


@pytest.mark.parametrize(("bid", "ask"), [(0, 3), (69, 70)])
def test_a_size_of_its_own_belongs_to_the_price_before(bid: int, ask: int) -> None:
    values = quoted()
    values.price(1, 10.0, 100.0)
    values.price(2, 11.0, 100.0)

    values.size(bid, 50.0)
    values.size(ask, 0.0)

    quote = values.quote(AT)
    assert (quote.bid, quote.bidSize, quote.ask, quote.askSize) == (10, 50, None, None)


def test_a_spread_may_be_bid_below_zero() -> None:
    values = quoted()

    values.price(1, -1.0, 5.0)

    assert (values.quote(AT).bid, values.quote(AT).bidSize) == (-1, 5)


def test_an_index_has_a_last_price_without_a_size() -> None:
    values = quoted()

    values.price(4, 5000.0, 0.0)

    assert (values.quote(AT).last, values.quote(AT).lastSize) == (5000, 0)


@pytest.mark.parametrize("size", [0.0, -1.0])
def test_no_last_trade_is_none(size: float) -> None:
    values = quoted()
    values.price(4, 10.0, 1.0)

    values.price(4, -1.0, size)

    assert (values.quote(AT).last, values.quote(AT).lastSize) == (None, None)


@pytest.mark.parametrize(("value", "halted"), [(0.0, False), (1.0, True), (2.0, True), (-1.0, None)])
@pytest.mark.parametrize("tickType", [49, 90])
def test_a_halt_is_told(tickType: int, value: float, halted: bool | None) -> None:
    values = quoted()

    values.generic(tickType, value)

    assert values.quote(AT).halted is halted


def test_other_generic_ticks_are_no_halt() -> None:
    values = quoted()

    values.generic(23, 1.0)

    assert values.quote(AT).halted is None


def test_raw_ticks_are_as_on_the_wire_and_told_once() -> None:
    values = quoted()
    values.price(1, -1.0, 0.0)
    values.size(8, 12345.0)
    values.price(37, 10.1, 0.0)
    assert values.changed

    first, second = values.quote(AT), values.quote(AT)

    assert first.ticks == [
        RawTick(tickType=1, price=-1.0, size=0.0),
        RawTick(tickType=8, price=None, size=12345.0),
        RawTick(tickType=37, price=10.1, size=0.0),
    ]
    assert second.ticks == []
    assert not values.changed


def test_the_known_values_are_told_without_taking_the_ticks() -> None:
    values = quoted()
    values.price(1, 10.0, 1.0)

    assert values.known(AT).bid == 10
    assert len(values.quote(AT).ticks) == 1


def test_only_a_price_makes_it_priced() -> None:
    values = quoted()
    values.size(8, 1.0)
    assert not values.priced

    values.price(9, 1.0, 0.0)

    assert values.priced


def test_it_is_unquoted_without_bid_and_ask() -> None:
    values = quoted()
    values.price(4, 10.0, 1.0)
    values.price(1, -1.0, 0.0)
    assert values.unquoted

    values.price(2, 11.0, 1.0)

    assert not values.unquoted


def test_the_market_data_type_is_told() -> None:
    values = quoted()
    values.marketDataType = "delayed"

    assert values.quote(AT).marketDataType == "delayed"


def test_the_encoded_quote_is_the_quote_in_json() -> None:
    plain, encoded = quoted(), quoted()
    for values in (plain, encoded):
        values.price(1, 10.25, 1.0)
        values.size(8, 12345.0)
        values.marketDataType = "live"

    assert encoded.encoded(AT) == plain.quote(AT).model_dump_json().encode()
    assert not encoded.changed


def test_a_greek_that_is_nothing_but_arithmetic_is_0() -> None:
    told = OptionGreeks.of((0.2, 2.352e-60, 0.01, 0.0, 1e-12, 0.0004, -3e-11, 400.0))

    assert (told.delta, told.gamma, told.vega, told.theta) == (0.0, 0.0, 0.0004, 0.0)
