"""Ticks fit their day exactly, agree with each other, and are the same whenever they are asked for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.world.market.tapes.rng import stream
from ibgateway.simulator.world.market.tapes.tape import Row, Tape
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, START, at, new_world, stock

DAY = {"start": 1_749_648_600.0, "end": 1_749_672_000.0}
# Few prices, so that the pair of prints that settles the last ticks could be asked to give more than it has.
NARROW = Row(
    **DAY, open=272, high=274, low=271, close=272, volume=77302, count=770, turnover=21049872, spread=1, auctions=True
)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    low = draw(st.integers(1, 50_000))
    width = draw(st.one_of(st.integers(0, 5), st.integers(0, 3_000)))
    high = low + width
    count = draw(st.integers(60, 3_000))
    volume = max(100 * count, 50 * (width + 1)) + draw(st.integers(0, 10**7))
    opening, close = draw(st.integers(low, high)), draw(st.integers(low, high))
    share = draw(st.floats(-0.05, 0.05))
    return Row(
        **DAY,
        open=opening,
        high=high,
        low=low,
        close=close,
        volume=volume,
        count=count,
        turnover=round(((opening + high + low + close) / 4 + share * width) * volume),
        spread=draw(st.integers(1, 20)),
        auctions=draw(st.booleans()),
    )


@settings(max_examples=150, deadline=None)
@given(row=rows(), seed=st.integers(0, 1000))
@example(row=NARROW, seed=167)
def test_ticks_add_up_to_their_row(row: Row, seed: int) -> None:
    tape = Tape(row, lambda purpose: stream(seed, purpose), stream(seed, "path"), 8, 300)
    price, size = tape.prints.price.astype(np.int64), tape.prints.size.astype(np.int64)

    assert (price[0], price[-1], price.max(), price.min()) == (row.open, row.close, row.high, row.low)
    assert len(price) == row.count
    assert size.min() >= 1
    assert size.sum() == row.volume
    assert price @ size == row.turnover
    assert (np.diff(tape.prints.time) >= 0).all()
    assert row.start < tape.prints.time[0]
    assert tape.prints.time[-1] < row.end


@settings(max_examples=150, deadline=None)
@given(row=rows(), seed=st.integers(0, 1000))
def test_quotes_keep_their_spread_and_hold_every_print(row: Row, seed: int) -> None:
    tape = Tape(row, lambda purpose: stream(seed, purpose), stream(seed, "path"), 8, 300)
    quotes, price = tape.quotes, tape.prints.price

    assert (quotes.ask - quotes.bid).min() >= row.spread
    assert (np.diff(quotes.time) >= 0).all()
    assert (quotes.bid[::2] <= price).all()
    assert (price <= quotes.ask[::2]).all()
    assert (quotes.bid.max(), quotes.bid.min()) == (row.bid_high, row.bid_low)
    assert (quotes.ask.max(), quotes.ask.min()) == (row.high, row.ask_low)
    assert (quotes.bid[0], quotes.ask[0]) == row.first_quote
    assert (quotes.bid[-1], quotes.ask[-1]) == row.last_quote
    assert min(quotes.bid_size.min(), quotes.ask_size.min()) >= 1


def test_the_same_seed_gives_the_same_ticks_in_any_order_of_asking() -> None:
    one, other = new_world(), new_world()
    ibm, aapl = one.resolve(stock("IBM")), one.resolve(AAPL)
    one.trades(aapl, START - 60, START)
    first = one.trades(ibm, START - 60, START), one.quotes(ibm, START - 60, START)

    assert (other.trades(ibm, START - 60, START), other.quotes(ibm, START - 60, START)) == first
    assert first[0]
    assert new_world(2).trades(ibm, START - 60, START) != first[0]


def test_looking_in_steps_shows_the_same_as_looking_once(quiet: World) -> None:
    spy = quiet.resolve(stock("SPY"))
    steps = np.arange(START, START + 20, 0.05)
    quotes = [q for a, b in pairwise(steps) for q in quiet.quotes(spy, float(a), float(b))]
    trades = [t for a, b in pairwise(steps) for t in quiet.trades(spy, float(a), float(b))]

    assert quotes == quiet.quotes(spy, START, float(steps[-1]))
    assert trades == quiet.trades(spy, START, float(steps[-1]))


@pytest.mark.parametrize(("symbol", "least"), [("SPY", 15), ("AAPL", 10)])
def test_liquid_symbols_tick_several_times_a_second(quiet: World, symbol: str, least: int) -> None:
    contract = quiet.resolve(stock(symbol))
    for second in range(0, 300, 5):
        seen = quiet.quotes(contract, START + second, START + second + 5)
        assert len(seen) >= least


def test_a_snapshot_is_what_the_ticks_say(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    trades = quiet.trades(contract, at(4), START)
    liquid = [trade for trade in trades if trade.time >= at(9, 30)]
    shown = quiet.snapshot(contract, START)

    assert (shown.last, shown.lastSize, shown.lastTime) == (trades[-1].price, trades[-1].size, trades[-1].time)
    assert shown.open == liquid[0].price
    assert shown.high == max(trade.price for trade in liquid)
    assert shown.low == min(trade.price for trade in liquid)
    assert shown.volume == sum(trade.size for trade in trades)
    assert shown.quote == quiet.quotes(contract, START - 60, START)[-1]


def test_there_is_no_quote_when_the_market_is_closed(quiet: World) -> None:
    shown = quiet.snapshot(quiet.resolve(AAPL), at(2))

    assert (shown.quote.bid, shown.quote.ask) == (None, None)
    assert shown.last is not None


def test_an_index_has_prints_and_no_quotes_and_forex_quotes_and_no_prints(quiet: World) -> None:
    spx = quiet.resolve(Contract(symbol="SPX", secType="IND", exchange="CBOE", currency="USD"))
    euro = quiet.resolve(Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD"))

    assert quiet.trades(spx, START - 60, START)
    assert not quiet.quotes(spx, START - 60, START)
    assert quiet.quotes(euro, START - 60, START)
    assert not quiet.trades(euro, START - 60, START)


def test_instruments_on_one_series_move_together(quiet: World) -> None:
    spx = quiet.resolve(Contract(symbol="SPX", secType="IND", exchange="CBOE", currency="USD"))
    spy = quiet.resolve(stock("SPY"))
    for minute in range(0, 300, 20):
        index, fund = (quiet.snapshot(each, START + minute * 60).last or 0 for each in (spx, spy))
        assert abs(fund * 10 / index - 1) < 0.002


@pytest.mark.parametrize("rowcount", [1, 5, 10])
def test_depth_has_as_many_levels_as_asked_for_around_the_quote(quiet: World, rowcount: int) -> None:
    contract = quiet.resolve(AAPL)
    bids, asks = quiet.depth(contract, rowcount, START)
    quote = quiet.snapshot(contract, START).quote

    assert len(bids) == len(asks) == rowcount
    assert (bids[0].price, asks[0].price) == (quote.bid, quote.ask)
    assert [level.price for level in bids] == sorted({level.price for level in bids}, reverse=True)
    assert [level.price for level in asks] == sorted({level.price for level in asks})
