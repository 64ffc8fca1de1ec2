"""A fair queue before an application that lets calls in and out as the test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest
from starlette.authentication import SimpleUser
from starlette.types import Message, Receive, Scope, Send

from mcp_front.admission import fair_queueing as queueing
from mcp_front.admission.fair_queueing import COUNTED, MAX_CONCURRENT, FairQueueMiddleware
from mcp_front.admission.rate_limits import RateLimiter

WAITING = 12  # of one client, in place of hundreds
UNPACED = RateLimiter(1e9, 1_000)
HALT = b'{"method": "tools/call", "id": 1, "params": {"name": "ibkr_halt_trading"}}'
READ = HALT.replace(b"halt_trading", b"get_positions").replace(b'"id": 1', b'"id": 7')
CANCEL = HALT.replace(b"halt_trading", b"cancel_order")
Handler = Callable[[Scope, Receive, Send], Awaitable[None]]


class Inside:
    """An application that writes down who is in, and lets them out when told."""

    def __init__(self) -> None:
        self.entered: list[str] = []
        self.go = asyncio.Semaphore(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.entered.append(scope["user"].display_name)
        await self.go.acquire()


async def nothing(message: Message) -> None: ...


def call(
    guarded: FairQueueMiddleware, caller: str, send: Send = nothing, body: bytes = b"", **scope: Any
) -> asyncio.Task[None]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def come() -> None:
        await guarded({"type": "http", "method": "POST", "user": SimpleUser(caller), **scope}, receive, send)

    return asyncio.create_task(come())


@asynccontextmanager
async def flooded(app: Handler) -> AsyncIterator[tuple[FairQueueMiddleware, list[asyncio.Task[None]]]]:
    """A queue in which one caller's flood waits."""
    guarded = FairQueueMiddleware(app, UNPACED, nullcontext)
    tasks = [call(guarded, "hungry") for _ in range(MAX_CONCURRENT + 10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    yield guarded, tasks
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def keep_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have places given back when the test says so, and rejections sent at once."""
    monkeypatch.setattr(queueing, "LONGEST_S", 30)
    monkeypatch.setattr(queueing, "RETRY_IN_S", 0.01)
    monkeypatch.setattr(queueing, "WAITING", WAITING * COUNTED)
