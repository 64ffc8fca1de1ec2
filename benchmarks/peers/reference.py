"""A reference of our own: FastMCP and ib_async in one process, nothing between them, and no durable record.

Contracts and, for 15 s, bars are kept: TWS refuses an identical historical request within that time.
"""

import asyncio
import os
import time
from typing import Any

import ib_async
from fastmcp import FastMCP

IDENTICAL_S = 15.0
ORDER_S = 10.0
WORKING = frozenset({"PreSubmitted", "Submitted", *ib_async.OrderStatus.DoneStates})

ib = ib_async.IB()
mcp: FastMCP[None] = FastMCP("reference")
details: dict[str, ib_async.ContractDetails] = {}
bars: dict[tuple[str, str, str], tuple[float, list[ib_async.BarData]]] = {}


@mcp.tool
async def positions() -> list[ib_async.Position]:
    return ib.positions()


@mcp.tool
async def contract_details(symbol: str) -> ib_async.ContractDetails:
    if symbol not in details:
        (details[symbol],) = await ib.reqContractDetailsAsync(ib_async.Stock(symbol, "SMART", "USD"))
    return details[symbol]


@mcp.tool
async def historical_data(symbol: str, duration: str, bar_size: str) -> list[dict[str, Any]]:
    at, found = bars.get((symbol, duration, bar_size), (0.0, []))
    if time.monotonic() - at > IDENTICAL_S or not found:
        contract = await stock(symbol)
        found = await ib.reqHistoricalDataAsync(contract, "", duration, bar_size, "TRADES", True)
        bars[symbol, duration, bar_size] = time.monotonic(), found
    return [vars(each) for each in found]


@mcp.tool
async def place_order(symbol: str, action: str, quantity: float, limit: float | None = None) -> dict[str, Any]:
    contract = await stock(symbol)
    order = ib_async.MarketOrder(action, quantity) if limit is None else ib_async.LimitOrder(action, quantity, limit)
    trade = ib.placeOrder(contract, order)
    return await reached(trade, ib_async.OrderStatus.DoneStates if limit is None else WORKING)


@mcp.tool
async def cancel_order(orderId: int) -> dict[str, Any]:
    (trade,) = [each for each in ib.openTrades() if each.order.orderId == orderId]
    ib.cancelOrder(trade.order)
    return await reached(trade, ib_async.OrderStatus.DoneStates)


async def stock(symbol: str) -> ib_async.Contract:
    return (await contract_details(symbol)).contract or ib_async.Stock(symbol, "SMART", "USD")


async def reached(trade: ib_async.Trade, states: frozenset[str] | set[str]) -> dict[str, Any]:
    async with asyncio.timeout(ORDER_S):
        while trade.orderStatus.status not in states:
            await trade.statusEvent
    return {"orderId": trade.order.orderId, "status": trade.orderStatus.status, "filled": trade.orderStatus.filled}


async def main() -> None:
    await ib.connectAsync("127.0.0.1", int(os.environ["GATEWAY_PORT"]), clientId=int(os.environ["CLIENT_ID"]))
    ib.client.MaxRequests = 0  # ib_async's own throttle, which would be all that is measured
    await mcp.run_async(transport="http", host="127.0.0.1", port=int(os.environ["PORT"]), show_banner=False)


if __name__ == "__main__":
    asyncio.run(main())
