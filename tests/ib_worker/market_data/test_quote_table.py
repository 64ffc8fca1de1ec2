"""The table of quotes: its cells, and what is told once."""

from datetime import UTC, datetime, timedelta

import ib_async
import pytest

from ib_worker.market_data.quote import QuoteState
from ib_worker.market_data.quote_table import change_percent, quote_row, table

NOW = datetime(2025, 6, 11, 14, 30, 5, 250_000, tzinfo=UTC)
SPY = ib_async.Contract(conId=756733, symbol="SPY", secType="STK")


def state(**prices: float) -> QuoteState:
    values = QuoteState("SPY", 756733)
    for number, name in ((1, "bid"), (2, "ask"), (4, "last"), (9, "close")):
        if name in prices:
            values.price(number, prices[name], 100)
    return values


@pytest.mark.parametrize(
    ("price", "close", "change"),
    [(101, 100, 1), (99.5, 100, -0.5), (-1, -2, 50), (1, 0, None), (None, 1, None), (1, None, None)],
)
def test_the_change_is_in_percent_of_the_close(price: float | None, close: float | None, change: float | None) -> None:
    assert change_percent(price, close) == change


def test_a_row_has_the_values_and_their_age_and_null_for_what_was_not_sent() -> None:
    values = state(bid=99.5, ask=100.5, close=80)
    values.quote(NOW - timedelta(seconds=1.24))
    row = quote_row(SPY, values, NOW)

    assert (row["name"], row["conId"], row["age_s"]) == ("SPY", 756733, 1.2)
    assert (row["bid"], row["bidSize"], row["last"]) == (99.5, 100, None)
    assert row["changePercent"] == 25  # of the middle of bid and ask
    assert not values.whole
    assert state(bid=1, ask=2, last=1, close=1).whole


def test_what_is_equal_in_all_rows_is_told_once() -> None:
    rows = [quote_row(SPY, state(last=1), NOW), quote_row(SPY, state(last=2), NOW)]
    one_type = table(rows, [], NOW, simulated=False)
    two_types = table([rows[0] | {"marketDataType": "delayed"}, rows[1]], [], NOW, simulated=False)

    assert one_type.same == {"currency": "", "marketDataType": None, "halted": None}
    assert two_types.same == {"currency": "", "halted": None}
    assert "marketDataType" in two_types.columns
    assert [len(each) for each in two_types.rows] == [len(two_types.columns)] * 2
    assert one_type.time == NOW.replace(microsecond=0)
