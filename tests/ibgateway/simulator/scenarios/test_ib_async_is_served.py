"""A real client against the simulator, over TCP: everything that ib_async sends at its start, and for the tools."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator

import pytest
from ib_async import IB, Contract, Forex, LimitOrder, MarketOrder, Option, RequestError, Stock, Trade

from ibgateway.simulator.server.server import Simulator
from tests.waiting import until

ACCOUNT = "DU1234567"


@pytest.fixture
async def ib(sim: Simulator) -> AsyncIterator[IB]:
    client = IB()
    client.RaiseRequestErrors = True
    await client.connectAsync("127.0.0.1", sim.port, clientId=1, timeout=10, raiseSyncErrors=True)
    yield client
    client.disconnect()


async def stock(ib: IB, symbol: str) -> Contract:
    (contract,) = await ib.qualifyContractsAsync(Stock(symbol, "SMART", "USD"))
    assert isinstance(contract, Contract)
    return contract


async def placed(ib: IB, contract: Contract, order: LimitOrder | MarketOrder, *states: str) -> Trade:
    trade = ib.placeOrder(contract, order)
    await until(lambda: trade.orderStatus.status in states, f"{order} is one of {states}")
    return trade


async def test_the_start_up_sync_brings_account_portfolio_and_positions(ib: IB) -> None:
    assert ib.managedAccounts() == [ACCOUNT]
    values = {(one.tag, one.currency): one.value for one in ib.accountValues(ACCOUNT)}
    assert float(values["NetLiquidation", "USD"]) > 0
    assert {one.contract.conId for one in ib.portfolio()} == {one.contract.conId for one in ib.positions()}


async def test_details_of_one_contract(ib: IB) -> None:
    (details,) = await ib.reqContractDetailsAsync(Stock("AAPL", "SMART", "USD"))

    assert details.contract is not None
    assert (details.contract.symbol, details.contract.secType, details.minTick) == ("AAPL", "STK", 0.01)
    assert details.contract.conId > 0
    assert "SMART" in details.validExchanges
    assert len(details.marketRuleIds.split(",")) == len(details.validExchanges.split(","))


async def test_an_unknown_symbol_is_error_200(ib: IB) -> None:
    with pytest.raises(RequestError) as refused:
        await ib.reqContractDetailsAsync(Stock("NOSUCH", "SMART", "USD"))

    assert refused.value.code == 200


async def test_a_year_of_daily_bars_ends_at_the_simulators_day(ib: IB) -> None:
    bars = await ib.reqHistoricalDataAsync(await stock(ib, "VTI"), "", "1 Y", "1 day", "TRADES", True)

    assert 245 <= len(bars) <= 255
    assert f"{bars[-1].date:%Y%m%d}" == "20250611"
    assert all(one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high for one in bars)


async def test_bars_that_are_kept_up_to_date_grow(sim: Simulator, ib: IB) -> None:
    contract = await stock(ib, "SPY")
    bars = await ib.reqHistoricalDataAsync(contract, "", "1800 S", "1 min", "TRADES", False, keepUpToDate=True)
    before = len(bars)

    sim.skip(120)
    await until(lambda: len(bars) > before, "new bars arrive")

    ib.cancelHistoricalData(bars)


async def test_a_quote_line_ticks_with_what_the_journal_holds(sim: Simulator, ib: IB) -> None:
    ticker = ib.reqMktData(await stock(ib, "SPY"))
    await until(lambda: ticker.bid == ticker.bid and ticker.last == ticker.last, "a first quote")
    first = sim.journal.last
    prices: set[float] = set()
    ticker.updateEvent += lambda one: prices.update(each.price for each in one.ticks)  # several where it was slow

    for _ in range(20):
        sim.skip(1)
        await asyncio.sleep(0.01)

    sent = {float(one.fields[4]) for one in sim.journal.entries("out", 1, after=first) if one.fields[3] in {"1", "2"}}
    await until(lambda: sent <= prices, "every price that the journal holds has arrived")
    assert len(sent) > 2
    assert ticker.bid < ticker.ask


async def test_a_cancelled_line_is_silent(sim: Simulator, ib: IB) -> None:
    contract = await stock(ib, "SPY")
    ib.reqMktData(contract)
    await until(lambda: len(sim.gateway.feeds) == 1, "the line is there")
    ib.cancelMktData(contract)
    await until(lambda: len(sim.gateway.feeds) == 0, "the line is gone")
    after = sim.journal.last

    sim.skip(30)

    assert sim.journal.entries("out", 1, after=after) == []


async def test_a_snapshot_ends(ib: IB) -> None:
    (ticker,) = await asyncio.wait_for(ib.reqTickersAsync(await stock(ib, "SPY")), 10)

    assert 0 < ticker.bid < ticker.ask


async def test_forex_has_quotes_and_no_last(ib: IB) -> None:
    (pair,) = await ib.qualifyContractsAsync(Forex("EURUSD"))
    assert isinstance(pair, Contract)

    (ticker,) = await ib.reqTickersAsync(pair)

    assert 0 < ticker.bid < ticker.ask
    assert math.isnan(ticker.last)


async def test_an_option_line_has_greeks(sim: Simulator, ib: IB) -> None:
    spy = await stock(ib, "SPY")
    chains = await ib.reqSecDefOptParamsAsync("SPY", "", "STK", spy.conId)
    chain = next(one for one in chains if one.exchange == "SMART")
    strike = sorted(chain.strikes)[len(chain.strikes) // 2]
    (call,) = await ib.qualifyContractsAsync(Option("SPY", chain.expirations[2], strike, "C", "SMART"))
    assert isinstance(call, Contract)

    ticker = ib.reqMktData(call)
    await until(lambda: ticker.modelGreeks is not None, "model greeks")

    assert ticker.modelGreeks is not None
    assert 0 <= (ticker.modelGreeks.delta or 0) <= 1
    assert (ticker.modelGreeks.undPrice or 0) > 0


async def test_a_market_order_fills_with_execution_commission_and_position(ib: IB) -> None:
    trade = await placed(ib, await stock(ib, "AAPL"), MarketOrder("BUY", 1, orderRef="ours"), "Filled")
    await until(lambda: trade.fills and trade.fills[0].commissionReport.commission, "the commission")

    (fill,) = trade.fills
    assert (fill.execution.shares, fill.execution.side, fill.execution.orderRef) == (1.0, "BOT", "ours")
    assert fill.execution.permId == trade.order.permId > 0
    (position,) = [one for one in ib.positions() if one.contract.symbol == "AAPL"]
    assert position.position == 1.0
    assert [one.execution.execId for one in await ib.reqExecutionsAsync()] == [fill.execution.execId]


async def test_a_resting_limit_order_is_modified_listed_and_cancelled(ib: IB) -> None:
    contract = await stock(ib, "AAPL")
    trade = await placed(ib, contract, LimitOrder("BUY", 10, 100.0), "Submitted")
    permId = trade.order.permId

    trade.order.lmtPrice = 101.0
    ib.placeOrder(contract, trade.order)
    await until(lambda: trade.log[-1].message == "Modified", "the modification is acknowledged")
    (listed,) = await ib.reqAllOpenOrdersAsync()
    assert (listed.order.lmtPrice, listed.order.permId) == (101.0, permId)

    ib.cancelOrder(trade.order)
    await until(lambda: trade.orderStatus.status == "Cancelled", "the order is cancelled")
    assert await ib.reqAllOpenOrdersAsync() == []
    completed = await ib.reqCompletedOrdersAsync(False)
    assert [(one.order.permId, one.orderStatus.status) for one in completed] == [(permId, "Cancelled")]


async def test_a_preview_tells_margins_and_places_nothing(sim: Simulator, ib: IB) -> None:
    state = await asyncio.wait_for(ib.whatIfOrderAsync(await stock(ib, "AAPL"), MarketOrder("BUY", 100)), 10)

    assert float(state.initMarginChange) > 0
    assert await ib.reqAllOpenOrdersAsync() == []
    assert sim.journal.orders() == []
    assert len(sim.journal.entries("in", 3)) == 1


async def test_account_summary_and_pnl(ib: IB) -> None:
    summary = {one.tag: one.value for one in await ib.accountSummaryAsync(ACCOUNT)}
    contract = ib.positions()[0].contract
    pnl = ib.reqPnL(ACCOUNT)
    single = ib.reqPnLSingle(ACCOUNT, "", contract.conId)
    await until(lambda: pnl.dailyPnL == pnl.dailyPnL and single.value == single.value, "profit and loss")

    assert float(summary["NetLiquidation"]) > 0
    assert single.position == ib.positions()[0].position


async def test_what_follows_the_account_tells_of_a_fill(ib: IB) -> None:
    before = {one.contract.conId for one in ib.portfolio()}
    contract = await stock(ib, "AAPL")
    assert contract.conId not in before

    await placed(ib, contract, MarketOrder("BUY", 1), "Filled")

    await until(lambda: contract.conId in {one.contract.conId for one in ib.portfolio()}, "the portfolio's item")


async def test_a_drop_and_a_new_connection_find_the_same_orders(sim: Simulator, ib: IB) -> None:
    trade = await placed(ib, await stock(ib, "AAPL"), LimitOrder("BUY", 10, 100.0), "Submitted")
    permId = trade.order.permId
    used = trade.order.orderId

    sim.fault("reset")
    await until(lambda: not ib.isConnected(), "the client has noticed")
    await ib.connectAsync("127.0.0.1", sim.port, clientId=1, timeout=10, raiseSyncErrors=True)

    assert [one.order.permId for one in ib.openTrades()] == [permId]
    assert ib.client.getReqId() > used
