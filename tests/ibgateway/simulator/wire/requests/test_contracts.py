"""Requests about contracts as real clients send them: ib_async's own encoder, and the official clients' frames."""

from __future__ import annotations

from typing import Any

import pytest
from ib_async import (
    Option,
    Stock,
)

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.requests import contracts
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async

AAPL = Stock("AAPL", "SMART", "USD")
CALL = Option("AAPL", "20250620", 200.0, "C", "SMART")
READ_AAPL = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
READ_CALL = Contract(
    symbol="AAPL", secType="OPT", lastTradeDateOrContractMonth="20250620", strike=200.0, right="C", exchange="SMART"
)

SENT: list[tuple[str, tuple[Any, ...], Any]] = [
    ("reqContractDetails", (7, AAPL), contracts.ReqContractDetails(7, READ_AAPL, False, "", "", "")),
    ("reqMatchingSymbols", (7, "app"), contracts.ReqMatchingSymbols(7, "app")),
    ("reqSecDefOptParams", (7, "AAPL", "", "STK", 265598), contracts.ReqSecDefOptParams(7, "AAPL", "", "STK", 265598)),
    ("reqMarketRule", (26,), contracts.ReqMarketRule(26)),
    ("reqSmartComponents", (7, "9c0001"), contracts.ReqSmartComponents(7, "9c0001")),
    ("reqMktDepthExchanges", (), contracts.ReqMktDepthExchanges()),
    (
        "calculateImpliedVolatility",
        (7, CALL, 5.25, 201.5, []),
        contracts.CalculateImpliedVolatility(7, READ_CALL, 5.25, 201.5, ()),
    ),
    ("calculateOptionPrice", (7, CALL, 0.3, 201.5, []), contracts.CalculateOptionPrice(7, READ_CALL, 0.3, 201.5, ())),
    ("cancelCalculateImpliedVolatility", (7,), contracts.CancelCalculateImpliedVolatility(7)),
    ("cancelCalculateOptionPrice", (7,), contracts.CancelCalculateOptionPrice(7)),
]

# (version, fields after the message id, request): the official clients' layouts around each version that changed one.
LATER: list[tuple[int, str, list[str], Any]] = [
    (
        175,
        "9",
        ["8", "9", "0", "AAPL", "STK", "", "", "", "", "SMART", "", "USD", "", "", "0", "ISIN", "US0378331005"],
        contracts.ReqContractDetails(9, READ_AAPL, False, "ISIN", "US0378331005"),
    ),
    (
        200,
        "54",
        ["3", "9", "0", "AAPL", "OPT", "20250620", "200.0", "C", "", "SMART", "", "", "", "", "5.25", "201.5", ""],
        contracts.CalculateImpliedVolatility(9, READ_CALL, 5.25, 201.5, ()),
    ),
]


@pytest.mark.parametrize(("method", "arguments", "request_"), SENT, ids=[one[0] for one in SENT])
def test_what_ib_async_sends_is_read_as_it_is_meant(method: str, arguments: tuple[Any, ...], request_: Any) -> None:
    assert requests.decode(sent_by_ib_async(178, method, *arguments), 178) == request_


@pytest.mark.parametrize(("version", "msgId", "fields", "request_"), LATER, ids=[f"{x[1]}-{x[0]}" for x in LATER])
def test_each_versions_layout_is_read(version: int, msgId: str, fields: list[str], request_: Any) -> None:
    payload = "\0".join([msgId, *fields, ""]).encode()

    assert requests.decode(payload, version) == request_


def test_the_filter_that_a_contract_request_adds_is_part_of_the_wanted_contract() -> None:
    read = contracts.ReqContractDetails(9, READ_AAPL, True, "ISIN", "US0378331005", "e1")

    assert read.wanted == Contract(
        symbol="AAPL",
        secType="STK",
        exchange="SMART",
        currency="USD",
        includeExpired=True,
        secIdType="ISIN",
        secId="US0378331005",
        issuerId="e1",
    )
