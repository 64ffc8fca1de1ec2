"""A front over real HTTP and the real bus; the worker behind it is a real Answerer whose handlers are the test's."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
from fastmcp import Client

from bridge.bus.client.client import BusClient
from bridge.bus.leadership.lease import LeaseLost
from bridge.bus.server.request import RequestContext
from bridge.bus.server.server import BusServer
from bridge.bus.timing import BusTiming
from bridge.tools.session import SessionStatus
from bridge.toolsets import ALL
from mcp_front.__main__ import Front, assemble
from mcp_front.http.server import DrainingServer, http_config
from mcp_front.settings import FrontSettings
from mcp_front.timing import USUAL, FrontTiming
from tests.stacks.bus import until_open
from tests.stacks.timing import waits_at
from tests.waiting import until

MODERN, LEGACY = "2026-07-28", "2025-11-25"
ERAS = (MODERN, LEGACY)

READY = SessionStatus(
    is_connected=True, state="ready", host="127.0.0.1", port=4002, clientId=1, serverVersion=200,
    accounts=["DU1234567"], mode="paper", worker="test", recent_clients=["claude"],
)  # fmt: skip

Handler = Callable[[RequestContext], Awaitable[bytes]]


@dataclass(frozen=True)
class Running:
    """A front that serves, and the parts of it that tests look at."""

    url: str
    front: Front
    server: DrainingServer

    @property
    def endpoint(self) -> str:
        return f"{self.url}/api/v1"

    def client(self, era: str = MODERN, **options: Any) -> Client[Any]:
        return Client(self.endpoint, mode=era if era == MODERN else "legacy", **options)

    def raw(self, era: str = MODERN, **headers: str) -> "RawClient":
        return RawClient(self.endpoint, era, headers)


@asynccontextmanager
async def serving(
    redis_url: str, session: str, bus_timing: BusTiming | None = None, timing: FrontTiming = USUAL, **settings: Any
) -> AsyncIterator[Running]:
    """A front of `session` on a free port, with every toolset unless `front_toolsets` names some."""
    usual: dict[str, Any] = {"front_toolsets": (ALL,), "front_port": 0}
    settings = usual | settings
    whole = FrontSettings(redis_url=redis_url, ibkr_session=session, front_drain_s=2, **settings)
    front_id = f"front-{secrets.token_hex(4)}"
    async with BusClient(redis_url, session, front_id, bus_timing or waits_at(redis_url)) as bus_client:
        front = assemble(whole, bus_client, timing)
        config = http_config(front.app, whole.front_host, whole.front_port, timing)
        server = DrainingServer(config, front.calls, front.draining, 2, timing)
        task = asyncio.create_task(server.serve())
        try:
            await until(lambda: server.started or task.done(), "the front listens")
            port = server.servers[0].sockets[0].getsockname()[1]
            yield Running(f"http://127.0.0.1:{port}", front, server)
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def worker(
    redis_url: str, session: str, handlers: Mapping[str, Handler], status: SessionStatus = READY
) -> AsyncIterator[BusServer]:
    """A leader that answers each operation with its handler."""

    async def handle(context: RequestContext) -> bytes:
        return await handlers[context.operation](context)

    name = f"worker-{secrets.token_hex(4)}"
    async with BusServer(redis_url, session, name, timing=waits_at(redis_url)) as bus:
        await bus.lead()
        await bus.write_heartbeat(status)
        task = asyncio.create_task(bus.serve(handle))
        try:
            await until_open(bus.pipe, bus.keys)
            yield bus
        finally:
            await bus.stop(grace_s=0)
            with suppress(LeaseLost):  # where the test has taken Redis away, or the machine stood still
                await task


def answering(value: Any) -> Handler:
    """A handler that always gives the same answer."""

    async def handler(_asked: RequestContext) -> bytes:
        return json.dumps(value).encode()

    return handler


class RawClient:
    """MCP as bytes over HTTP: an independent reading of the protocol, without the SDK's help."""

    def __init__(self, endpoint: str, era: str, headers: Mapping[str, str]) -> None:
        self._endpoint = endpoint
        self._era = era
        self._headers = {
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
            "mcp-protocol-version": era,
            **headers,
        }

    async def request(self, method: str, meta: Mapping[str, Any] | None = None, **params: Any) -> dict[str, Any]:
        """The last message of the answer: a JSON-RPC result or error."""
        return (await self.messages(method, meta, **params))[-1]

    async def messages(self, method: str, meta: Mapping[str, Any] | None = None, **params: Any) -> list[dict[str, Any]]:
        """All messages of the answer: notifications, then the result or error."""
        async with plain_http() as http:
            return messages_of(await http.post(self._endpoint, **self.prepared(method, meta, **params)))

    async def call(self, tool: str, meta: Mapping[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
        """The result of a tool."""
        answer = await self.request("tools/call", meta, name=tool, arguments=arguments)
        result: dict[str, Any] = answer["result"]
        return result

    def prepared(self, method: str, meta: Mapping[str, Any] | None = None, **params: Any) -> dict[str, Any]:
        """What httpx needs for the POST."""
        whole = dict(meta or {})
        headers = dict(self._headers)
        if self._era == MODERN:
            headers["mcp-method"] = method
            if "name" in params:
                headers["mcp-name"] = params["name"]
            whole = {
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
            } | whole
        if whole:
            params["_meta"] = whole
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return {"content": json.dumps(body), "headers": headers}


def plain_http() -> httpx.AsyncClient:
    """A client for http alone: reading the certificates for https takes longer than most calls."""
    return httpx.AsyncClient(timeout=30, verify=False)


def messages_of(response: httpx.Response) -> list[dict[str, Any]]:
    if response.headers["content-type"].startswith("application/json"):
        return [response.json()]
    return [json.loads(line[5:]) for line in response.text.splitlines() if line.startswith("data:")]
