"""The calls that each Python client plays, and its report. Standard library alone: an older SDK's environment has
nothing else of the project."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

READ, HISTORY, TICKS = "ibkr_get_contract_details", "ibkr_get_historical_data", "ibkr_stream_market_data"
HANG_UP_S = 1.0
ENDED_WITHIN_S = 5.0

Report = dict[str, Any]


@dataclass
class Heard:
    """The notifications of one call."""

    messages: int = 0
    progress: int = 0

    async def on_progress(self, progress: float, total: float | None, message: str | None) -> None:
        self.progress += 1

    async def on_message(self, params: Any) -> None:
        self.messages += 1


class Connected(Protocol):
    """A connected client of some library."""

    async def tools(self) -> list[dict[str, Any]]: ...

    async def call(self, tool: str, arguments: dict[str, Any], heard: Heard) -> dict[str, Any]: ...


Connect = Callable[[str, str, Heard], AbstractAsyncContextManager[Connected]]  # a URL, an era, who hears messages


@dataclass
class _Caller:
    client: Connected
    heard: Heard = field(default_factory=Heard)

    async def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return await self.client.call(tool, arguments, self.heard)


async def play(connect: Connect, url: str, era: str, key: str) -> Report:
    """Play every call; after the hang-up a second connection reads once more."""
    heard = Heard()
    async with connect(url, era, heard) as client:
        call = _Caller(client, heard)
        report: Report = {"tools": [_promise(tool) for tool in await client.tools()]}
        report["read"] = await call(READ, symbol="NVDA")
        report["wrong"] = await call(READ, symbl="NVDA")
        report["ticks"] = await _ticks(call)
        report |= await _order(call, report["ticks"].pop("bid"), key)
        await _hang_up(call(HISTORY, symbol="SPY", durationStr=_own_duration(key)))
    async with connect(url, era, heard) as client:
        report["after"] = await _Caller(client)(READ, symbol="NVDA")
    return report


def _own_duration(key: str) -> str:
    """Return a duration that no other run has: equal reads share one request at TWS, and its deadline."""
    return f"{1 + int(key[:6], 16) % 300} D"


def _promise(tool: dict[str, Any]) -> dict[str, Any]:
    """The part of a tool that is the same on both servers; FastMCP writes each `$ref` of an output schema out."""
    return {name: tool.get(name) for name in ("name", "description", "inputSchema", "annotations")}


async def _ticks(call: _Caller) -> Report:
    result = await call(TICKS, symbol="SPY", duration_seconds=1)
    summary = result["structuredContent"]
    assert summary["updates_count"], result
    heard = {"messages": call.heard.messages > 0, "progress": call.heard.progress > 0}
    return {"heard": heard, "fields": sorted(summary), "bid": summary["last"]["bid"]}


async def _order(call: _Caller, bid: float, key: str) -> Report:
    """Place an order below the market, place it again under its key, and cancel it."""
    order = {"symbol": "SPY", "action": "BUY", "totalQuantity": 1, "orderType": "LMT", "idempotencyKey": key}
    price = round(bid * 0.98, 2)
    return {
        "placed": await call("ibkr_place_order", lmtPrice=price, **order),
        "again": await call("ibkr_place_order", lmtPrice=price, **order),
        "cancelled": await call("ibkr_cancel_order", orderKey=key),
    }


async def _hang_up(call: Awaitable[Any]) -> None:
    running = asyncio.ensure_future(call)
    await asyncio.sleep(HANG_UP_S)
    assert not running.done(), running
    running.cancel()
    await asyncio.wait((running,), timeout=ENDED_WITHIN_S)
    assert running.done(), "the call goes on after its end"


def main(connect: Connect) -> None:
    """Play the calls that the arguments name: the URL, the era and the order's key, in hexadecimal."""
    url, era, key = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(play(connect, url, era, key))) + "\n")
