"""One stream subscription: opens it, resumes without a gap, and reopens it when the leader changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from bridge.bus.client.client import BusClient
from bridge.bus.client.stream_reader import StreamReader
from bridge.tool import OPERATIONS, ToolRequest
from mcp_front.tools.pipeline import Call

Opened = dict[str, Any]  # the worker's answer: the stream's name, and what is known


class Subscription:
    """One call's subscription. Every method raises ToolError."""

    def __init__(self, bus: BusClient, call: Call, operation: str, request: ToolRequest) -> None:
        self._bus = bus
        self._call = call
        self._operation = OPERATIONS[operation]
        self._request = request
        self._leader: int | None = None
        self._opened_at = float("-inf")

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[tuple[StreamReader, Opened]]:
        """A feed, and what was known before its first tick."""
        opened = await self._ask()
        async with self._bus.listen(opened["stream"]) as feed:
            yield feed, await self.open(feed)  # again: what came before somebody listened is lost

    async def open(self, feed: StreamReader) -> Opened:
        """Return the state that the leading worker knows; the feed continues from there."""
        feed.pause()
        self._opened_at = asyncio.get_running_loop().time()
        self._leader = await self._token()  # before the question: a change meanwhile is then seen
        opened = await self._ask()
        feed.resume_from(opened.get("life", ""), opened.get("seq", 0))
        return opened

    def is_superseded(self, at: float, token: int | None) -> bool:
        """Return whether another worker leads, by the leader's token and when that was read: it knows nothing of the
        stream. What was read before the stream was opened last says nothing."""
        return at > self._opened_at and token != self._leader

    async def _token(self) -> int | None:
        beat = await self._bus.status()
        return beat.token if beat else None

    async def _ask(self) -> Opened:
        reply = await self._bus.ask(self._operation, self._request, self._call.caller)
        opened: Opened = msgspec.json.decode(reply)
        return opened
