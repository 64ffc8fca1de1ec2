"""MCP calls as plain HTTP requests, each with its outcome: what was told, and how long it took."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from bridge.tool import TOOLS
from tests.stacks.front import MODERN, RawClient, messages_of

MARGIN_S = 3.0  # a loaded machine's way from the front's answer to here


@dataclass(frozen=True)
class Outcome:
    """How one call ended: `done`, a typed error's code, or what HTTP itself said, in the end nothing at all."""

    operation: str
    key: str
    told: str
    began: float
    ended: float  # both of time.monotonic
    value: Any = None

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def cut(self) -> bool:
        """Nobody answered: the connection was refused or broke."""
        return self.told.startswith("http ")

    @property
    def late(self) -> bool:
        return self.seconds > TOOLS[f"ibkr_{self.operation}"].deadline_s + MARGIN_S


class Caller:
    """One client, with a connection of its own; `proxied` where something else than the front may answer."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._raw = RawClient(url, MODERN, {"authorization": f"Bearer {token}"} if token else {})
        self._url = url
        self._http = httpx.AsyncClient(timeout=None, verify=False)  # every call has its deadline below

    async def close(self) -> None:
        await self._http.aclose()

    async def call(self, operation: str, key: str = "", **arguments: Any) -> Outcome:
        declared = TOOLS[f"ibkr_{operation}"]
        arguments |= {"idempotencyKey": key} if key else {}
        prepared = self._raw.prepared("tools/call", name=declared.tool_name, arguments=arguments)
        began = time.monotonic()
        try:
            async with asyncio.timeout(declared.deadline_s + 2 * MARGIN_S):
                told, value = _told(await self._http.post(self._url, **prepared))
        except TimeoutError:
            told, value = "no answer", None
        except httpx.HTTPError as error:
            told, value = f"http {type(error).__name__}", None
        return Outcome(operation, key, told, began, time.monotonic(), value)


def _told(response: httpx.Response) -> tuple[str, Any]:
    if response.status_code != 200:
        return f"http {response.status_code}", None
    messages = messages_of(response)
    if not messages or "result" not in messages[-1]:
        return "http broken off", None
    result = messages[-1]["result"]
    error = result.get("_meta", {}).get("ibkr/error")
    if error is not None:
        return str(error["code"]), error
    return ("untyped" if result.get("isError") else "done"), result.get("structuredContent")


@dataclass
class Load:
    """Clients that read and trade without a pause, until they are told to stop; every outcome is kept."""

    callers: list[Caller]
    outcomes: list[Outcome] = field(default_factory=list)
    stopping: bool = False
    pause_s: float = 0.1

    async def read(self, caller: Caller) -> None:
        while not self.stopping:
            self.outcomes.append(await caller.call("get_positions"))
            await asyncio.sleep(self.pause_s)

    async def trade(self, caller: Caller) -> None:
        while not self.stopping:
            self.outcomes.append(await caller.call("place_order", new_key(), **ORDER))
            await asyncio.sleep(self.pause_s)

    async def run(self) -> None:
        """The first caller trades, the others read."""
        async with asyncio.TaskGroup() as all_of_them:
            all_of_them.create_task(self.trade(self.callers[0]))
            for each in self.callers[1:]:
                all_of_them.create_task(self.read(each))

    @property
    def keys(self) -> list[str]:
        return [each.key for each in self.outcomes if each.key]


ORDER = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1}


def new_key() -> str:
    return f"key-{secrets.token_hex(8)}"
