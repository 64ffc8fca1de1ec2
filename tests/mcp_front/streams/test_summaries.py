"""A summary keeps what matters of a stream, however long it runs."""

from itertools import pairwise
from typing import Any

import pytest

from mcp_front.streams.summaries import AccountSummary, EvenSample, QuoteSummary, price_of
from mcp_front.streams.updates import QuoteUpdate


def quote(last: float | None, bid: float | None = None, ask: float | None = None) -> QuoteUpdate:
    return QuoteUpdate.of({"last": last, "bid": bid, "ask": ask, "ticks": [{"tickType": 4}]})


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 39, 40, 41, 1000, 36_000])
def test_samples_are_few_and_evenly_spread(count: int) -> None:
    thinned = EvenSample(10)
    for number in range(count):
        thinned.add(number)

    chosen = thinned.chosen()
    assert len(chosen) == min(count, 10)
    assert (chosen[:1], chosen[-1:]) == (([0], [count - 1]) if count else ([], []))
    steps = [after - before for before, after in pairwise(chosen)]
    assert max(steps, default=1) <= 2 * min(steps[:-1], default=1)


def test_memory_stays_bounded_over_an_hour_of_ticks() -> None:
    thinned = EvenSample(10)
    for number in range(100_000):
        thinned.add(number)
        assert len(thinned._kept) < 40


def test_high_and_low_are_those_of_the_stream() -> None:
    summary = QuoteSummary(quote(10.0))
    for price in (11.0, 9.5, 10.5):
        summary.see(quote(price))

    assert (summary.high, summary.low) == (11.0, 9.5)
    assert summary.first == {"last": 10.0, "bid": None, "ask": None}
    assert summary.last is not None
    assert summary.last.brief == {"last": 10.5, "bid": None, "ask": None}
    assert summary.spread.told() is None


def test_spread_is_told_by_update_and_an_unknown_side_counts_none() -> None:
    summary = QuoteSummary(quote(10.0, 9.99, 10.0))
    for bid, ask in ((9.98, 10.02), (None, 10.0), (9.99, 10.0), (9.99, 10.0)):
        summary.see(quote(10.0, bid, ask))

    assert summary.spread.told() == {"first": 0.01, "last": 0.01, "low": 0.01, "high": 0.04, "mean": 0.0175}


def test_what_is_equal_in_all_samples_is_told_once() -> None:
    summary = QuoteSummary(quote(10.0, 9.0, 11.0))
    assert summary.sample() == {"same": {}, "sample": [{"last": 10.0, "bid": 9.0, "ask": 11.0}]}

    summary.see(quote(10.0, 9.0, 12.0))
    assert summary.sample() == {"same": {"last": 10.0, "bid": 9.0}, "sample": [{"ask": 11.0}, {"ask": 12.0}]}
    assert QuoteSummary(None).sample() == {"same": {}, "sample": []}


def test_opening_quote_without_a_price_is_no_first_value() -> None:
    summary = QuoteSummary(quote(None, bid=1.0))
    assert summary.first is None

    summary.see(quote(None, 1.0, 2.0))
    assert summary.high == summary.low == 1.5


def test_middle_stands_for_the_last_price_where_nothing_trades() -> None:
    assert price_of(quote(None, 1.1, 1.2).figures) == 1.15
    assert price_of(quote(None, None, 1.2).figures) is None


def test_account_summary_keeps_the_last_word_on_each_figure() -> None:
    summary = AccountSummary()
    for value in (1.0, 2.0):
        summary.see(account_value("NetLiquidation", value))
    summary.see(account_value("AccruedCash-S", 3.0))
    for position in (5.0, 6.0):
        summary.see({"kind": "portfolio", "account": "DU1", "contract": {"conId": 1}, "position": position})

    assert summary.values() == [{"account": "DU1", "tag": "NetLiquidation", "value": 2.0, "currency": "USD"}]
    assert [line["position"] for line in summary.portfolio()] == [6.0]


def test_position_that_a_worker_does_not_tell_any_more_is_closed() -> None:
    summary = AccountSummary()
    for conId, position in ((1, 5.0), (2, 6.0), (3, 0.0)):
        contract = {"conId": conId}
        summary.see({"kind": "portfolio", "account": "DU1", "contract": contract, "position": position, "time": "1"})

    told = [{"kind": "portfolio", "account": "DU1", "contract": {"conId": 1}, "position": 5.0, "time": "2"}]
    [line] = summary.closed(told)

    assert (line["contract"], line["position"], line["marketValue"], line["time"]) == ({"conId": 2}, 0.0, None, "2")


def account_value(tag: str, value: float) -> dict[str, Any]:
    return {"kind": "value", "account": "DU1", "tag": tag, "value": value, "currency": "USD", "time": "…"}
