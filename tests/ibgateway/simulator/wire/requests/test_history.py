"""Requests about history as real clients send them: ib_async's own encoder, and the official clients' frames."""

from __future__ import annotations

from typing import Any

import pytest
from ib_async import (
    ComboLeg,
    Contract,
    Option,
    Stock,
)

from ibgateway.simulator.model import contracts as model_contracts
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.requests import history
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async

AAPL = Stock("AAPL", "SMART", "USD")
CALL = Option("AAPL", "20250620", 200.0, "C", "SMART")
READ_AAPL = model_contracts.Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
READ_CALL = model_contracts.Contract(
    symbol="AAPL", secType="OPT", lastTradeDateOrContractMonth="20250620", strike=200.0, right="C", exchange="SMART"
)

SENT: list[tuple[str, tuple[Any, ...], Any]] = [
    (
        "reqHistoricalData",
        (7, AAPL, "20250610 16:00:00 US/Eastern", "1 D", "1 hour", "TRADES", 1, 1, False, []),
        history.ReqHistoricalData(
            7,
            history.BarsAsked(READ_AAPL, "20250610 16:00:00 US/Eastern", "1 hour", "1 D", True, "TRADES", 1),
            False,
            (),
        ),
    ),
    ("cancelHistoricalData", (7,), history.CancelHistoricalData(7)),
    ("reqHeadTimeStamp", (7, AAPL, "TRADES", 1, 1), history.ReqHeadTimeStamp(7, READ_AAPL, False, True, "TRADES", 1)),
    ("cancelHeadTimeStamp", (7,), history.CancelHeadTimeStamp(7)),
    ("reqHistogramData", (7, AAPL, True, "3 days"), history.ReqHistogramData(7, READ_AAPL, False, True, "3 days")),
    ("cancelHistogramData", (7,), history.CancelHistogramData(7)),
    (
        "reqHistoricalTicks",
        (7, AAPL, "", "20250610 16:00:00", 100, "TRADES", True, False, []),
        history.ReqHistoricalTicks(7, READ_AAPL, False, "", "20250610 16:00:00", 100, "TRADES", True, False, ()),
    ),
]


@pytest.mark.parametrize(("method", "arguments", "request_"), SENT, ids=[one[0] for one in SENT])
def test_what_ib_async_sends_is_read_as_it_is_meant(method: str, arguments: tuple[Any, ...], request_: Any) -> None:
    assert requests.decode(sent_by_ib_async(178, method, *arguments), 178) == request_


def test_a_combos_history_is_read_with_its_legs() -> None:
    spread = Contract(symbol="AAPL", secType="BAG", comboLegs=[ComboLeg(1, 1, "BUY", "SMART")])
    sent = sent_by_ib_async(178, "reqHistoricalData", 7, spread, "", "1 D", "1 hour", "TRADES", 0, 2, True, [])

    read = requests.decode(sent, 178)

    assert read.asked.contract.comboLegs == (model_contracts.ComboLeg(1, 1, "BUY", "SMART"),)
    assert (read.asked.useRTH, read.asked.formatDate, read.keepUpToDate) == (False, 2, True)
