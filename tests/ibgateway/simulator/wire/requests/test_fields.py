"""Requests as real clients send them: ib_async's own encoder, and frames of the official clients written by hand."""

from __future__ import annotations

from typing import Any

import pytest
from ib_async import (
    ComboLeg,
    Contract,
    DeltaNeutralContract,
    ExecutionFilter,
    Option,
    ScannerSubscription,
    Stock,
    TagValue,
    WshEventData,
)

from ibgateway.simulator.model import values
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.requests import account, contracts, history, market_data, orders, research, session
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async

AAPL = Stock("AAPL", "SMART", "USD")
CALL = Option("AAPL", "20250620", 200.0, "C", "SMART")
READ_AAPL = values.Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
READ_CALL = values.Contract(
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
    ("cancelOrder", (7, ""), orders.CancelOrder(7)),
    ("reqGlobalCancel", (), orders.ReqGlobalCancel()),
    ("reqOpenOrders", (), orders.ReqOpenOrders()),
    ("reqAllOpenOrders", (), orders.ReqAllOpenOrders()),
    ("reqAutoOpenOrders", (True,), orders.ReqAutoOpenOrders(True)),
    ("reqCompletedOrders", (False,), orders.ReqCompletedOrders(False)),
    (
        "reqExecutions",
        (7, ExecutionFilter(symbol="AAPL")),
        orders.ReqExecutions(7, values.ExecutionFilter(symbol="AAPL")),
    ),
    (
        "exerciseOptions",
        (7, CALL, 1, 2, "DU1", False),
        orders.ExerciseOptions(7, READ_CALL, 1, 2, "DU1", False),
    ),
]


@pytest.mark.parametrize(("method", "arguments", "request_"), SENT, ids=[one[0] for one in SENT])
def test_what_ib_async_sends_is_read_as_it_is_meant(method: str, arguments: tuple[Any, ...], request_: Any) -> None:
    assert requests.decode(sent_by_ib_async(178, method, *arguments), 178) == request_


def test_a_combo_is_read_with_its_legs_and_a_delta_neutral_contract() -> None:
    spread = Contract(symbol="AAPL", secType="BAG", currency="USD", exchange="SMART")
    spread.comboLegs = [ComboLeg(1, 1, "BUY", "SMART"), ComboLeg(2, 3, "SELL", "CBOE")]
    spread.deltaNeutralContract = DeltaNeutralContract(265598, 0.5, 201.0)

    read = requests.decode(sent_by_ib_async(178, "reqMktData", 7, spread, "", False, False, []), 178).contract

    assert read.comboLegs == (values.ComboLeg(1, 1, "BUY", "SMART"), values.ComboLeg(2, 3, "SELL", "CBOE"))
    assert read.deltaNeutralContract == values.DeltaNeutralContract(265598, 0.5, 201.0)


def test_a_combos_history_is_read_with_its_legs() -> None:
    spread = Contract(symbol="AAPL", secType="BAG", comboLegs=[ComboLeg(1, 1, "BUY", "SMART")])
    sent = sent_by_ib_async(178, "reqHistoricalData", 7, spread, "", "1 D", "1 hour", "TRADES", 0, 2, True, [])

    read = requests.decode(sent, 178)

    assert read.asked.contract.comboLegs == (values.ComboLeg(1, 1, "BUY", "SMART"),)
    assert (read.asked.useRTH, read.asked.formatDate, read.keepUpToDate) == (False, 2, True)


def test_a_scanners_limits_and_filters_are_read() -> None:
    scan = ScannerSubscription(numberOfRows=5, instrument="STK", locationCode="STK.US", scanCode="HOT_BY_VOLUME")
    scan.abovePrice, scan.aboveVolume, scan.marketCapAbove = 5.0, 1000, 1e9
    sent = sent_by_ib_async(178, "reqScannerSubscription", 7, scan, [], [TagValue("volumeAbove", "10")])

    assert requests.decode(sent, 178).query == values.ScannerQuery(
        5, "STK", "STK.US", "HOT_BY_VOLUME", 5.0, None, 1000, 1e9, None, (("volumeAbove", "10"),)
    )


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
        orders.ReqExecutions(9, values.ExecutionFilter()),
    ),
    (
        200,
        "7",
        ["3", "9", "0", "", "", "", "", "", "BUY", "7", "2", "20250610", "20250611"],
        orders.ReqExecutions(
            9, values.ExecutionFilter(side="BUY", lastNDays=7, specificDates=("20250610", "20250611"))
        ),
    ),
    (
        200,
        "21",
        "2 9 0 AAPL OPT 20250620 200.0 C - SMART - - - 1 2 DU1 0 - - 0".replace("-", "").split(" "),
        orders.ExerciseOptions(9, READ_CALL, 1, 2, "DU1", False),
    ),
    (
        175,
        "9",
        ["8", "9", "0", "AAPL", "STK", "", "", "", "", "SMART", "", "USD", "", "", "0", "ISIN", "US0378331005"],
        contracts.ReqContractDetails(9, READ_AAPL, False, "ISIN", "US0378331005"),
    ),
    (170, "102", ["9", "265598"], research.ReqWshEventData(9, 265598)),
    (172, "102", ["9", "2147483647", "f", "0", "1", "0"], research.ReqWshEventData(9, None, "f", False, True)),
    (200, "105", [], session.ReqCurrentTimeInMillis()),
    (
        200,
        "54",
        ["3", "9", "0", "AAPL", "OPT", "20250620", "200.0", "C", "", "SMART", "", "", "", "", "5.25", "201.5", ""],
        contracts.CalculateImpliedVolatility(9, READ_CALL, 5.25, 201.5, ()),
    ),
]


@pytest.mark.parametrize(("version", "msgId", "fields", "request_"), LATER, ids=[f"{x[1]}-{x[0]}" for x in LATER])
def test_each_versions_layout_is_read(version: int, msgId: str, fields: list[str], request_: Any) -> None:
    payload = "\0".join([msgId, *fields, ""]).encode()

    assert requests.decode(payload, version) == request_


def test_the_filter_that_a_contract_request_adds_is_part_of_the_wanted_contract() -> None:
    read = contracts.ReqContractDetails(9, READ_AAPL, True, "ISIN", "US0378331005", "e1")

    assert read.wanted == values.Contract(
        symbol="AAPL",
        secType="STK",
        exchange="SMART",
        currency="USD",
        includeExpired=True,
        secIdType="ISIN",
        secId="US0378331005",
        issuerId="e1",
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0",
        b"x\0",
        b"49",  # no zero byte at the end
        b"49\0",  # no version
        b"49\x001\x001\0",  # one field too many
        b"8\x001\0x\0",  # not a number
        b"61\x001\0\xff\xfe\0",  # not UTF-8
        b"7\x003\x009\x000\0\0\0\0\0\0",  # one field too few
        b"7\x009\x000\0\0\0\0\0\0\0" + b"7\x00999999\0",  # a count of a million
    ],
)
def test_a_frame_whose_fields_are_not_its_messages_is_refused(payload: bytes) -> None:
    with pytest.raises(requests.BadFields):
        requests.decode(payload, 200, strict=True)


@pytest.mark.trial("F4")
def test_fields_that_are_missing_at_the_end_are_unset() -> None:
    short = requests.decode(b"7\x003\x009\x000\0\0\0\0\0\0", 200)
    half = requests.decode(b"1\x0011\x007\x000\0SPY\0STK\0", 200)

    assert (short.filter.clientId, short.filter.exchange) == (0, "")
    assert (half.reqId, half.contract.symbol, half.contract.exchange, half.snapshot) == (7, "SPY", "", False)


@pytest.mark.trial("F4")
@pytest.mark.parametrize("payload", [b"49\0", b"8\x001\0x\0", b"49\x001\x001\0"])
def test_a_frame_without_any_field_or_with_a_bad_one_is_refused(payload: bytes) -> None:
    with pytest.raises(requests.BadFields):
        requests.decode(payload, 200)


def test_a_refused_frame_names_its_request_where_it_can() -> None:
    with pytest.raises(requests.BadFields) as refused:
        requests.decode(b"91\x00\0", 200)
    assert refused.value.reqId == -1
    with pytest.raises(requests.BadFields) as refused:
        requests.decode(b"88\x0042\0nonsense\0", 200)
    assert (refused.value.msgId, refused.value.reqId) == (88, 42)


def test_an_unknown_message_id_is_told_apart() -> None:
    with pytest.raises(requests.UnknownMessage, match="250"):
        requests.decode(b"250\0", 200)
