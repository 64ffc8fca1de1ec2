"""Run by the interpreter of an environment that has `ib_async` or `ib_insync`: its whole request set, one line each.

python asyncio_clients.py PORT ib_async     prints {"op": …, "got": size, "problem": text or null} a line
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Sized
from typing import Any

from tests.ibgateway.simulator.clients.order_types import ORDER_TYPES

WAIT_S = 15.0
EXPECTED = {202, 300, 399, 10167}  # codes that are no refusal
api: Any = importlib.import_module(sys.argv[2] if len(sys.argv) > 2 else "ib_async")


class Complaints(logging.Handler):
    """What the library logs as an error: that is all that it does with a frame it can't decode."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if not any(f"Error {code}," in text for code in EXPECTED):
            self.texts.append(text[:300])


class Run:
    def __init__(self, ib: Any) -> None:
        self.ib = ib
        self.complaints = Complaints()
        logging.getLogger(api.__name__).addHandler(self.complaints)
        logging.getLogger(api.__name__).propagate = False

    async def ask(self, op: str, asked: Awaitable[Any] | Callable[[], Any], least: int = 1) -> Any:
        """An awaitable's answer, or what a predicate returns once it is true; at least so long, if it has a length."""
        answer, problem = None, None
        try:
            async with asyncio.timeout(WAIT_S):
                answer = await (self._until(asked) if callable(asked) else asked)
        except Exception as error:  # noqa: BLE001 - a client that fails in any way is what this looks for
            problem = f"{type(error).__name__}: {error}"
        got = len(answer) if isinstance(answer, Sized) else int(answer is not None)
        if problem is None and got < least:
            problem = f"{got} instead of {least}"
        if self.complaints.texts:
            problem = "; ".join(self.complaints.texts)
            self.complaints.texts.clear()
        print(json.dumps({"op": op, "got": got, "problem": problem}), flush=True)  # noqa: T201 - a command prints
        return answer

    async def _until(self, predicate: Callable[[], Any]) -> Any:
        while not (found := predicate()):  # noqa: ASYNC110 - what is awaited knows no event
            await asyncio.sleep(0.02)
        return found


def known(number: float) -> bool:
    return number == number


async def _value(value: Any) -> Any:
    return value


async def reference(run: Run) -> dict[str, Any]:
    ib, ask = run.ib, run.ask
    spy, aapl = api.Stock("SPY", "SMART", "USD"), api.Stock("AAPL", "SMART", "USD")
    await ask("contract details", ib.reqContractDetailsAsync(spy))
    await ask("contract details, second", ib.qualifyContractsAsync(spy, aapl), 2)
    await ask("contract details, future", ib.reqContractDetailsAsync(api.Future("ES", exchange="CME")), 2)
    await ask("contract details, forex", ib.reqContractDetailsAsync(api.Forex("EURUSD")))
    await ask("contract details, index", ib.reqContractDetailsAsync(api.Index("SPX", "CBOE")))
    await ask("contract details, bond", ib.reqContractDetailsAsync(api.Contract(secType="BOND", symbol="US-T")))
    await ask("symbol search", ib.reqMatchingSymbolsAsync("app"))
    chains = await ask("option chain", ib.reqSecDefOptParamsAsync("SPY", "", "STK", spy.conId))
    chain = next(one for one in chains if one.exchange == "SMART")
    await ask("option chain, strikes", _value(chain.strikes), 20)
    await ask("option chain, expirations", _value(chain.expirations), 10)
    strike = sorted(chain.strikes)[len(chain.strikes) // 2]
    option = api.Option("SPY", chain.expirations[2], strike, "C", "SMART")
    await ask("contract details, option", ib.qualifyContractsAsync(option))
    await ask("market rule", ib.reqMarketRuleAsync(26))
    await ask("smart components", ib.reqSmartComponentsAsync("9c0001"), 5)
    await ask("depth exchanges", ib.reqMktDepthExchangesAsync(), 5)
    ib.client.reqFamilyCodes()
    await ask("current time", ib.reqCurrentTimeAsync())
    if hasattr(ib, "reqUserInfoAsync"):
        await ask("user info", ib.reqUserInfoAsync(), 0)
    ib.client.reqIds(1)
    ib.client.reqManagedAccts()
    ib.client.queryDisplayGroups(ib.client.getReqId())
    await ask("advisor's groups", ib.requestFAAsync(1))
    return {"spy": spy, "aapl": aapl, "option": option}


async def market_data(run: Run, of: dict[str, Any]) -> None:
    ib, ask, spy = run.ib, run.ask, of["spy"]
    ib.reqMarketDataType(1)
    ticker = ib.reqMktData(spy, "100,101,104,106,165,221,225,233,236,293,294,295,318,411,456,595")
    await ask("quotes", lambda: known(ticker.bid) and known(ticker.last) and known(ticker.close))
    await ask("quotes, generic ticks", lambda: known(ticker.histVolatility) and known(ticker.avVolume))
    await ask("quotes, cancelled", lambda: ib.cancelMktData(spy) is not False)
    await ask("quotes, snapshot", ib.reqTickersAsync(of["aapl"]))
    call = ib.reqMktData(of["option"])
    await ask("option quotes with greeks", lambda: call.modelGreeks and 0 < call.modelGreeks.delta < 1)
    es = (await ib.qualifyContractsAsync(api.Future("ES", "202509", "CME")))[0]
    book = ib.reqMktDepth(es, 10)
    await ask("depth", lambda: len(book.domBids) == len(book.domAsks) == 10)
    smart = ib.reqMktDepth(spy, 10, isSmartDepth=True)
    await ask("smart depth", lambda: len(smart.domBids) == len(smart.domAsks) == 10)
    for kind in ("Last", "AllLast", "BidAsk", "MidPoint"):
        one = ib.reqTickByTickData(spy, kind)
        await ask(f"tick by tick, {kind}", lambda one=one: one.tickByTicks)  # type: ignore[misc]
        ib.cancelTickByTickData(spy, kind)
    bars = ib.reqRealTimeBars(spy, 5, "TRADES", False)
    await ask("real-time bars", lambda: len(bars) > 0)
    await ask("implied volatility", ib.calculateImpliedVolatilityAsync(of["option"], 5.0, 375.0))
    await ask("option price", ib.calculateOptionPriceAsync(of["option"], 0.3, 375.0))


async def history(run: Run, of: dict[str, Any]) -> None:
    ib, ask, spy = run.ib, run.ask, of["spy"]
    await ask("history, days", ib.reqHistoricalDataAsync(spy, "", "1 Y", "1 day", "TRADES", True), 240)
    await ask("history, minutes", ib.reqHistoricalDataAsync(spy, "", "1 D", "1 min", "TRADES", True), 60)
    await ask("history, midpoints", ib.reqHistoricalDataAsync(spy, "", "1 D", "1 min", "MIDPOINT", True), 60)
    bars = await ask(
        "history, kept up to date",
        ib.reqHistoricalDataAsync(spy, "", "3600 S", "1 min", "TRADES", False, keepUpToDate=True),
        60,
    )
    updates: list[Any] = []
    bars.updateEvent += lambda *_: updates.append(1)
    await ask("history, its update", lambda: updates)
    await ask("schedule", ib.reqHistoricalScheduleAsync(spy, 30))
    await ask("head timestamp", ib.reqHeadTimeStampAsync(spy, "TRADES", True, 1))
    await ask("histogram", ib.reqHistogramDataAsync(spy, True, "3 days"), 100)
    for what in ("TRADES", "BID_ASK", "MIDPOINT"):
        asked = ib.reqHistoricalTicksAsync(spy, "20250611 10:00:00 US/Eastern", "", 50, what, True)
        await ask(f"historical ticks, {what}", asked, 50)


async def account(run: Run, of: dict[str, Any]) -> None:
    ib, ask, name = run.ib, run.ask, "DU1234567"
    await ask("account summary", ib.accountSummaryAsync(), 20)
    await ask("account updates", lambda: ib.accountValues(name), 20)
    await ask("positions", ib.reqPositionsAsync(), 1)
    pnl = ib.reqPnL(name)
    await ask("pnl", lambda: known(pnl.dailyPnL))
    single = ib.reqPnLSingle(name, "", of["spy"].conId)
    await ask("pnl single", lambda: known(single.value))


async def orders(run: Run, of: dict[str, Any]) -> None:
    ib, ask, aapl, option = run.ib, run.ask, of["aapl"], of["option"]
    market = ib.placeOrder(aapl, api.MarketOrder("BUY", 2))
    await ask("order, filled", lambda: market.fills and market.fills[0].commissionReport.commission)
    limit = ib.placeOrder(aapl, api.LimitOrder("BUY", 10, 100.0, tif="GTC"))
    await ask("order, resting", lambda: limit.orderStatus.status == "Submitted")
    limit.order.lmtPrice = 101.0
    ib.placeOrder(aapl, limit.order)
    await ask("order, modified", lambda: "Modified" in [one.message for one in limit.log] or len(limit.log) > 3)
    ib.cancelOrder(limit.order)
    await ask("order, cancelled", lambda: limit.orderStatus.status == "Cancelled")
    await ask("preview", ib.whatIfOrderAsync(aapl, api.MarketOrder("BUY", 100)))
    placed = [
        ib.placeOrder(aapl, api.Order(action="SELL", totalQuantity=1, orderType="TRAIL", trailingPercent=5.0)),
        *[ib.placeOrder(aapl, one) for one in ib.bracketOrder("BUY", 1, 100.0, 900.0, 90.0)],
        ib.placeOrder(aapl, _conditional(of["spy"].conId)),
        ib.placeOrder(_combo(of), api.LimitOrder("BUY", 1, -300.0)),
    ]
    names = ("trailing stop", "bracket, parent", "bracket, profit", "bracket, stop", "conditional order", "combo")
    for op, trade in zip(names, placed, strict=True):
        await ask(op, lambda trade=trade: trade.orderStatus.permId)  # type: ignore[misc]
    await ask("open orders", ib.reqOpenOrdersAsync(), 3)
    await ask("all open orders", ib.reqAllOpenOrdersAsync(), 3)
    await ask("executions", ib.reqExecutionsAsync())
    ib.reqGlobalCancel()
    await ask("all cancelled", lambda: not ib.openTrades())
    await ask("completed orders", ib.reqCompletedOrdersAsync(False), 3)
    bought = ib.placeOrder(option, api.MarketOrder("BUY", 1))
    await ask("option bought", lambda: bought.fills)
    ib.exerciseOptions(option, 1, 1, "DU1234567", 1)
    await ask("option exercised", lambda: not [one for one in ib.positions() if one.contract.secType == "OPT"])


async def order_types(run: Run, of: dict[str, Any]) -> None:
    """Each is accepted, and shown as it was asked for."""
    for name, fields in ORDER_TYPES.items():
        trade = run.ib.placeOrder(of["aapl"], api.Order(action="BUY", totalQuantity=1, **fields))
        await run.ask(f"order type, {name}", lambda one=trade: one.orderStatus.permId)  # type: ignore[misc]
    shown = {one.order.permId: one.order for one in await run.ib.reqOpenOrdersAsync()}
    for trade in run.ib.openTrades():
        assert shown[trade.order.permId].orderType == trade.order.orderType
    run.ib.reqGlobalCancel()
    await run.ask("order types, cancelled", lambda: not run.ib.openTrades())


def _conditional(conId: int) -> Any:
    order = api.LimitOrder("BUY", 1, 100.0)
    order.conditions = [api.PriceCondition(conId=conId, exch="SMART", isMore=True, price=1000.0)]
    return order


def _combo(of: dict[str, Any]) -> Any:
    legs = [(of["spy"].conId, "BUY"), (of["aapl"].conId, "SELL")]
    return api.Contract(
        secType="BAG",
        symbol="SPY",
        exchange="SMART",
        currency="USD",
        comboLegs=[api.ComboLeg(conId=conId, ratio=1, action=action, exchange="SMART") for conId, action in legs],
    )


async def research(run: Run, of: dict[str, Any]) -> None:
    ib, ask, conId = run.ib, run.ask, of["aapl"].conId
    await ask("scanner parameters", ib.reqScannerParametersAsync(), 100)
    scan = api.ScannerSubscription(
        instrument="STK", locationCode="STK.US.MAJOR", scanCode="TOP_PERC_GAIN", numberOfRows=10
    )
    await ask("scanner", ib.reqScannerDataAsync(scan), 10)
    providers = await ask("news providers", ib.reqNewsProvidersAsync())
    codes = "+".join(one.code for one in providers)
    news = await ask("historical news", ib.reqHistoricalNewsAsync(conId, codes, "", "", 10))
    first = news[0] if isinstance(news, list) else news
    await ask("news article", ib.reqNewsArticleAsync(first.providerCode, first.articleId))
    ib.reqNewsBulletins(True)
    await ask("news bulletins", lambda: ib.newsBulletins())
    await ask("fundamentals", ib.reqFundamentalDataAsync(of["aapl"], "ReportSnapshot"), 100)
    if hasattr(ib, "getWshMetaDataAsync"):
        await ask("wsh metadata", ib.getWshMetaDataAsync(), 100)
        await ask("wsh events", ib.getWshEventDataAsync(api.WshEventData(conId=conId)), 2)


async def main(port: int) -> None:
    ib = api.IB()
    run = Run(ib)
    await run.ask("start", ib.connectAsync("127.0.0.1", port, clientId=18, timeout=10))
    of = await reference(run)
    for part in (market_data, history, account, orders, order_types, research):
        try:
            await part(run, of)
        except Exception as error:  # noqa: BLE001 - one part's failure must not hide the others
            failure = {"op": part.__name__, "got": 0, "problem": f"{type(error).__name__}: {error}"}
            print(json.dumps(failure), flush=True)  # noqa: T201 - a command prints
    ib.disconnect()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
