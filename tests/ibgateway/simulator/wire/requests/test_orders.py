"""Requests about orders as real clients send them: ib_async's own encoder, and the official clients' frames."""

from __future__ import annotations

from typing import Any

import pytest
from ib_async import (
    ExecutionFilter,
    Option,
    Stock,
)

from ibgateway.simulator.model import orders as model_orders
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.requests import orders
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async

AAPL = Stock("AAPL", "SMART", "USD")
CALL = Option("AAPL", "20250620", 200.0, "C", "SMART")
READ_AAPL = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
READ_CALL = Contract(
    symbol="AAPL", secType="OPT", lastTradeDateOrContractMonth="20250620", strike=200.0, right="C", exchange="SMART"
)

SENT: list[tuple[str, tuple[Any, ...], Any]] = [
    ("cancelOrder", (7, ""), orders.CancelOrder(7)),
    ("reqGlobalCancel", (), orders.ReqGlobalCancel()),
    ("reqOpenOrders", (), orders.ReqOpenOrders()),
    ("reqAllOpenOrders", (), orders.ReqAllOpenOrders()),
    ("reqAutoOpenOrders", (True,), orders.ReqAutoOpenOrders(True)),
    ("reqCompletedOrders", (False,), orders.ReqCompletedOrders(False)),
    (
        "reqExecutions",
        (7, ExecutionFilter(symbol="AAPL")),
        orders.ReqExecutions(7, model_orders.ExecutionFilter(symbol="AAPL")),
    ),
    (
        "exerciseOptions",
        (7, CALL, 1, 2, "DU1", False),
        orders.ExerciseOptions(7, READ_CALL, 1, 2, "DU1", False),
    ),
]

# (version, fields after the message id, request): the official clients' layouts around each version that changed one.
LATER: list[tuple[int, str, list[str], Any]] = [
    (168, "4", ["1", "9"], orders.CancelOrder(9)),
    (169, "4", ["1", "9", "t"], orders.CancelOrder(9, "t")),
    (187, "4", ["1", "9", "t", "", "", "2147483647"], orders.CancelOrder(9, "t")),
    (190, "4", ["1", "9", "t"], orders.CancelOrder(9, "t")),
    (192, "4", ["9", "t", "op", "1"], orders.CancelOrder(9, "t", extOperator="op", manualOrderIndicator=1)),
    (191, "58", ["1"], orders.ReqGlobalCancel()),
    (192, "58", ["", "2147483647"], orders.ReqGlobalCancel()),
    (
        199,
        "7",
        ["3", "9", "0", "", "", "", "", "", ""],
        orders.ReqExecutions(9, model_orders.ExecutionFilter()),
    ),
    (
        200,
        "7",
        ["3", "9", "0", "", "", "", "", "", "BUY", "7", "2", "20250610", "20250611"],
        orders.ReqExecutions(
            9, model_orders.ExecutionFilter(side="BUY", lastNDays=7, specificDates=("20250610", "20250611"))
        ),
    ),
    (
        200,
        "21",
        "2 9 0 AAPL OPT 20250620 200.0 C - SMART - - - 1 2 DU1 0 - - 0".replace("-", "").split(" "),
        orders.ExerciseOptions(9, READ_CALL, 1, 2, "DU1", False),
    ),
]


@pytest.mark.parametrize(("method", "arguments", "request_"), SENT, ids=[one[0] for one in SENT])
def test_what_ib_async_sends_is_read_as_it_is_meant(method: str, arguments: tuple[Any, ...], request_: Any) -> None:
    assert requests.decode(sent_by_ib_async(178, method, *arguments), 178) == request_


@pytest.mark.parametrize(("version", "msgId", "fields", "request_"), LATER, ids=[f"{x[1]}-{x[0]}" for x in LATER])
def test_each_versions_layout_is_read(version: int, msgId: str, fields: list[str], request_: Any) -> None:
    payload = "\0".join([msgId, *fields, ""]).encode()

    assert requests.decode(payload, version) == request_
