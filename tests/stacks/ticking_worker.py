"""A worker whose one contract ticks, and what a client hears of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bridge.bus.server.request import RequestContext
from bridge.bus.server.server import BusServer
from bridge.tools.session import SessionStatus
from tests.stacks.front import READY, Running, worker
from tests.stacks.handlers import CONTRACT

STREAM = "quote-265598"
SPY = CONTRACT | {"symbol": "SPY", "localSymbol": "SPY"}


def quote(number: int) -> dict[str, Any]:
    """The number-th update: the last price rises by a cent each time."""
    price = round(500 + number / 100, 2)
    return {
        "symbol": "SPY", "conId": 265598, "time": "2025-06-11T14:30:00Z", "marketDataType": "live",
        "bid": round(price - 0.01, 2), "bidSize": 3.0, "ask": round(price + 0.01, 2), "askSize": 4.0,
        "last": price, "lastSize": 100.0, "volume": 1e6, "open": None, "high": None, "low": None, "close": 499.0,
        "halted": False, "ticks": [{"tickType": 4, "price": price, "size": 100.0}],
    }  # fmt: skip


class Ticker:
    """Publishes quotes on the stream, one every `every_s`, as long as it runs."""

    def __init__(self, bus: BusServer, every_s: float) -> None:
        self.bus = bus
        self.sent = 0
        self.ballast = 0  # further raw ticks in each update
        self._every_s = every_s

    def publish(self) -> None:
        whole = quote(self.sent)
        whole["ticks"] = whole["ticks"] + [{"tickType": 5, "price": None, "size": 100.0}] * self.ballast
        self.bus.publish(STREAM, "quote", json.dumps(whole).encode())
        self.sent += 1

    async def run(self) -> None:
        while True:
            self.publish()
            await asyncio.sleep(self._every_s)


@asynccontextmanager
async def ticking(
    redis_url: str,
    session: str,
    every_s: float = 0.02,
    status: SessionStatus = READY,
    contract: dict[str, Any] = SPY,
) -> AsyncIterator[Ticker]:
    """A worker that opens SPY, and publishes its ticks from then on."""
    started = asyncio.Event()
    tickers: list[Ticker] = []

    async def opened(_asked: RequestContext) -> bytes:
        tickers[0].bus.open_stream(STREAM)
        started.set()
        return json.dumps({"stream": STREAM, "contract": contract, "quote": None}).encode()

    async with worker(redis_url, session, {"open_market_data": opened}, status) as bus:
        tickers.append(Ticker(bus, every_s))

        async def tick() -> None:
            await started.wait()
            await tickers[0].run()

        task = asyncio.create_task(tick())
        try:
            yield tickers[0]
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def watch(
    front: Running, era: str, seconds: int, during: Callable[[], Any] | None = None
) -> tuple[Any, list[Any], list[Any]]:
    """Call the stream tool as a FastMCP client; the result, the log messages and the progress."""
    messages: list[Any] = []
    progress: list[Any] = []

    async def on_log(message: Any) -> None:
        messages.append(message.data)

    async def on_progress(*report: Any) -> None:
        progress.append(report)

    async with front.client(era, log_handler=on_log, progress_handler=on_progress) as client:
        call = client.call_tool("ibkr_stream_market_data", {"symbol": "SPY", "duration_seconds": seconds})
        result, _ = await asyncio.gather(call, _do(during))
    return result, messages, progress


async def _do(during: Callable[[], Any] | None) -> None:
    if during is not None:
        await during()
