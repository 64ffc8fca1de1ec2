"""Run by the interpreter of an environment that has some release of `ibapi`: its whole request set, one line each.

python -m tests.ibgateway.simulator.clients.official PORT [VERSION]   prints {"op", "got", "problem"} for each operation

With a version, the client offers no higher one: so one release shows every layout that the simulator speaks.
"""

from __future__ import annotations

import inspect
import sys
from functools import partial
from typing import Any

from ibapi import client as ibapi_client  # type: ignore[import-not-found]
from ibapi.contract import ComboLeg  # type: ignore[import-not-found]
from ibapi.execution import ExecutionFilter  # type: ignore[import-not-found]
from ibapi.order_condition import PriceCondition  # type: ignore[import-not-found]
from ibapi.scanner import ScannerSubscription  # type: ignore[import-not-found]
from ibapi.wrapper import EWrapper  # type: ignore[import-not-found]

from tests.ibgateway.simulator.clients.official_app import (
    Run,
    contract,
    hear_everything,
    order,
    report,
    watch_leftovers,
)
from tests.ibgateway.simulator.clients.order_types import ORDER_TYPES

SPY, AAPL = contract("STK", "SPY"), contract("STK", "AAPL")
OPTION = contract("OPT", "SPY", right="C", multiplier="100")
TEN_LEVELS = {(position, side) for position in range(10) for side in range(2)}


def reference(run: Run) -> None:
    app, end = run.app, "contractDetailsEnd"

    def details(op: str, what: Any, callback: str = "contractDetails") -> list[Any]:
        def holds(found: list[Any]) -> bool:
            return all(one[1].contract.conId and one[1].longName and one[1].validExchanges for one in found)

        return run.ask(op, callback, lambda i: app.reqContractDetails(i, what), 1, end, holds)

    SPY.conId = details("contract details", SPY)[0][1].contract.conId
    AAPL.conId = details("contract details, second", AAPL)[0][1].contract.conId
    details("contract details, future", contract("FUT", "ES", exchange="CME"))
    details("contract details, forex", contract("CASH", "EUR", exchange="IDEALPRO"))
    details("contract details, index", contract("IND", "SPX", exchange="CBOE"))
    details("contract details, bond", contract("BOND", "US-T", exchange=""), "bondContractDetails")
    run.ask("symbol search", "symbolSamples", lambda i: app.reqMatchingSymbols(i, "app"))
    chain = run.ask(
        "option chain",
        "securityDefinitionOptionParameter",
        lambda i: app.reqSecDefOptParams(i, "SPY", "", "STK", SPY.conId),
        1,
        "securityDefinitionOptionParameterEnd",
        lambda found: all(len(one[5]) >= 10 and len(one[6]) >= 20 for one in found),
    )
    expirations, strikes = sorted(chain[0][5]), sorted(chain[0][6])
    OPTION.lastTradeDateOrContractMonth, OPTION.strike = expirations[2], strikes[len(strikes) // 2]
    OPTION.conId = details("contract details, option", OPTION)[0][1].contract.conId
    rule = run.ask("market rule", "marketRule", lambda i: app.reqMarketRule(26), holds=lambda found: found[0][1])
    assert rule[0][1][0].increment == 0.01
    full = (lambda found: len(found[0][1]) > 5), (lambda found: len(found[0][0]) > 5)
    run.ask("smart components", "smartComponents", lambda i: app.reqSmartComponents(i, "9c0001"), holds=full[0])
    run.ask("depth exchanges", "mktDepthExchanges", lambda i: app.reqMktDepthExchanges(), holds=full[1])
    run.ask("family codes", "familyCodes", lambda i: app.reqFamilyCodes(), holds=lambda found: found[0][0])
    run.ask("soft dollar tiers", "softDollarTiers", lambda i: app.reqSoftDollarTiers(i))
    run.ask("current time", "currentTime", lambda i: app.reqCurrentTime())
    if app.serverVersion() >= 197:
        run.ask("current time in millis", "currentTimeInMillis", lambda i: app.reqCurrentTimeInMillis())
    if app.serverVersion() >= 167:
        run.ask("user info", "userInfo", lambda i: app.reqUserInfo(i))
    run.ask("ids", "nextValidId", lambda i: app.reqIds(1))
    run.ask("managed accounts", "managedAccounts", lambda i: app.reqManagedAccts())
    run.ask("display groups", "displayGroupList", lambda i: app.queryDisplayGroups(i))
    run.ask("display group events", "displayGroupUpdated", lambda i: app.subscribeToGroupEvents(i, 1))
    run.ask("display group update", "displayGroupUpdated", lambda i: app.updateDisplayGroup(i - 1, "8314@SMART"))
    run.ask("advisor's groups", "receiveFA", lambda i: app.requestFA(1))
    run.ask("advisor's groups, replaced", "replaceFAEnd", lambda i: app.replaceFA(i, 1, "<ListOfGroups/>"))


def market_data(run: Run) -> None:
    app = run.app
    app.reqMarketDataType(1)
    run.ask("quotes", "tickPrice", lambda i: app.reqMktData(i, SPY, "", False, False, []), 8)
    run.ask("quotes, cancelled", "error", lambda i: (app.cancelMktData(i - 1), app.cancelMktData(i - 1)))
    run.ask(
        "quotes, snapshot", "tickPrice", lambda i: app.reqMktData(i, SPY, "", True, False, []), 3, "tickSnapshotEnd"
    )
    generics = "100,101,104,106,165,221,225,233,236,293,294,295,318,411,456,595"
    run.ask("quotes, generic ticks", "tickGeneric", lambda i: app.reqMktData(i, SPY, generics, False, False, []), 4)
    run.ask(
        "option quotes with greeks",
        "tickOptionComputation",
        lambda i: app.reqMktData(i, OPTION, "", False, False, []),
        4,
        holds=lambda found: all(0 < one[4] < 1 and one[-1] > 0 for one in found),
    )
    run.ask(
        "depth",
        "updateMktDepth",
        lambda i: app.reqMktDepth(
            i, contract("FUT", "ES", exchange="CME", lastTradeDateOrContractMonth="202509"), 10, False, []
        ),
        20,
        holds=lambda found: {(one[1], one[3]) for one in found} == TEN_LEVELS,
    )
    run.ask(
        "smart depth",
        "updateMktDepthL2",
        lambda i: app.reqMktDepth(i, SPY, 10, True, []),
        20,
        holds=lambda found: {(one[1], one[4]) for one in found} == TEN_LEVELS,
    )
    for kind, callback in (
        ("Last", "tickByTickAllLast"),
        ("AllLast", "tickByTickAllLast"),
        ("BidAsk", "tickByTickBidAsk"),
        ("MidPoint", "tickByTickMidPoint"),
    ):
        run.ask(f"tick by tick, {kind}", callback, partial(_tick_by_tick, app, kind), 2)
    run.ask("real-time bars", "realtimeBar", lambda i: app.reqRealTimeBars(i, SPY, 5, "TRADES", False, []))
    run.ask(
        "implied volatility",
        "tickOptionComputation",
        lambda i: app.calculateImpliedVolatility(i, OPTION, 5.0, 375.0, []),
    )
    run.ask("option price", "tickOptionComputation", lambda i: app.calculateOptionPrice(i, OPTION, 0.3, 375.0, []))


def history(run: Run) -> None:
    app, end = run.app, "historicalDataEnd"

    def bars(op: str, least: int, keep: bool, *asked: Any) -> None:
        def holds(found: list[Any]) -> bool:
            return len(found) <= most and all(one.low <= min(one.open, one.close) <= one.high for _, one in found)

        most = 2 * least
        run.ask(
            op, "historicalData", lambda i: app.reqHistoricalData(i, SPY, "", *asked, 1, keep, []), least, end, holds
        )

    bars("history, days", 240, False, "1 Y", "1 day", "TRADES", 1)
    bars("history, minutes", 60, False, "1 D", "1 min", "TRADES", 1)
    bars("history, midpoints", 60, False, "1 D", "1 min", "MIDPOINT", 1)
    bars("history, kept up to date", 60, True, "3600 S", "1 min", "TRADES", 0)
    run.ask("history, its update", "historicalDataUpdate", lambda i: None)
    if app.serverVersion() >= 165:
        run.ask(
            "schedule",
            "historicalSchedule",
            lambda i: app.reqHistoricalData(i, SPY, "", "1 M", "1 day", "SCHEDULE", 1, 1, False, []),
        )
    run.ask("head timestamp", "headTimestamp", lambda i: app.reqHeadTimeStamp(i, SPY, "TRADES", 1, 1))
    run.ask(
        "histogram",
        "histogramData",
        lambda i: app.reqHistogramData(i, SPY, True, "3 days"),
        holds=lambda found: len(found[0][1]) > 100,
    )
    for what, callback in (
        ("TRADES", "historicalTicksLast"),
        ("BID_ASK", "historicalTicksBidAsk"),
        ("MIDPOINT", "historicalTicks"),
    ):
        run.ask(
            f"historical ticks, {what}",
            callback,
            partial(_past_ticks, app, what),
            holds=lambda found: 50 <= len(found[0][1]) < 100,
        )


def _tick_by_tick(app: Any, kind: str, reqId: int) -> None:
    app.reqTickByTickData(reqId, SPY, kind, 0, False)


def _past_ticks(app: Any, what: str, reqId: int) -> None:
    app.reqHistoricalTicks(reqId, SPY, "20250611 10:00:00 US/Eastern", "", 50, what, 1, True, [])


def account(run: Run) -> None:
    app, name = run.app, "DU1234567"
    tags = "NetLiquidation,BuyingPower,$LEDGER"
    run.ask(
        "account summary", "accountSummary", lambda i: app.reqAccountSummary(i, "All", tags), 3, "accountSummaryEnd"
    )
    run.ask(
        "account updates", "updateAccountValue", lambda i: app.reqAccountUpdates(True, name), 20, "accountDownloadEnd"
    )
    run.ask(
        "account updates multi",
        "accountUpdateMulti",
        lambda i: app.reqAccountUpdatesMulti(i, name, "", False),
        20,
        "accountUpdateMultiEnd",
    )
    run.ask("positions", "position", lambda i: app.reqPositions(), 1, "positionEnd")
    run.ask("positions multi", "positionMulti", lambda i: app.reqPositionsMulti(i, name, ""), 1, "positionMultiEnd")
    run.ask("pnl", "pnl", lambda i: app.reqPnL(i, name, ""))
    run.ask("pnl single", "pnlSingle", lambda i: app.reqPnLSingle(i, name, "", SPY.conId))


def order_types(run: Run) -> None:
    """Each is accepted, and shown as it was asked for."""
    for name, fields in ORDER_TYPES.items():
        asked = order("BUY", 1, **fields)

        def holds(found: list[Any], asked: Any = asked) -> bool:
            shown, state = found[0][2], found[0][3]
            return (shown.orderType, shown.tif) == (asked.orderType, asked.tif or "DAY") and state.status != "Inactive"

        send = partial(_place, run, asked)
        run.ask(f"order type, {name}", "openOrder", send, holds=holds, about=lambda told: told[0] == run.orderId)


def _place(run: Run, asked: Any, _: int) -> None:
    run.app.placeOrder(run.next_order(), AAPL, asked)


def orders(run: Run) -> None:
    app = run.app
    market = order("BUY", 2, "MKT", orderRef="ours")
    run.ask(
        "order, filled",
        "commissionReport" if hasattr(EWrapper, "commissionReport") else "commissionAndFeesReport",
        lambda i: app.placeOrder(run.next_order(), AAPL, market),
    )
    limit = order("BUY", 10, "LMT", lmtPrice=100.0, tif="GTC")
    run.ask("order, resting", "orderStatus", lambda i: app.placeOrder(run.next_order(), AAPL, limit), 2)
    limit.lmtPrice = 101.0
    run.ask("order, modified", "openOrder", lambda i: app.placeOrder(run.orderId, AAPL, limit))
    run.ask("order, cancelled", "orderStatus", lambda i: _cancel(app, run.orderId))
    run.ask(
        "preview", "openOrder", lambda i: app.placeOrder(run.next_order(), AAPL, order("BUY", 100, "MKT", whatIf=True))
    )
    run.ask(
        "trailing stop",
        "openOrder",
        lambda i: app.placeOrder(run.next_order(), AAPL, order("SELL", 1, "TRAIL", trailingPercent=5.0)),
    )
    _bracket(run)
    conditional = order("BUY", 1, "LMT", lmtPrice=100.0, conditions=[_condition()])
    run.ask("conditional order", "openOrder", lambda i: app.placeOrder(run.next_order(), AAPL, conditional))
    run.ask(
        "combo",
        "openOrder",
        lambda i: app.placeOrder(run.next_order(), _combo(), order("BUY", 1, "LMT", lmtPrice=-300.0)),
    )
    run.ask("open orders", "openOrder", lambda i: app.reqOpenOrders(), 3, "openOrderEnd")
    run.ask("all open orders", "openOrder", lambda i: app.reqAllOpenOrders(), 3, "openOrderEnd")
    run.ask("executions", "execDetails", lambda i: app.reqExecutions(i, ExecutionFilter()), 1, "execDetailsEnd")
    run.ask("all cancelled", "orderStatus", lambda i: _global_cancel(app), 3)
    run.ask("completed orders", "completedOrder", lambda i: app.reqCompletedOrders(False), 3, "completedOrdersEnd")
    run.ask("option bought", "execDetails", lambda i: app.placeOrder(run.next_order(), OPTION, order("BUY", 1, "MKT")))
    run.ask("option exercised", "position", lambda i: _exercise(app, run))


def _exercise(app: Any, run: Run) -> None:
    extra = ("", "", False) if "customerAccount" in inspect.signature(app.exerciseOptions).parameters else ()
    app.exerciseOptions(run.next_order(), OPTION, 1, 1, "DU1234567", 1, *extra)


def _cancel(app: Any, orderId: int) -> None:
    try:
        from ibapi.order_cancel import OrderCancel  # type: ignore[import-not-found]  # noqa: PLC0415 - newer ones only

        app.cancelOrder(orderId, OrderCancel())
    except ImportError:
        app.cancelOrder(orderId)


def _global_cancel(app: Any) -> None:
    try:
        from ibapi.order_cancel import OrderCancel  # noqa: PLC0415 - newer releases only

        app.reqGlobalCancel(OrderCancel())
    except ImportError:
        app.reqGlobalCancel()


def _bracket(run: Run) -> None:
    app, parent = run.app, run.next_order()

    def send(_: int) -> None:
        app.placeOrder(parent, AAPL, order("BUY", 1, "LMT", lmtPrice=100.0, transmit=False))
        app.placeOrder(run.next_order(), AAPL, order("SELL", 1, "LMT", lmtPrice=900.0, parentId=parent, transmit=False))
        app.placeOrder(run.next_order(), AAPL, order("SELL", 1, "STP", auxPrice=90.0, parentId=parent))

    run.ask("bracket", "openOrder", send, 3)


def _condition() -> Any:
    made = PriceCondition(2, SPY.conId, "SMART", True, 1000.0)
    made.isConjunctionConnection = True
    return made


def _combo() -> Any:
    made = contract("BAG", "SPY")
    made.comboLegs = []
    for conId, action in ((SPY.conId, "BUY"), (AAPL.conId, "SELL")):
        leg = ComboLeg()
        leg.conId, leg.ratio, leg.action, leg.exchange = conId, 1, action, "SMART"
        made.comboLegs.append(leg)
    return made


def research(run: Run) -> None:
    app = run.app
    run.ask("scanner parameters", "scannerParameters", lambda i: app.reqScannerParameters())
    scan = ScannerSubscription()
    scan.instrument, scan.locationCode, scan.scanCode = "STK", "STK.US.MAJOR", "TOP_PERC_GAIN"
    scan.numberOfRows = 10
    run.ask(
        "scanner",
        "scannerData",
        lambda i: app.reqScannerSubscription(i, scan, [], []),
        10,
        "scannerDataEnd",
        lambda found: [one[1] for one in found] == [*range(10)] and all(one[2].contract.symbol for one in found),
    )
    providers = run.ask("news providers", "newsProviders", lambda i: app.reqNewsProviders())
    codes = "+".join(one.code for one in providers[0][0])
    news = run.ask(
        "historical news",
        "historicalNews",
        lambda i: app.reqHistoricalNews(i, AAPL.conId, codes, "", "", 10, []),
        1,
        "historicalNewsEnd",
    )
    run.ask("news article", "newsArticle", lambda i: app.reqNewsArticle(i, news[0][2], news[0][3], []))
    run.ask("news bulletins", "updateNewsBulletin", lambda i: app.reqNewsBulletins(True))
    if hasattr(app, "reqFundamentalData"):
        run.ask("fundamentals", "fundamentalData", lambda i: app.reqFundamentalData(i, AAPL, "ReportSnapshot", []))
    if app.serverVersion() >= 161 and hasattr(app, "reqWshMetaData"):
        from ibapi.common import WshEventData  # type: ignore[import-not-found]  # noqa: PLC0415 - newer releases only

        run.ask("wsh metadata", "wshMetaData", lambda i: app.reqWshMetaData(i))
        event = WshEventData()
        event.conId = AAPL.conId
        run.ask("wsh events", "wshEventData", lambda i: app.reqWshEventData(i, event))


def main(port: int, highest: int | None) -> None:
    if highest is not None:
        ibapi_client.MAX_CLIENT_VER = highest
    hear_everything()
    watch_leftovers()
    run = Run(port)
    run.ask("start", "nextValidId", lambda _: None)
    for part in (reference, market_data, history, account, orders, order_types, research):
        try:
            part(run)
        except Exception as error:  # noqa: BLE001 - one part's failure must not hide the others
            report(part.__name__, 0, f"{type(error).__name__}: {error}")
    run.app.disconnect()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
