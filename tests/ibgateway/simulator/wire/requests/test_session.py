"""Requests about the session as real clients send them: ib_async's own encoder, and the official clients' frames."""

from __future__ import annotations

from typing import Any

import pytest
from ib_async import (
    Option,
    Stock,
)

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.requests import session
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async

AAPL = Stock("AAPL", "SMART", "USD")
CALL = Option("AAPL", "20250620", 200.0, "C", "SMART")
READ_AAPL = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
READ_CALL = Contract(
    symbol="AAPL", secType="OPT", lastTradeDateOrContractMonth="20250620", strike=200.0, right="C", exchange="SMART"
)

SENT: list[tuple[str, tuple[Any, ...], Any]] = [
    ("startApi", (), session.StartApi(-1, "")),
    ("reqIds", (1,), session.ReqIds(1)),
    ("setServerLogLevel", (2,), session.SetServerLogLevel(2)),
    ("reqManagedAccts", (), session.ReqManagedAccts()),
    ("reqCurrentTime", (), session.ReqCurrentTime()),
    ("reqUserInfo", (7,), session.ReqUserInfo(7)),
    ("verifyRequest", ("a", "b"), session.VerifyRequest("a", "b")),
    ("verifyMessage", ("a",), session.VerifyMessage("a")),
    ("verifyAndAuthRequest", ("a", "b", "c"), session.VerifyAndAuthRequest("a", "b", "c")),
    ("verifyAndAuthMessage", ("a", "b"), session.VerifyAndAuthMessage("a", "b")),
    ("queryDisplayGroups", (7,), session.QueryDisplayGroups(7)),
    ("subscribeToGroupEvents", (7, 1), session.SubscribeToGroupEvents(7, 1)),
    ("updateDisplayGroup", (7, "8314@SMART"), session.UpdateDisplayGroup(7, "8314@SMART")),
    ("unsubscribeFromGroupEvents", (7,), session.UnsubscribeFromGroupEvents(7)),
]

# (version, fields after the message id, request): the official clients' layouts around each version that changed one.
LATER: list[tuple[int, str, list[str], Any]] = [
    (200, "105", [], session.ReqCurrentTimeInMillis()),
]


@pytest.mark.parametrize(("method", "arguments", "request_"), SENT, ids=[one[0] for one in SENT])
def test_what_ib_async_sends_is_read_as_it_is_meant(method: str, arguments: tuple[Any, ...], request_: Any) -> None:
    assert requests.decode(sent_by_ib_async(178, method, *arguments), 178) == request_


@pytest.mark.parametrize(("version", "msgId", "fields", "request_"), LATER, ids=[f"{x[1]}-{x[0]}" for x in LATER])
def test_each_versions_layout_is_read(version: int, msgId: str, fields: list[str], request_: Any) -> None:
    payload = "\0".join([msgId, *fields, ""]).encode()

    assert requests.decode(payload, version) == request_
