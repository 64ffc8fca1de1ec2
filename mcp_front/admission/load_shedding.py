"""Refuses what one client asks far beyond its share before who it is has been looked up, for a fraction of the cost.

A client that sends a thousand requests a second is refused nearly all of them, and the way to the door alone, through
HTTP's own layers, would take most of the one thread. Requests with the same Authorization header are one client's here.
"""

import asyncio
from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.tool import ToolError
from mcp_front.admission.fair_queueing import BODY_S, RETRY_IN_S
from mcp_front.protocol.jsonrpc import body_of, is_modern, parse_head, refuse, replay_body, send_timeout

REFUSED_PER_S = 50  # of one client, evenly: those that came together must not be answered, and come again, together
LONGEST_S = 20.0  # until one is refused, well within the patience of a client's own timeout
RESERVED = 256  # places for calls of one client that reduce risk: more at a time is a flood
KEPT = 4_000  # of one client that wait to be refused; more are refused at once
SMALL = 64 * 1024  # bytes: a larger request is not read to be refused


class LoadSheddingMiddleware:
    """ASGI middleware around everything else. `share` is how many requests of one client are let through at a time: as
    many as may wait at the door and run behind it."""

    def __init__(self, app: ASGIApp, share: int) -> None:
        self._app = app
        self._share = share
        self._through: Counter[bytes] = Counter()
        self._kept: Counter[bytes] = Counter()
        self._due: dict[bytes, float] = {}  # when the client's next is refused at the earliest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        client = _header(scope, b"authorization")
        if self._through[client] >= self._share and _size(scope) <= SMALL:
            await self._beyond(client, scope, receive, send)
        else:
            await self._let_through(client, scope, receive, send)

    async def _let_through(self, client: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        self._through[client] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._through[client] -= 1
            if not self._through[client]:
                del self._through[client]

    async def _beyond(self, client: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Halting waits for nobody, and calls that reduce risk have places of their own. All else is refused in the
        client's own time, as one that does not listen would at once be here again, and to keep it waiting costs
        nothing."""
        try:
            async with asyncio.timeout(BODY_S):
                come = await body_of(receive)
        except TimeoutError:
            await send_timeout(send)
            return
        asked = parse_head(come)
        reserved = asked is not None and asked.relieves and self._through[client] < self._share + RESERVED
        if asked is None or asked.halts or reserved:
            await self._let_through(client, scope, replay_body(come, receive), send)
            return
        del come  # it may be kept for long
        if self._kept[client] < KEPT:
            await self._keep(client)
        text = f"This client has {self._share} requests under way here. Ask again in {RETRY_IN_S} s."
        await refuse(asked, ToolError("paced", text, retry_after_s=RETRY_IN_S), is_modern(scope), send)

    async def _keep(self, client: bytes) -> None:
        """Until it is this one's turn to be refused."""
        now = asyncio.get_running_loop().time()
        due = max(self._due.get(client, now), now + RETRY_IN_S)
        if due <= now + LONGEST_S:
            self._due[client] = due + 1 / REFUSED_PER_S
        self._kept[client] += 1
        try:
            await asyncio.sleep(min(due - now, LONGEST_S))
        finally:
            self._kept[client] -= 1
            if not self._kept[client]:
                del self._kept[client], self._due[client]


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")


def _size(scope: Scope) -> float:
    """Return the announced size of the body; without an announcement it may have any size."""
    announced = _header(scope, b"content-length")
    return int(announced) if announced.isdigit() else float("inf")
