"""Requests about live data as real clients send them: ib_async's own encoder, and the official clients' frames."""

from __future__ import annotations

from typing import Any

import pytest
from ib_async import (
    Option,
    Stock,
)

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.requests import market_data
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async

AAPL = Stock("AAPL", "SMART", "USD")
CALL = Option("AAPL", "20250620", 200.0, "C", "SMART")
READ_AAPL = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
READ_CALL = Contract(
    symbol="AAPL", secType="OPT", lastTradeDateOrContractMonth="20250620", strike=200.0, right="C", exchange="SMART"
)

SENT: list[tuple[str, tuple[Any, ...], Any]] = [
    (
        "reqMktData",
        (7, AAPL, "233,292:BRFG", False, True, []),
        market_data.ReqMktData(7, READ_AAPL, "233,292:BRFG", False, True, ()),
    ),
    ("cancelMktData", (7,), market_data.CancelMktData(7)),
    ("reqMarketDataType", (3,), market_data.ReqMarketDataType(3)),
    ("reqMktDepth", (7, AAPL, 10, True, []), market_data.ReqMktDepth(7, READ_AAPL, 10, True, ())),
    ("cancelMktDepth", (7, True), market_data.CancelMktDepth(7, True)),
    (
        "reqTickByTickData",
        (7, AAPL, "BidAsk", 0, True),
        market_data.ReqTickByTickData(7, READ_AAPL, "BidAsk", 0, True),
    ),
    ("cancelTickByTickData", (7,), market_data.CancelTickByTickData(7)),
    (
        "reqRealTimeBars",
        (7, AAPL, 5, "TRADES", True, []),
        market_data.ReqRealTimeBars(7, READ_AAPL, 5, "TRADES", True, ()),
    ),
    ("cancelRealTimeBars", (7,), market_data.CancelRealTimeBars(7)),
]


@pytest.mark.parametrize(("method", "arguments", "request_"), SENT, ids=[one[0] for one in SENT])
def test_what_ib_async_sends_is_read_as_it_is_meant(method: str, arguments: tuple[Any, ...], request_: Any) -> None:
    assert requests.decode(sent_by_ib_async(178, method, *arguments), 178) == request_
