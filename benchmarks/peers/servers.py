"""The servers that are compared: how each is started at one gateway, and how each is asked the same questions."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.peers import environments
from benchmarks.peers.mcp_session import McpSession
from cli.errors import Problem
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.local_stack.processes import Children
from cli.local_stack.readiness import until_ready

START_S = 60.0
LOOK_AGAIN_S = 0.2
OURS = "this project"
REFERENCE = "reference in one process"
# Counts of orders would end the measurement; all other limits are as they come.
COUNTS_OFF = {
    "LIMIT_MAX_ORDERS_PER_MINUTE": "off", "LIMIT_MAX_ORDERS_PER_DAY": "off", "LIMIT_MAX_OPEN_ORDERS": "off",
}  # fmt: skip

Question = tuple[str, Mapping[str, Any]]  # a tool's name and its arguments


@dataclass(frozen=True)
class Order:
    """An order for AAPL; without a limit it is one at the market."""

    quantity: int
    limit: float | None = None
    action: str = "BUY"


Place = Callable[[McpSession, Order], Awaitable[int]]  # returns the orderId, once it works or is filled
Cancel = Callable[[McpSession, int], Awaitable[None]]


@dataclass(frozen=True)
class Server:
    """One server that listens, and its words for the questions."""

    name: str
    port: int
    path: str
    positions: Question
    details: Callable[[str], Question]
    bars: Callable[[str, str], Question]  # of a symbol and a duration, a bar for each day
    place: Place | None = None
    cancel: Cancel | None = None
    pids: dict[str, int] = field(default_factory=dict)
    releases: dict[str, str] = field(default_factory=dict)


# --- this project -------------------------------------------------------------------------------------------------


async def start_ours(children: Children, redis: EmbeddedRedis, folder: Path, gateway: int) -> Server:
    port = free_port()
    common = {"REDIS_URL": redis.url, "IBKR_SESSION": "bench"}
    worker = {"GATEWAY_PORT": str(gateway), "TRADING_MODE": "paper", "BEAT_FILE": str(folder / "beat"), **COUNTS_OFF}
    started = {
        "worker": await children.start("worker", "ib_worker", **common, **worker),
        "front": await children.start("front", "mcp_front", **common, FRONT_PORT=str(port)),
    }
    await until_ready(port, lambda _: None)
    assert redis.process is not None  # it was started
    pids = {name: each.process.pid for name, each in started.items()} | {"redis": redis.process.pid}
    return Server(
        OURS, port, "/api/v1",
        positions=("ibkr_get_positions", {}),
        details=lambda symbol: ("ibkr_get_contract_details", {"symbol": symbol}),
        bars=lambda symbol, length: (
            "ibkr_get_historical_data", {"symbol": symbol, "durationStr": length, "barSizeSetting": "1 day"},
        ),
        place=_place_ours, cancel=_cancel_ours, pids=pids,
    )  # fmt: skip


async def _place_ours(session: McpSession, order: Order) -> int:
    terms = {"symbol": "AAPL", "action": order.action, "totalQuantity": order.quantity}
    limit = {} if order.limit is None else {"orderType": "LMT", "lmtPrice": order.limit}
    report = await session.ask("ibkr_place_order", {**terms, **limit, "idempotencyKey": secrets.token_hex(8)})
    return _order_id(report["orderId"], report["status"], order)


async def _cancel_ours(session: McpSession, orderId: int) -> None:
    report = await session.ask("ibkr_cancel_order", {"orderId": orderId, "idempotencyKey": secrets.token_hex(8)})
    _require_cancelled(report["status"])


# --- the reference ------------------------------------------------------------------------------------------------


async def start_reference(children: Children, gateway: int) -> Server:
    port = free_port()
    settings = {"GATEWAY_PORT": str(gateway), "CLIENT_ID": "61", "PORT": str(port)}
    child = await children.start("reference", "benchmarks.peers.reference", **settings)
    await _listens(port, "/mcp", child.as_problem)
    return Server(
        REFERENCE, port, "/mcp",
        positions=("positions", {}),
        details=lambda symbol: ("contract_details", {"symbol": symbol}),
        bars=lambda symbol, length: ("historical_data", {"symbol": symbol, "duration": length, "bar_size": "1 day"}),
        place=_place_reference, cancel=_cancel_reference, pids={"server": child.process.pid},
    )  # fmt: skip


async def _place_reference(session: McpSession, order: Order) -> int:
    terms = {"symbol": "AAPL", "action": order.action, "quantity": order.quantity, "limit": order.limit}
    report = await session.ask("place_order", terms)
    return _order_id(report["orderId"], report["status"], order)


async def _cancel_reference(session: McpSession, orderId: int) -> None:
    report = await session.ask("cancel_order", {"orderId": orderId})
    _require_cancelled(report["status"])


# --- peers from PyPI ----------------------------------------------------------------------------------------------


async def start_ib_gateway_mcp(children: Children, gateway: int, python: str) -> Server:
    port, name = free_port(), "ib-gateway-mcp"
    packages = await asyncio.to_thread(environments.install, name, python)
    child = await children.run(
        name, python, "-m", "ib_gateway_mcp", "--transport", "http", "--port", str(port),
        PYTHONPATH=str(packages), IB_HOST="127.0.0.1", IB_PORT=str(gateway), IBKR_MCP_ALLOW_NO_AUTH="true",
        IBKR_MCP_PROFILE="trading",  # orders are off by default
        IBKR_MCP_MAX_ORDERS_PER_MINUTE="100000", IBKR_MCP_MAX_PREVIEWS_PER_MINUTE="100000",
    )  # fmt: skip
    await _listens(port, "/mcp", child.as_problem)
    return Server(
        name, port, "/mcp",
        positions=("get_positions", {}),
        details=lambda symbol: ("get_contract_details", {"contract": {"symbol": symbol}}),
        bars=lambda symbol, length: (
            "get_historical_bars", {"contract": {"symbol": symbol}, "duration": length, "bar_size": "1 day"},
        ),
        place=_place_previewed, cancel=_cancel_previewed, pids={"server": child.process.pid},
        releases=environments.releases(packages, (name, "mcp", "ib-async", "uvicorn")),
    )  # fmt: skip


async def _place_previewed(session: McpSession, order: Order) -> int:
    terms: dict[str, Any] = {"contract": {"symbol": "AAPL"}, "action": order.action, "quantity": order.quantity}
    limit = {"order_type": "MKT"} if order.limit is None else {"order_type": "LMT", "limit_price": order.limit}
    preview = await session.ask("preview_order", {"order": {**terms, **limit}})
    report = await session.ask("submit_order", {"token": preview["token"]})
    orderId, status = report["order_id"], report["status"]
    while order.limit is None and status != "Filled":
        status = (await session.ask("get_order_status", {"order_id": orderId}))["status"]
    return _order_id(orderId, status, order)


async def _cancel_previewed(session: McpSession, orderId: int) -> None:
    _require_cancelled((await session.ask("cancel_order", {"order_id": orderId}))["status"])


async def start_ib_mcp(children: Children, gateway: int, python: str) -> Server:
    port, name = free_port(), "ib-mcp"
    packages = await asyncio.to_thread(environments.install, name, python)
    child = await children.run(
        name, python, "-c", "from ib_mcp.server import main; main()", "--host", "127.0.0.1", "--port", str(gateway),
        "--client-id", "62", "--transport", "http", "--http-port", str(port), PYTHONPATH=str(packages),
    )  # fmt: skip
    await _listens(port, "/mcp", child.as_problem)
    return Server(
        name, port, "/mcp",
        positions=("get_positions", {}),
        details=lambda symbol: ("get_contract_details", {"symbol": symbol}),
        bars=lambda symbol, length: (
            "get_historical_data", {"symbol": symbol, "duration": length, "bar_size": "1 day", "max_bars": 500},
        ),
        pids={"server": child.process.pid},
        releases=environments.releases(packages, (name, "fastmcp", "mcp", "ib-async", "uvicorn")),
    )  # fmt: skip


# --- all ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def running(folder: Path, python: str | None) -> AsyncIterator[tuple[list[Server], int]]:
    """Every server, at one simulated gateway; and the gateway's port. Without a `python` the peers stay away."""
    gateway = free_port()
    async with EmbeddedRedis(folder / "redis") as redis, Children(folder) as children:
        await children.start("simulator", "ibgateway.simulator", "--port", str(gateway))
        servers = [
            await start_ours(children, redis, folder, gateway),
            await start_reference(children, gateway),
        ]
        if python is not None:
            servers.append(await start_ib_gateway_mcp(children, gateway, python))
            servers.append(await start_ib_mcp(children, gateway, python))
        yield servers, gateway


async def _listens(port: int, path: str, problem: Callable[[], Problem]) -> None:
    """Wait until the server answers HTTP. Raises Problem."""
    async with httpx.AsyncClient() as http:
        for _ in range(int(START_S / LOOK_AGAIN_S)):
            try:
                await http.get(f"http://127.0.0.1:{port}{path}", timeout=LOOK_AGAIN_S)
                return
            except httpx.TransportError:
                await asyncio.sleep(LOOK_AGAIN_S)
    raise problem()


def _order_id(orderId: int, status: str, order: Order) -> int:
    if order.limit is None and status != "Filled":
        raise RuntimeError(f"an order at the market is {status} and not Filled")
    return orderId


def _require_cancelled(status: str) -> None:
    if status not in ("Cancelled", "ApiCancelled"):
        raise RuntimeError(f"the order is {status} and not Cancelled")
