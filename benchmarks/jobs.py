"""`python -m benchmarks.jobs`: fourteen usual jobs by the default tools alone: the calls, and tokens of the answers.

Over MCP and HTTP, on the whole stack at the simulator. Counted in o200k, as `benchmarks.tokens` does. The calls are
those that an agent made which had the tools alone, without its wrong turns. `--show` prints each answer with its own
tokens. Status 1: a job is above 4,000 tokens, or a call failed.
"""

import argparse
import asyncio
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from benchmarks.tokens import counted
from cli.local_stack.embedded_redis import EmbeddedRedis
from ibgateway.simulator.server.server import Simulator
from mcp_front.tools.catalogue import offered_tools
from tests.stacks.front import RawClient
from tests.stacks.whole import whole_stack

BAR = 4_000  # tokens of a job's answers
WATCHED_S = 20
BUSY_ORDERS, BUSY_FILLS = 56, 49
BUSY_SYMBOLS = ("SPY", "AAPL", "MSFT", "IBM", "NVDA", "VTI", "QQQ", "TSLA")
BUSY_DAY = "what happened on a busy day"


class Caller:
    """Calls the default tools, and keeps each answer as a model is shown it."""

    def __init__(self, client: RawClient) -> None:
        self._client = client
        self._offered = {each.tool_name for each in offered_tools()}
        self.answers: list[str] = []

    async def __call__(self, tool: str, **arguments: Any) -> Any:
        """Return the structured content. Raises RuntimeError for an error."""
        name = f"ibkr_{tool}"
        if name not in self._offered:
            raise RuntimeError(f"{name} is not offered by default")
        result = await self._client.call(name, **arguments)
        if result.get("isError"):
            raise RuntimeError(f"{name} {arguments}: {result['content'][0]['text']}")
        content = result["structuredContent"]
        self.answers.append(json.dumps(content, separators=(",", ":"), ensure_ascii=False))
        return content


Job = Callable[[Caller], Awaitable[object]]


async def account(call: Caller) -> None:
    await call("get_portfolio")


async def performance(call: Caller) -> None:
    await call("get_performance", contracts=["AAPL", "MSFT", "IBM"], period="1 Y")


async def rebalance(call: Caller) -> None:
    """Half SPY, half MSFT, by limit orders at the middle of bid and ask."""
    held = {each["contract"]["symbol"]: each["position"] for each in (await call("get_positions"))["result"]}
    quotes = await quoted(call, "SPY", "MSFT")
    for symbol, quote in quotes.items():
        middle = (quote["bid"] + quote["ask"]) / 2
        change = round(50_000 / middle - held.get(symbol, 0))
        terms = {"action": "BUY" if change > 0 else "SELL", "totalQuantity": abs(change), "orderType": "LMT"}
        await call("place_order", symbol=symbol, lmtPrice=round(middle, 2), **terms)
    await call("cancel_all_orders")


async def bracket(call: Caller) -> None:
    """Placed below the market, its target raised, and all of it cancelled."""
    bid = (await quoted(call, "AAPL"))["AAPL"]["bid"]
    levels = {"lmtPrice": round(bid * 0.95, 2), "takeProfitPrice": round(bid, 2), "stopLossPrice": round(bid * 0.9, 2)}
    placed = await call("place_bracket_order", symbol="AAPL", action="BUY", totalQuantity=50, **levels)
    await call("modify_order", orderId=placed["takeProfit"]["orderId"], lmtPrice=round(bid * 1.03, 2))
    await call("cancel_order", orderId=placed["entry"]["orderId"])


async def spreads(call: Caller) -> None:
    names = ("SPY", "AAPL", "MSFT")
    await asyncio.gather(*(call("stream_market_data", symbol=each, duration_seconds=WATCHED_S) for each in names))


async def option(call: Caller) -> None:
    await call("get_option_quotes", symbol="SPY", expiry="next month", strikes="atm", right="P")


async def other_markets(call: Caller) -> None:
    found = await quoted(call, "EUR/USD", "ES", "VIX")
    if len(found) != 3:
        raise RuntimeError(f"of EUR/USD, ES and VIX only these have quotes: {', '.join(found)}")


async def resting_orders(call: Caller) -> None:
    """Outside regular hours and good till cancelled, a stop, and a trailing stop."""
    quotes = await quoted(call, "IBM", "MSFT")
    limit, stop = round(quotes["IBM"]["bid"] * 0.99, 2), round(quotes["MSFT"]["bid"] * 0.95, 2)
    early = {"orderType": "LMT", "lmtPrice": limit, "tif": "GTC", "outsideRth": True}
    await call("place_order", symbol="IBM", action="BUY", totalQuantity=10, **early)
    await call("place_order", symbol="MSFT", action="SELL", totalQuantity=10, orderType="STP", auxPrice=stop)
    await call("place_order", symbol="SPY", action="SELL", totalQuantity=10, orderType="TRAIL", trailingPercent=3)
    await call("cancel_all_orders")


async def today(call: Caller) -> None:
    await call("get_completed_orders", format="table")
    await call("get_executions", format="table")


async def busy_day(call: Caller) -> None:
    """By `make_busy`: 56 orders and 49 fills of eight contracts."""
    orders = await call("get_completed_orders", format="summary")
    fills = await call("get_executions", format="summary")
    if (orders["count"], fills["count"]) < (BUSY_ORDERS, BUSY_FILLS):
        raise RuntimeError(f"the day has {orders['count']} orders and {fills['count']} fills")


def make_busy(sim: Simulator) -> None:
    """Place the orders of a busy day as if entered in TWS: the last ones far from the market, so that they rest."""
    for number in range(BUSY_FILLS):
        sim.fault(f"manual {('BUY', 'SELL')[number % 3 == 2]} {1 + number % 5} {BUSY_SYMBOLS[number % 8]}")
    for number in range(BUSY_ORDERS - BUSY_FILLS):
        sim.fault(f"manual BUY 1 {BUSY_SYMBOLS[number]} {number + 1}")


async def tell_when_it_falls(call: Caller) -> None:
    events = [{"event": "price", "symbol": "AAPL", "changePercent": -1}]
    made = await call("create_alert", events=events)
    await call("get_alerts")
    await call("cancel_alert", alertId=made["alertId"])


async def news(call: Caller) -> None:
    found = await call("get_news", symbol="AAPL")
    newest = dict(zip(found["columns"], found["rows"][0], strict=True)) | found.get("same", {})
    await call("get_news_article", providerCode=newest["providerCode"], articleId=newest["articleId"])


async def margin(call: Caller) -> None:
    await call("preview_order", symbol="AAPL", action="BUY", totalQuantity=1000)


async def sell_everything(call: Caller) -> None:
    await call("close_positions", everything=True)
    await call("get_positions")


JOBS: dict[str, Job] = {
    "account, and profit and loss today": account,
    "return and volatility of three": performance,
    "rebalance by limit orders at the mid": rebalance,
    "bracket, change, cancel": bracket,
    f"spreads of three for {WATCHED_S} s": spreads,
    "at-the-money put of next month": option,
    "EUR/USD, ES, VIX": other_markets,
    "pre-market, GTC, stop, trailing": resting_orders,
    "what happened today": today,
    "tell me when it falls 1 %": tell_when_it_falls,
    "news": news,
    "margin of 1,000 shares": margin,
    "sell everything": sell_everything,
    BUSY_DAY: busy_day,
}


async def quoted(call: Caller, *symbols: str) -> dict[str, dict[str, Any]]:
    """Return the quotes by the symbols for which they were asked."""
    found = await call("get_quotes", contracts=[{"symbol": each} for each in symbols])
    rows = [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
    failed = {each["entry"] for each in found["failed"]}
    asked = [each for number, each in enumerate(symbols) if number not in failed]
    return dict(zip(asked, rows, strict=True))


async def measured() -> dict[str, list[str]]:
    """Return the answers of each job."""
    told = {}
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedRedis(Path(folder)) as redis, whole_stack(redis.url, "jobs") as stack:
            for name, job in JOBS.items():
                call = Caller(stack.front.raw())
                if name == BUSY_DAY:
                    make_busy(stack.sim)
                    await stack.front.raw().call("ibkr_cancel_all_orders")
                await job(call)
                told[name] = call.answers
    return told


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jobs", description=__doc__)
    parser.add_argument("--show", action="store_true", help="print each answer")
    options = parser.parse_args()
    if shutil.which("npm") is None:
        print("npm is not installed (Node.js 20 or newer): nothing can be counted")
        return 1
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.WARNING)
    try:
        told = asyncio.run(measured())
    except RuntimeError as failure:
        print(failure)
        return 1
    above = 0
    tokens = iter(counted([text for answers in told.values() for text in answers]))
    for name, answers in told.items():
        sizes = [next(tokens) for _ in answers]
        above += sum(sizes) > BAR
        print(f"{'above' if sum(sizes) > BAR else 'ok':6}{len(sizes):3} calls {sum(sizes):6,} tokens  {name}")
        for size, answer in zip(sizes, answers, strict=True) if options.show else ():
            print(f"{size:6,}  {answer}")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
