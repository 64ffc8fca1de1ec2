"""Lets requests in a few at a time, their callers in rotation: a flood is waited for by its own caller, not by others.

MCP's machinery takes milliseconds of the one thread for each request before a tool is even looked up. A request holds a
place inside the door for that long: until its call waits for the worker, or its answer begins.
"""

import asyncio
import json
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.rotation import Rotation
from mcp_front.auth import LOCAL

INSIDE = 1  # there is one thread: what is let in beside it would only slow it down
WAITING = 256  # of one caller: to wait costs nothing, to be refused does
LONGEST_S = 0.25  # inside: a request that takes longer waits for something else
BODY_LIMIT = 4 * 1024 * 1024  # more is not held here
RETRY_IN_S = 1
PLACE = "ibkr.place"  # in the ASGI scope

Leave = Callable[[], None]


class Door:
    """ASGI middleware; it stands behind authentication, so that it knows who comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._waiting = Rotation()
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        caller = scope["user"].display_name if "user" in scope else LOCAL
        if self._waiting.waiting(caller) >= WAITING:
            await asyncio.sleep(RETRY_IN_S)  # a client that does not listen would at once be here again
            await _refuse(caller, send)
            return
        come = await _come(receive)  # before the place is taken: a client may be slow to say what it wants
        leave = await self._enter(caller)
        try:
            await self._app({**scope, PLACE: leave}, _again(come, receive), _leaving(send, leave))
        finally:
            leave()

    async def _enter(self, caller: str) -> Leave:
        """Wait for a place, and return what gives it back."""
        if self._inside >= INSIDE:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(caller, turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._waiting.remove(caller, turn)
                if turn.done() and not turn.cancelled():
                    self._leave()  # the place was given in this very moment
                raise
        else:
            self._inside += 1
        return self._once()

    def _once(self) -> Leave:
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                timer.cancel()
                self._leave()

        timer = asyncio.get_running_loop().call_later(LONGEST_S, leave)
        return leave

    def _leave(self) -> None:
        """The place goes to the next who still waits, else it is free."""
        while self._waiting:
            turn = self._waiting.take()
            if not turn.done():
                turn.set_result(None)
                return
        self._inside -= 1


def leave_door(scope: Scope) -> None:
    """What the request waits for from here on costs this process nothing."""
    leave: Leave | None = scope.get(PLACE)
    if leave is not None:
        leave()


async def _come(receive: Receive) -> list[Message]:
    """The request's body as it came, up to the limit."""
    messages, size = [], 0
    while True:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if not message.get("more_body") or size > BODY_LIMIT:
            return messages


def _again(come: list[Message], receive: Receive) -> Receive:
    async def receive_again() -> Message:
        return come.pop(0) if come else await receive()

    return receive_again


def _leaving(send: Send, leave: Leave) -> Send:
    async def send_and_leave(message: Message) -> None:
        leave()
        await send(message)

    return send_and_leave


async def _refuse(caller: str, send: Send) -> None:
    """HTTP's own words for it, with MCP's inside: the request is not even read."""
    text = f"[paced] {caller} has {WAITING} requests waiting here. Ask again in {RETRY_IN_S} s."
    data = {"code": "paced", "retry_after_s": RETRY_IN_S}
    body = json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": text, "data": data}}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(RETRY_IN_S).encode()),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})
