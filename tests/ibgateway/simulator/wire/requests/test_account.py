"""Requests about accounts as real clients send them: ib_async's own encoder, and the official clients' frames."""

from __future__ import annotations

from typing import Any

import pytest
from ib_async import (
    Option,
    Stock,
)

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.requests import account
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async

AAPL = Stock("AAPL", "SMART", "USD")
CALL = Option("AAPL", "20250620", 200.0, "C", "SMART")
READ_AAPL = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
READ_CALL = Contract(
    symbol="AAPL", secType="OPT", lastTradeDateOrContractMonth="20250620", strike=200.0, right="C", exchange="SMART"
)

SENT: list[tuple[str, tuple[Any, ...], Any]] = [
    ("reqAccountUpdates", (True, "DU1"), account.ReqAccountUpdates(True, "DU1")),
    ("reqAccountSummary", (7, "All", "NetLiquidation"), account.ReqAccountSummary(7, "All", "NetLiquidation")),
    ("cancelAccountSummary", (7,), account.CancelAccountSummary(7)),
    ("reqPositions", (), account.ReqPositions()),
    ("cancelPositions", (), account.CancelPositions()),
    ("reqPositionsMulti", (7, "DU1", ""), account.ReqPositionsMulti(7, "DU1", "")),
    ("cancelPositionsMulti", (7,), account.CancelPositionsMulti(7)),
    ("reqAccountUpdatesMulti", (7, "DU1", "", False), account.ReqAccountUpdatesMulti(7, "DU1", "", False)),
    ("cancelAccountUpdatesMulti", (7,), account.CancelAccountUpdatesMulti(7)),
    ("reqPnL", (7, "DU1", "m"), account.ReqPnL(7, "DU1", "m")),
    ("cancelPnL", (7,), account.CancelPnL(7)),
    ("reqPnLSingle", (7, "DU1", "m", 265598), account.ReqPnLSingle(7, "DU1", "m", 265598)),
    ("cancelPnLSingle", (7,), account.CancelPnLSingle(7)),
    ("reqFamilyCodes", (), account.ReqFamilyCodes()),
    ("reqSoftDollarTiers", (7,), account.ReqSoftDollarTiers(7)),
    ("requestFA", (1,), account.RequestFA(1)),
    ("replaceFA", (7, 1, "<x/>"), account.ReplaceFA(1, "<x/>", 7)),
]


@pytest.mark.parametrize(("method", "arguments", "request_"), SENT, ids=[one[0] for one in SENT])
def test_what_ib_async_sends_is_read_as_it_is_meant(method: str, arguments: tuple[Any, ...], request_: Any) -> None:
    assert requests.decode(sent_by_ib_async(178, method, *arguments), 178) == request_
