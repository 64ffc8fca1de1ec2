"""The rights of a client hold for every tool over HTTP, those too that the front composes of several operations.

The cells are made of the catalogue, so a new tool is in them. One stack answers all of them.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.bus.identity.rights import NEEDED
from bridge.tool import TOOLS, ToolSpec
from bridge.toolsets import TOOLSETS
from ib_worker.client_rights.symbols import named_contracts
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from mcp_front.protocol.results import ERROR_META
from mcp_front.tools.catalogue import offered_tools
from tests.stacks.clients import token_for, write_clients
from tests.stacks.example_arguments import example_arguments
from tests.stacks.front import Running, messages_of, plain_http, serving
from tests.stacks.worker import order, trading

OWN, FOREIGN = "DU1111111", "DU2222222"
SCOPED: Mapping[str, list[str]] = {"nobody": [], "reader": ["read"], "trader": ["read", "trade"]}
CLIENTS: Mapping[str, Mapping[str, Any]] = {
    **{name: {"scopes": scopes} for name, scopes in SCOPED.items()},
    **{f"only-{each}": {"toolsets": [each]} for each in TOOLSETS},
    "own": {"accounts": [OWN]},
    "symbol": {"symbols": ["MSFT"]},
    "small": {"accounts": [OWN], "max_order_value": 1},
}
# Calls of the front's own tools, whose answers come at once or in a second.
COMPOSED: Mapping[str, list[dict[str, Any]]] = {
    "close_positions": [{"symbol": "IBM"}],
    "get_chart": [
        {"symbol": "SPY"},
        {"kind": "equity"},
        {"kind": "payoff", "symbol": "SPY"},
        {"kind": "payoff", "legs": ["-1 SPY 18JUL25 400 P"]},
    ],
    "subscribe": [{"kind": kind, "symbol": "SPY"} for kind in ("quotes", "depth", "bars", "bars5s", "ticks", "news")]
    + [{"kind": "account"}, {"kind": "orders"}],
    "stream_market_data": [{"symbol": "SPY", "duration_seconds": 1}],
    "stream_account_updates": [{"duration_seconds": 1}],
    "wait_for": [
        {"events": [event], "timeout_seconds": 1}
        for event in (
            {"event": "price", "symbol": "SPY", "above": 1e6},
            {"event": "order_done", "orderKey": "key-of-nothing"},
            {"event": "alert", "alertId": "aaaaaaaa-bbbbbbbbbbbbbbbb"},
        )
    ],
}  # fmt: skip
ALONE = {
    "get_status",
    "halt_trading",
    "read_stream",
    "unsubscribe",
    "get_streams",
}  # they ask the worker nothing that has a toolset
OF_AN_ACCOUNT: Mapping[str, dict[str, Any]] = {"get_chart": {"kind": "equity"}, "subscribe": {"kind": "account"}}
AT_ONCE = 8


@dataclass(frozen=True)
class Cell:
    """One call, and the field of `forbidden` that it must meet; empty where it must not be forbidden."""

    client: str
    declared: ToolSpec
    arguments: Mapping[str, Any]
    by: str


def cells() -> list[Cell]:
    """Return the matrix."""
    found = []
    for declared in offered_tools():
        arguments = example_arguments(declared)
        lacking = [name for name, scopes in SCOPED.items() if NEEDED[declared.effect] not in scopes]
        found += [Cell(name, declared, arguments, "scope") for name in lacking]
        if not declared.relieves:
            other = "depth" if declared.toolset != "depth" else "news"
            found.append(Cell(f"only-{other}", declared, arguments, "toolset"))
        if "account" in declared.request.model_fields:
            about = OF_AN_ACCOUNT.get(declared.name, arguments)
            found.append(Cell("own", declared, about | {"account": FOREIGN}, "accounts"))
        if list(named_contracts(declared.request(**arguments))):  # of SPY or AAPL
            found.append(Cell("symbol", declared, arguments, "symbols"))
        found += [Cell(f"only-{declared.toolset}", declared, each, "") for each in COMPOSED.get(declared.name, ())]
    return found


async def error_of(front: Running, http: httpx.AsyncClient, cell: Cell) -> dict[str, Any]:
    """Return the error of a call, empty for an answer."""
    client = front.raw(authorization=f"Bearer {token_for(cell.client)}")
    call = client.prepared("tools/call", name=cell.declared.tool_name, arguments=cell.arguments)
    told = messages_of(await http.post(front.endpoint, **call))[-1]["result"]
    return told["_meta"][ERROR_META] if told.get("isError") else {}


@pytest.mark.timeout(120)
async def test_every_tool_keeps_to_its_clients_rights(redis_url: str, session: str, tmp_path: Path) -> None:
    path, places = write_clients(tmp_path / "clients.json", CLIENTS), asyncio.Semaphore(AT_ONCE)
    config = SimulatorConfig(accounts=(OWN, FOREIGN))
    async with (
        Simulator(config) as sim,
        trading(redis_url, session, sim, clients_file=path),
        serving(redis_url, session, front_tokens_file=path) as front,
        plain_http() as http,
    ):

        async def wrong(cell: Cell) -> str:
            async with places:
                error = await error_of(front, http, cell)
            rejected = error.get("code") == "forbidden" and {cell.by, "scope", "toolset"} & error.keys()
            right = cell.by in error if rejected else not cell.by
            return "" if right else f"{cell.client} {cell.declared.name} {cell.arguments}: {error}"

        matrix = cells()
        faults = [each for each in await asyncio.gather(*map(wrong, matrix)) if each]
        limited = await error_of(front, http, Cell("small", TOOLS["ibkr_place_order"], order(), "limit"))

    assert {each.name for each in TOOLS.values() if each.composed} - ALONE <= set(COMPOSED)
    assert not faults
    assert limited["limit"] == "max_order_value"
    assert min(sum(cell.by == by for cell in matrix) for by in ("scope", "toolset", "accounts", "symbols", "")) >= 12
