"""Bars and ticks as TWS sends them: what it marks as nothing is None."""

import ib_async

from ib_worker.tws.values.live import live_bar, live_middle, live_trade

AT = 1_749_562_200


def test_a_bar_of_trades_has_all_its_values() -> None:
    assert live_bar(AT, (1.0, 3.0, 0.5, 2.0, 100.0, 1.5, 7)) == {
        "time": "2025-06-10T13:30:00+00:00", "open": 1.0, "high": 3.0, "low": 0.5, "close": 2.0, "volume": 100.0,
        "average": 1.5, "barCount": 7,
    }  # fmt: skip


def test_a_bar_of_middle_prices_has_no_volume() -> None:
    found = live_bar(AT, (1.0, 3.0, 0.5, 2.0, -1.0, -1.0, -1))

    assert (found["close"], found["volume"], found["average"], found["barCount"]) == (2.0, None, None, None)


def test_a_trade_says_where_and_how() -> None:
    attributes = ib_async.TickAttribLast(pastLimit=False, unreported=True)
    found = live_trade(AT, 2.5, 100.0, attributes, ("ARCA", ""))

    assert (found["price"], found["size"], found["exchange"], found["specialConditions"]) == (2.5, 100.0, "ARCA", None)
    assert (found["pastLimit"], found["unreported"]) == (False, True)


def test_a_middle_price_has_no_size() -> None:
    assert live_middle(AT, 1.085) == {"time": "2025-06-10T13:30:00+00:00", "price": 1.085}
