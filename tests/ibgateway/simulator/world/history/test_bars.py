"""Bars are the aggregation of the ticks that a client sees, whatever their size."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.market_data import BarData, BidAsk, Trade
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, ES, EURUSD, START, at, new_world, option, stock

SIZES = {"5 secs": 5, "1 min": 60, "5 mins": 300, "30 mins": 1800, "1 hour": 3600}


def aggregated(trades: list[Trade], start: Callable[[float], float]) -> list[tuple[object, ...]]:
    """What a client would make of the prints."""
    groups: dict[float, list[Trade]] = {}
    for trade in trades:
        groups.setdefault(start(trade.time), []).append(trade)
    return [
        (
            time,
            group[0].price,
            max(t.price for t in group),
            min(t.price for t in group),
            group[-1].price,
            sum((t.size for t in group), Decimal(0)),
            round(float(sum(t.size * Decimal(repr(t.price)) for t in group) / sum(t.size for t in group)), 3),
            len(group),
        )
        for time, group in groups.items()
    ]


def told(bars: list[BarData]) -> list[tuple[object, ...]]:
    return [(b.time, b.open, b.high, b.low, b.close, b.volume, b.wap, b.count) for b in bars]


@pytest.mark.parametrize("barSize", SIZES)
def test_intraday_bars_are_the_prints(quiet: World, barSize: str) -> None:
    contract, size = quiet.resolve(AAPL), SIZES[barSize]
    bars = quiet.bars(contract, START, "1 D", barSize, "TRADES", True).bars

    trades = quiet.trades(contract, at(9, 30) - 0.001, START)
    assert told(bars) == aggregated(trades, lambda time: max(time // size * size, at(9, 30)))


@pytest.mark.parametrize("contract", [AAPL, stock("IBM"), stock("VTI"), stock("NVDA"), ES, option(430.0)])
@pytest.mark.parametrize("useRTH", [True, False])
def test_daily_bars_are_the_prints(quiet: World, contract: Contract, useRTH: bool) -> None:
    known = quiet.resolve(contract)
    bars = quiet.bars(known, START, "2 D", "1 day", "TRADES", useRTH).bars
    assert len(bars) == 2

    sessions = quiet.schedule(known, START, 30, useRTH)[-2:]
    for bar, session in zip(bars, sessions, strict=True):
        trades = quiet.trades(known, session.start - 0.001, min(session.end, START))
        assert told([bar]) == aggregated(trades, lambda time, day=bar.time: day)  # type: ignore[misc]
        assert f"{datetime.fromtimestamp(bar.time, UTC):%Y%m%d}" == session.refDate


@pytest.mark.parametrize("contract", [AAPL, stock("IBM"), EURUSD, option(430.0)])
def test_daily_quote_bars_are_the_quotes(quiet: World, contract: Contract) -> None:
    known = quiet.resolve(contract)
    asked = {what: quiet.bars(known, START, "2 D", "1 day", what, True).bars for what in ("BID", "ASK", "MIDPOINT")}

    for number, session in enumerate(quiet.schedule(known, START, 30, True)[-2:]):
        quotes = quiet.quotes(known, session.start - 0.001, min(session.end, START))
        for whatToShow, bars in asked.items():
            bar, line = bars[number], [side(quote, whatToShow) for quote in quotes]
            expected = line[0], max(line), min(line), line[-1]
            assert (bar.open, bar.high, bar.low, bar.close) == pytest.approx(expected, abs=1e-9)
            assert {float(bar.volume), bar.wap, float(bar.count)} == {-1.0}
            assert len(bars) == 2


def side(quote: BidAsk, whatToShow: str) -> float:
    bid, ask = quote.bid or 0.0, quote.ask or 0.0
    return {"BID": bid, "ASK": ask, "MIDPOINT": (bid + ask) / 2}[whatToShow]


def test_weekly_and_monthly_bars_are_the_days(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    days = quiet.bars(contract, START, "6 M", "1 day", "TRADES", True).bars
    weeks = quiet.bars(contract, START, "6 M", "1 week", "TRADES", True).bars
    months = quiet.bars(contract, START, "6 M", "1 month", "TRADES", True).bars

    for longer in (weeks, months):
        assert sum(bar.volume for bar in longer) == sum(bar.volume for bar in days)
        assert max(bar.high for bar in longer) == max(bar.high for bar in days)
        assert (longer[0].open, longer[-1].close) == (days[0].open, days[-1].close)
        assert {bar.time for bar in longer} <= {bar.time for bar in days}
    assert 24 <= len(weeks) <= 28
    assert len(months) == 7


def test_a_year_of_daily_bars_has_every_trading_day(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    asked = quiet.bars(contract, None, "1 Y", "1 day", "TRADES", True)

    assert len(asked.bars) == 250
    assert [bar.time for bar in asked.bars] == sorted(bar.time for bar in asked.bars)
    assert f"{datetime.fromtimestamp(asked.bars[0].time, UTC):%Y%m%d}" == "20240612"
    assert f"{datetime.fromtimestamp(asked.bars[-1].time, UTC):%Y%m%d}" == "20250611"


def test_there_are_no_bars_of_the_future() -> None:
    world = new_world()
    contract = world.resolve(AAPL)

    assert world.bars(contract, at(15), "1 D", "1 hour", "TRADES", True) == world.bars(
        contract, None, "1 D", "1 hour", "TRADES", True
    )


def test_seconds_are_seconds_of_trading(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    bars = quiet.bars(contract, at(9, 40), "1800 S", "1 min", "TRADES", True).bars

    assert len(bars) == 30
    assert bars[0].time == at(15, 40, day=10)
    assert bars[-1].time == at(9, 39)


def test_adjusted_bars_fall_short_by_the_dividends_since(quiet: World) -> None:
    contract = quiet.resolve(stock("IBM"))
    plain = quiet.bars(contract, None, "5 Y", "1 day", "TRADES", True).bars
    adjusted = quiet.bars(contract, None, "5 Y", "1 day", "ADJUSTED_LAST", True).bars

    assert adjusted[-2].close == plain[-2].close
    assert 0.8 < adjusted[0].close / plain[0].close < 0.95


@pytest.mark.parametrize(
    ("duration", "barSize", "whatToShow", "code"),
    [
        ("1 X", "1 day", "TRADES", 321),
        ("one D", "1 day", "TRADES", 321),
        ("366 D", "1 day", "TRADES", 321),
        ("0 D", "1 day", "TRADES", 321),
        ("1 D", "7 mins", "TRADES", 321),
        ("1 D", "1 day", "NONSENSE", 321),
        ("1 Y", "1 secs", "TRADES", 162),
    ],
)
def test_what_tws_does_not_give_is_refused(
    quiet: World, duration: str, barSize: str, whatToShow: str, code: int
) -> None:
    contract = quiet.resolve(AAPL)

    with pytest.raises(Refusal) as refusal:
        quiet.bars(contract, None, duration, barSize, whatToShow, True)
    assert refusal.value.code == code


def test_forex_has_no_trades_to_show(quiet: World) -> None:
    contract = quiet.resolve(EURUSD)

    with pytest.raises(Refusal, match="No data of type EODChart"):
        quiet.bars(contract, None, "1 D", "1 hour", "TRADES", True)


def test_no_data_is_said_as_the_data_service_says_it(quiet: World) -> None:
    contract = quiet.resolve(stock("META"))

    with pytest.raises(Refusal, match="HMDS query returned no data: META@SMART Trades"):
        quiet.bars(contract, at(10) - 5 * 365 * 86_400, "1 W", "1 day", "TRADES", True)


@pytest.mark.parametrize("whatToShow", ["BID", "ASK", "MIDPOINT"])
def test_intraday_quote_bars_are_the_quotes(quiet: World, whatToShow: str) -> None:
    contract = quiet.resolve(stock("IBM"))
    bars = quiet.bars(contract, START, "1800 S", "1 min", whatToShow, True).bars
    quotes = quiet.quotes(contract, START - 3600, START)

    assert len(bars) == 30
    for bar in bars:
        line = [side(quote, whatToShow) for quote in quotes if bar.time <= quote.time < bar.time + 60]
        assert (bar.open, bar.high, bar.low, bar.close) == pytest.approx((line[0], max(line), min(line), line[-1]))


def test_bars_of_bid_and_ask_have_averages_at_their_ends(quiet: World) -> None:
    contract = quiet.resolve(stock("IBM"))
    (bar,) = quiet.bars(contract, START, "60 S", "1 min", "BID_ASK", True).bars
    quotes = quiet.quotes(contract, START - 60.001, START)

    assert bar.high == max(quote.ask or 0.0 for quote in quotes)
    assert bar.low == min(quote.bid or 0.0 for quote in quotes)
    assert bar.low <= bar.open < bar.close <= bar.high


def test_a_bar_without_a_quote_repeats_the_one_that_stood(quiet: World) -> None:
    contract = quiet.resolve(stock("RRC"))
    bars = quiet.bars(contract, START, "600 S", "1 secs", "BID", True).bars

    assert len(bars) == 600
    for before, bar in pairwise(bars):
        quotes = quiet.quotes(contract, bar.time - 0.0005, bar.time + 0.9995)
        assert quotes or bar.open == bar.close == before.close


@pytest.mark.parametrize("whatToShow", ["HISTORICAL_VOLATILITY", "OPTION_IMPLIED_VOLATILITY", "FEE_RATE"])
@pytest.mark.parametrize("barSize", ["1 day", "1 hour"])
def test_rates_have_bars_too(quiet: World, whatToShow: str, barSize: str) -> None:
    bars = quiet.bars(quiet.resolve(AAPL), START, "5 D", barSize, whatToShow, True).bars

    assert len(bars) >= 5
    assert all(0.05 < bar.close < 2 for bar in bars)
