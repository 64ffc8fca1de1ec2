"""The layouts of a gateway's frames fit what it prints, at every version."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.recorder.layouts.replies import REPLIES
from ibgateway.simulator.model.account import AccountPosition, AccountValue, PortfolioItem, PositionPnL
from ibgateway.simulator.model.contracts import BondDetails, Contract, ContractDetails
from ibgateway.simulator.model.market_data import BidAsk, Trade
from ibgateway.simulator.model.orders import CommissionReport, Execution, OrderStatus
from ibgateway.simulator.wire.messages import account, contracts, history, market_data, orders, research, session
from ibgateway.simulator.wire.names import SERVER
from tests.stacks.ibgateway.recorded_lines import named

VERSIONS = range(157, 201)
AAPL = Contract(265598, "AAPL", "STK", exchange="SMART", currency="USD")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_layouts_fit_executions_errors_and_contracts(version: int) -> None:
    execution = Execution(
        7, 42, AAPL, "e.01.01", 1749652200.0, "DU7", "IEX", "BOT", Decimal(1), 1.0, 9001, 0, Decimal(1), 1.0, "mine"
    )
    details = ContractDetails(AAPL, "NMS", 0.01, "LMT", "SMART", secIdList=(("ISIN", "US"),), stockType="COMMON")
    bond = BondDetails(cusip="912810", coupon=4.5)

    executed = named(REPLIES, version, orders.exec_details(version, 8, execution, "US/Eastern", "US/Eastern"))
    failed = named(REPLIES, version, session.error(version, 8, 200, "unknown", 1.0))
    found = named(REPLIES, version, contracts.contract_details(version, 8, details))
    lent = named(REPLIES, version, contracts.bond_details(version, 8, details, bond))

    assert (executed["reqId"], executed["execId"], executed["acctNumber"]) == ("8", "e.01.01", "DU7")
    assert (executed["permId"], executed["orderRef"]) == ("9001", "mine")
    assert (failed["id"], failed["errorCode"], failed["errorString"]) == ("8", "200", "unknown")
    assert (found["reqId"], found["conId"], found["stockType"]) == ("8", "265598", "COMMON")
    assert (lent["reqId"], lent["cusip"], lent["conId"]) == ("8", "912810", "265598")


AT = 1749652200.0
# What the gateway prints at version 200, and the fields by name, the message id left out.
PRINTED: list[tuple[bytes, str]] = [
    (
        orders.order_status(OrderStatus(3, 42, "Filled", Decimal(1), Decimal(2), 4.5, 9001, 41, 4.25, "child", 7.0)),
        "orderId 42 status Filled filled 1 remaining 2 avgFillPrice 4.5 permId 9001 parentId 41 lastFillPrice 4.25 "
        "clientId 3 whyHeld child mktCapPrice 7",
    ),
    (
        session.error(200, 8, 200, "no", AT, "{}"),
        "id 8 errorCode 200 errorString no advancedOrderRejectJson {} errorTime 1749652200000",
    ),
    (
        orders.commission_report(CommissionReport(3, "e.1", 1.5, "USD", 2.5)),
        "version 1 execId e.1 commission 1.5 currency USD realizedPNL 2.5 yield 1.7976931348623157E308 "
        "yieldRedemptionDate -",
    ),
    (
        account.account_value(AccountValue("DU7", "SMA", "5", "USD")),
        "version 2 tag SMA value 5 currency USD account DU7",
    ),
    (
        account.account_summary(8, AccountValue("DU7", "SMA", "5", "USD")),
        "version 1 reqId 8 account DU7 tag SMA value 5 currency USD",
    ),
    (
        account.account_update_multi(8, AccountValue("DU7", "SMA", "5", "USD"), "m"),
        "version 1 reqId 8 account DU7 modelCode m tag SMA value 5 currency USD",
    ),
    (
        account.portfolio_value(PortfolioItem("DU7", AAPL, Decimal(5), 2.5, 12.5, 2.25, 1.25, 0.5)),
        "version 8 conId 265598 symbol AAPL secType STK lastTradeDateOrContractMonth - strike 0.0 right 0 multiplier - "
        "primaryExchange - currency USD localSymbol - tradingClass - position 5 marketPrice 2.5 marketValue 12.5 "
        "averageCost 2.25 unrealizedPNL 1.25 realizedPNL 0.5 account DU7",
    ),
    (
        account.position_multi(8, AccountPosition("DU7", AAPL, Decimal(5), 2.25), "m"),
        "version 1 reqId 8 account DU7 conId 265598 symbol AAPL secType STK lastTradeDateOrContractMonth - strike 0.0 "
        "right - multiplier - exchange - currency USD localSymbol - tradingClass - position 5 avgCost 2.25 modelCode m",
    ),
    (
        account.pnl_single(8, PositionPnL(Decimal(5), 1.0, 2.0, 3.0, 4.0)),
        "reqId 8 pos 5 dailyPnL 1.0 unrealizedPnL 2.0 realizedPnL 3.0 value 4.0",
    ),
    (account.account_time(AT, "US/Eastern"), "version 1 timeStamp 10:30"),
    (session.managed_accounts(["DU7"]), "version 1 accountsList DU7"),
    (session.next_valid_id(42), "version 1 orderId 42"),
    (session.current_time(AT), "version 1 time 1749652200"),
    (session.user_info(8, "w"), "reqId 8 whiteBrandingId w"),
    (session.display_group_updated(8, "c"), "version 1 reqId 8 contractInfo c"),
    (
        market_data.head(1, 8) + market_data.price_tail(4, 2.5, "100", 1),
        "version 6 reqId 8 tickType 4 price 2.5 size 100 attrMask 1",
    ),
    (market_data.head(46, 8) + market_data.string_tail(45, "now"), "version 6 reqId 8 tickType 45 value now"),
    (
        market_data.tick_req_params(8, 0.01, "9c0001", 3),
        "reqId 8 minTick 0.01 bboExchange 9c0001 snapshotPermissions 3",
    ),
    (
        market_data.tick_by_tick_last(8, 1, Trade(AT, 2.5, Decimal(100), "IEX", conditions="T"), 2),
        "reqId 8 tickType 1 time 1749652200 price 2.50 size 100 attrMask 0 exchange IEX specialConditions T",
    ),
    (
        market_data.tick_by_tick_bid_ask(8, BidAsk(AT, 2.5, Decimal(1), 2.6, Decimal(2)), 2),
        "reqId 8 tickType 3 time 1749652200 bidPrice 2.50 askPrice 2.60 bidSize 1 askSize 2 attrMask 0",
    ),
    (history.head_timestamp(8, AT, 2), "reqId 8 headTimestamp 1749652200"),
    (research.historical_news_end(8, True), "reqId 8 hasMore 1"),
    (
        research.news_bulletin(7, 1, "t", "NYSE"),
        "version 1 bulletinId 7 bulletinType 1 bulletinText t bulletinExchange NYSE",
    ),
]


@pytest.mark.parametrize(("payload", "fields"), PRINTED, ids=[REPLIES[int(p.split(b"\0")[0])].name for p, _ in PRINTED])
def test_each_field_that_a_gateway_prints_has_its_name(payload: bytes, fields: str) -> None:
    pairs = fields.split()

    found = named(REPLIES, 200, payload)

    found.pop("msgId")
    assert found == dict(zip(pairs[::2], ("" if each == "-" else each for each in pairs[1::2]), strict=True))


def test_every_message_that_the_simulator_sends_has_a_layout() -> None:
    assert set(SERVER.values()) <= set(REPLIES)
