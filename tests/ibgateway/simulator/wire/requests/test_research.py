"""Requests about research as real clients send them: ib_async's own encoder, and the official clients' frames."""

from __future__ import annotations

from typing import Any

import pytest
from ib_async import (
    Option,
    ScannerSubscription,
    Stock,
    TagValue,
    WshEventData,
)

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.research import ScannerQuery
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.requests import research
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async

AAPL = Stock("AAPL", "SMART", "USD")
CALL = Option("AAPL", "20250620", 200.0, "C", "SMART")
READ_AAPL = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
READ_CALL = Contract(
    symbol="AAPL", secType="OPT", lastTradeDateOrContractMonth="20250620", strike=200.0, right="C", exchange="SMART"
)

SENT: list[tuple[str, tuple[Any, ...], Any]] = [
    ("cancelScannerSubscription", (7,), research.CancelScannerSubscription(7)),
    ("reqScannerParameters", (), research.ReqScannerParameters()),
    ("reqNewsBulletins", (True,), research.ReqNewsBulletins(True)),
    ("cancelNewsBulletins", (), research.CancelNewsBulletins()),
    ("reqNewsProviders", (), research.ReqNewsProviders()),
    ("reqNewsArticle", (7, "BRFG", "BRFG$1", []), research.ReqNewsArticle(7, "BRFG", "BRFG$1", ())),
    (
        "reqHistoricalNews",
        (7, 265598, "BRFG+DJNL", "", "", 10, []),
        research.ReqHistoricalNews(7, 265598, "BRFG+DJNL", "", "", 10, ()),
    ),
    (
        "reqFundamentalData",
        (7, AAPL, "ReportSnapshot", []),
        research.ReqFundamentalData(7, READ_AAPL, "ReportSnapshot", ()),
    ),
    ("cancelFundamentalData", (7,), research.CancelFundamentalData(7)),
    ("reqWshMetaData", (7,), research.ReqWshMetaData(7)),
    ("cancelWshMetaData", (7,), research.CancelWshMetaData(7)),
    (
        "reqWshEventData",
        (7, WshEventData(filter="{}", startDate="20250101", totalLimit=5)),
        research.ReqWshEventData(7, None, "{}", False, False, False, "20250101", "", 5),
    ),
    ("cancelWshEventData", (7,), research.CancelWshEventData(7)),
]

# (version, fields after the message id, request): the official clients' layouts around each version that changed one.
LATER: list[tuple[int, str, list[str], Any]] = [
    (170, "102", ["9", "265598"], research.ReqWshEventData(9, 265598)),
    (172, "102", ["9", "2147483647", "f", "0", "1", "0"], research.ReqWshEventData(9, None, "f", False, True)),
]


@pytest.mark.parametrize(("method", "arguments", "request_"), SENT, ids=[one[0] for one in SENT])
def test_what_ib_async_sends_is_read_as_it_is_meant(method: str, arguments: tuple[Any, ...], request_: Any) -> None:
    assert requests.decode(sent_by_ib_async(178, method, *arguments), 178) == request_


@pytest.mark.parametrize(("version", "msgId", "fields", "request_"), LATER, ids=[f"{x[1]}-{x[0]}" for x in LATER])
def test_each_versions_layout_is_read(version: int, msgId: str, fields: list[str], request_: Any) -> None:
    payload = "\0".join([msgId, *fields, ""]).encode()

    assert requests.decode(payload, version) == request_


def test_a_scanners_limits_and_filters_are_read() -> None:
    scan = ScannerSubscription(numberOfRows=5, instrument="STK", locationCode="STK.US", scanCode="HOT_BY_VOLUME")
    scan.abovePrice, scan.aboveVolume, scan.marketCapAbove = 5.0, 1000, 1e9
    sent = sent_by_ib_async(178, "reqScannerSubscription", 7, scan, [], [TagValue("volumeAbove", "10")])

    assert requests.decode(sent, 178).query == ScannerQuery(
        5, "STK", "STK.US", "HOT_BY_VOLUME", 5.0, None, 1000, 1e9, None, (("volumeAbove", "10"),)
    )
