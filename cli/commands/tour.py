"""The tour: a newcomer's first session through an MCP client over HTTP, each step checked and shown.

It buys one share, so it refuses a session that is not on paper accounts.
"""

import argparse
import asyncio
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
from fastmcp import Client
from fastmcp.client.logging import LogMessage
from fastmcp.exceptions import FastMCPError, ToolError
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from rich.text import Text

from bridge.accounts import is_paper
from bridge.text.contract_name import contract_name
from bridge.tool import TOOLS, ToolRequest, ToolSpec
from bridge.tools.account import GetAccountSummary, GetPositions
from bridge.tools.market.contracts import GetContractDetails
from bridge.tools.market.market_data import GetHistoricalData, Quote, StreamMarketData
from bridge.tools.order_queries import Execution, GetExecutions, GetOpenOrders
from bridge.tools.order_report import OrderReport
from bridge.tools.orders import PlaceOrder
from bridge.tools.session import Connect, GetStatus, SessionStatus
from cli.errors import Problem
from cli.front_access import ODD_TOKEN, TOKEN, front_address
from cli.local_stack.processes import INTERRUPTED
from cli.terminal import Screen

CLIENT_ID = 1  # what the API's own documentation calls with
STREAM_S = 10
WATCHED = "SPY"
FEWEST_TICKS = 10  # of SPY in ten seconds of an open session
FEWEST_BARS = 200  # in a year of days
FILL_WAIT_S = 15.0  # for the execution, and for the commission that follows it
LOOK_AGAIN_S = 0.25
EARLIER_TOUR = re.compile(r"\[possible_duplicate\].*?\bkey (tour-[0-9a-f]+)", re.DOTALL)
MONEY = ("NetLiquidation", "TotalCashValue", "BuyingPower", "GrossPositionValue", "MaintMarginReq")

DECLARED: dict[type[ToolRequest], ToolSpec] = {each.request: each for each in TOOLS.values()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", type=front_address, default="http://127.0.0.1:8000/api/v1", help="(%(default)s)")


def run(options: argparse.Namespace) -> int:
    """The token, where the front wants one, comes by FRONT_TOKEN: arguments show in the list of processes."""
    screen = Screen()
    try:
        asyncio.run(take_tour(options.url, screen, os.environ.get("FRONT_TOKEN")))
    except TourFailed as failure:
        screen.problem(str(failure))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


class TourFailed(Problem):
    """A step did not do what it promises."""


class TourClient:
    """One client at one front, and the state that the steps share."""

    def __init__(self, url: str, token: str | None, screen: Screen) -> None:
        self.client = Client(url, auth=token, log_handler=self._on_log)
        self.screen = screen
        self.closed = ""  # why nothing trades now, where that is so
        self.on_quote: Callable[[Quote], None] = lambda quote: None
        self.order: OrderReport | None = None

    async def ask(self, request: type[ToolRequest], told: Callable[[Any], str], **arguments: Any) -> Any:
        """Call a tool, show the call and what `told` says of its result, and return that as its declared type."""
        self.screen.asked(DECLARED[request].tool_name, arguments)
        began = time.monotonic()
        result = await self.silently(request, **arguments)
        self.screen.answered(told(result), time.monotonic() - began)
        return result

    async def silently(self, request: type[ToolRequest], **arguments: Any) -> Any:
        declared = DECLARED[request]
        answer = await self.client.call_tool(declared.tool_name, arguments)
        content = answer.structured_content or {}
        return declared.adapter.validate_python(content["result"] if declared.wrapped else content)

    async def _on_log(self, message: LogMessage) -> None:
        self.on_quote(Quote.model_validate(message.data["extra"]))


async def take_tour(url: str, screen: Screen, token: str | None = None) -> None:
    """All eight steps against the front at `url`; raises TourFailed with the step that failed."""
    if token and not TOKEN.fullmatch(token):
        raise TourFailed(f"{ODD_TOKEN} Copy it again.")
    doing = f"connecting to {url}"
    visit = TourClient(url, token, screen)
    try:
        async with visit.client:
            for number, (title, step) in enumerate(STEPS, 1):
                doing = f"step {number} of {len(STEPS)}, {title}"
                screen.step(number, len(STEPS), title)
                if visit.closed and step in NEED_AN_OPEN_MARKET:
                    screen.say(f"     skipped: {visit.closed}")
                else:
                    await step(visit)
    except (FastMCPError, MCPError, httpx2.HTTPError, ValidationError, TourFailed, RuntimeError) as error:
        raise TourFailed(f"{doing}: {error}") from error  # RuntimeError: the client could not connect
    done = "all eight steps passed" if not visit.closed else "every step passed that needs no open market"
    screen.say(Text.assemble(("\n ✓ ", "bold green"), (f"the tour is complete: {done}", "bold")))


def refuse_real_money(status: SessionStatus) -> None:
    strangers = [account for account in status.accounts if not is_paper(account)]
    if status.mode == "live" or strangers:
        raise TourFailed(
            f"the session is on {', '.join(status.accounts) or 'a live account'} in mode {status.mode}; "
            "the tour buys a share, so it runs on paper accounts alone"
        )


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise TourFailed(otherwise)


async def connect(visit: TourClient) -> None:
    status = await visit.silently(GetStatus)
    await visit.ask(
        Connect,
        lambda it: f"{it.status} to {it.host}:{it.port}, account {', '.join(it.accounts)}",
        host=status.host,
        port=status.port,
        clientId=CLIENT_ID,
    )
    status = await visit.silently(GetStatus)
    refuse_real_money(status)
    if status.simulated:
        visit.screen.say(
            f"     simulated account and market; their clock says {status.gateway_time:%Y-%m-%d %H:%M} UTC"
        )
    (details,) = await visit.silently(GetContractDetails, symbol=WATCHED)
    visit.closed = closed(details.liquidHours, details.timeZoneId, status.gateway_time)


def closed(liquidHours: str | None, timeZoneId: str | None, at: datetime | None) -> str:
    """Return why the contract does not trade at that time by its own hours, with the next opening; "" where it does."""
    if at is None or liquidHours is None or timeZoneId is None:
        return ""
    zone = ZoneInfo(timeZoneId)
    sessions = [each.split("-") for each in liquidHours.split(";") if "CLOSED" not in each]
    hours = [tuple(datetime.strptime(end, "%Y%m%d:%H%M").replace(tzinfo=zone) for end in ends) for ends in sessions]
    if not hours or any(start <= at < end for start, end in hours):
        return ""
    later = [start for start, _ in hours if start > at]
    opens = f" until {min(later):%A %Y-%m-%d %H:%M} in {timeZoneId}" if later else ""
    return f"the market is closed{opens}"


async def history(visit: TourClient) -> None:
    bars = await visit.ask(GetHistoricalData, lambda it: f"{len(it)} bars, {it[0].date} to {it[-1].date}", symbol="VTI")
    expect(len(bars) >= FEWEST_BARS, f"{len(bars)} bars are too few for a year of days")
    expect([bar.date for bar in bars] == sorted(bar.date for bar in bars), "the bars are not in order")
    visit.screen.prices([bar.close for bar in bars])
    visit.screen.table(
        ("date", "open", "high", "low", "close", "volume"),
        [(bar.date, *map(money, (bar.open, bar.high, bar.low, bar.close)), f"{bar.volume:,.0f}") for bar in bars[-3:]],
    )


async def account(visit: TourClient) -> None:
    values = await visit.ask(GetAccountSummary, lambda it: f"{len(it)} figures")
    shown = [each for each in values if each.tag in MONEY and isinstance(each.value, float)]
    expect(any(each.tag == "NetLiquidation" for each in shown), "no NetLiquidation is among them")
    rows = [(each.tag, money(each.value), each.currency or "") for each in sorted(shown, key=lambda it: it.tag)]
    visit.screen.table(("figure", "value", ""), rows)


async def positions(visit: TourClient) -> None:
    held = await visit.ask(GetPositions, lambda it: counted(it, "position") if it else "none: the account is flat")
    rows = [(contract_name(each.contract), f"{each.position:g}", money(each.avgPrice)) for each in held]
    if rows:
        visit.screen.table(("contract", "position", "average price"), rows)


async def stream(visit: TourClient) -> None:
    seen: list[Quote] = []
    arguments = {"symbol": WATCHED, "duration_seconds": STREAM_S}
    visit.screen.asked(DECLARED[StreamMarketData].tool_name, arguments)
    began = time.monotonic()
    with visit.screen.rows(("time", "bid", "size", "ask", "size", "last", "size")) as add:

        def show(quote: Quote) -> None:
            add(quote_row(quote, seen[-1] if seen else quote))
            seen.append(quote)

        visit.on_quote = show
        summary = await visit.silently(StreamMarketData, **arguments)
    visit.screen.answered(summary.message, time.monotonic() - began)
    expect(len(seen) >= FEWEST_TICKS, f"only {len(seen)} updates came by ctx.info")
    expect(
        len(seen) == summary.updates_count, f"{len(seen)} updates came, and the summary counts {summary.updates_count}"
    )


def quote_row(quote: Quote, before: Quote) -> tuple[str | Text, ...]:
    rising = {True: "green", False: "red"}.get((quote.last or 0) > (before.last or 0), "none")
    style = "none" if quote.last == before.last else rising
    clock = f"{quote.time:%H:%M:%S}.{quote.time.microsecond // 100_000}"
    sides = (money(quote.bid), size(quote.bidSize), money(quote.ask), size(quote.askSize))
    return (clock, *sides, Text(money(quote.last), style), size(quote.lastSize))


async def buy(visit: TourClient) -> None:
    """Buy the share, also moments after another tour bought one; an equal order of anybody else fails the step."""
    try:
        visit.order = await buy_one(visit)
    except ToolError as refusal:
        earlier = EARLIER_TOUR.search(str(refusal))
        if earlier is None:
            raise
        visit.screen.say("     another tour bought the same moments ago: the order names that one in duplicateOf")
        visit.order = await buy_one(visit, duplicateOf=earlier[1])
    expect(visit.order.status in ("PreSubmitted", "Submitted", "Filled"), f"its status is {visit.order.status}")


async def buy_one(visit: TourClient, **more: str) -> OrderReport:
    order: OrderReport = await visit.ask(
        PlaceOrder,
        told_of_order,
        symbol="AAPL",
        action="BUY",
        totalQuantity=1,
        tif="IOC",  # it never rests, and equals no order that somebody types next
        idempotencyKey=f"tour-{secrets.token_hex(8)}",
        **more,
    )
    return order


def told_of_order(order: OrderReport) -> str:
    price = f" at {money(order.avgFillPrice)}" if order.filled else ""
    return f"order {order.orderId} is {order.status}, {order.filled:g} of {order.totalQuantity:g} filled{price}"


async def open_orders(visit: TourClient) -> None:
    found = await visit.ask(GetOpenOrders, lambda it: f"{len(it)} open" if it else "none is open")
    rows = [(contract_name(each.contract), each.action, f"{each.totalQuantity:g}", each.status) for each in found]
    if rows:
        visit.screen.table(("contract", "action", "quantity", "status"), rows)


async def executions(visit: TourClient) -> None:
    await until_commissioned(visit)
    fills: list[Execution] = await visit.ask(GetExecutions, lambda it: counted(it, "execution"))
    visit.screen.table(
        ("contract", "side", "shares", "price", "exchange", "commission"),
        [
            (
                contract_name(each.contract),
                each.side,
                f"{each.shares:g}",
                money(each.price),
                each.exchange,
                money(each.commission),
            )
            for each in fills
        ],
    )
    expect(
        any(is_ours(each, visit.order) and each.commission is not None for each in fills), "no commission was reported"
    )


async def until_commissioned(visit: TourClient) -> None:
    """An order may be answered before it fills, and TWS reports a commission a moment after the fill."""
    try:
        async with asyncio.timeout(FILL_WAIT_S):
            while True:
                fills = await visit.silently(GetExecutions)
                if any(is_ours(each, visit.order) and each.commission is not None for each in fills):
                    return
                await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError:
        raise TourFailed(f"AAPL was not filled with a commission within {FILL_WAIT_S:g} s") from None


def is_ours(execution: Execution, order: OrderReport | None) -> bool:
    return order is not None and execution.orderId == order.orderId and execution.contract.symbol == "AAPL"


def counted(found: list[Any], what: str) -> str:
    return f"{len(found)} {what}" + ("" if len(found) == 1 else "s")


def money(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def size(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


STEPS: tuple[tuple[str, Callable[[TourClient], Awaitable[None]]], ...] = (
    ("Connect to the gateway", connect),
    ("A year of daily bars of VTI", history),
    ("The account", account),
    ("Its positions", positions),
    ("SPY live for ten seconds", stream),
    ("Buy one share of AAPL", buy),
    ("Open orders", open_orders),
    ("Executions", executions),
)
NEED_AN_OPEN_MARKET = (stream, buy, executions)
