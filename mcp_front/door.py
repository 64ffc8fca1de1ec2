"""Lets requests in at each caller's pace and a few at a time, callers in rotation: a flood waits for itself.

MCP's machinery takes milliseconds of the one thread for each request before a tool is even looked up. A request holds a
place inside the door for that long: until its call waits for the worker, or its answer begins. One that comes too early
waits here, which costs nothing, or is refused here, in the words that its tool would have used.
"""

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any

import msgspec
from mcp_types import CallToolResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.rotation import Rotation
from bridge.tool import TOOLS, Effect, ToolError
from mcp_front.auth import LOCAL
from mcp_front.limits import Paces
from mcp_front.results import error_result

INSIDE = 1  # there is one thread: what is let in beside it would only slow it down
WAITING = 256  # of one caller: to wait costs nothing, to be refused does
LONGEST_S = 0.25  # inside: a request that takes longer waits for something else
BODY_LIMIT = 4 * 1024 * 1024  # more is not held here
RETRY_IN_S = 1
PLACE = "ibkr.place"  # in the ASGI scope
CALL = "tools/call"

Leave = Callable[[], None]


class _Params(msgspec.Struct):
    name: Any = None


class _Message(msgspec.Struct):
    """As much of a JSON-RPC message as is needed here."""

    id: Any = None
    method: Any = None
    params: _Params | None = None

    @property
    def halts(self) -> bool:
        """Halting needs no allowance: it must work while something floods."""
        tool = TOOLS.get(self.params.name) if self.method == CALL and self.params is not None else None
        return tool is not None and tool.effect is Effect.HALT


class Door:
    """ASGI middleware; it stands behind authentication, so that it knows who comes."""

    def __init__(self, app: ASGIApp, paces: Paces) -> None:
        self._app = app
        self._paces = paces
        self._waiting = Rotation()
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        caller = scope["user"].display_name if "user" in scope else LOCAL
        come = await _come(receive)  # before the place is taken: a client may be slow to say what it wants
        message = _message(come)
        try:
            await self._turn(caller, message)
        except ToolError as error:
            await asyncio.sleep(RETRY_IN_S)  # a client that does not listen would at once be here again
            await _refuse(message, error, _is_modern(scope), send)
            return
        leave = await self._enter(caller)
        try:
            await self._app({**scope, PLACE: leave}, _again(come, receive), _leaving(send, leave))
        finally:
            leave()

    async def _turn(self, caller: str, message: _Message) -> None:
        """Wait for the caller's own pace. Raises ToolError `paced` where that would take too long."""
        if self._waiting.waiting(caller) >= WAITING:
            text = f"{caller} has {WAITING} requests waiting here. Ask again in {RETRY_IN_S} s."
            raise ToolError("paced", text, retry_after_s=RETRY_IN_S)
        if message.halts:
            return
        wait_s = self._paces.wait_s(caller, asyncio.get_running_loop().time())
        if wait_s:
            await asyncio.sleep(wait_s)

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


def _message(come: list[Message]) -> _Message:
    """What the request says, if it is a message: what is none is told so inside."""
    try:
        return msgspec.json.decode(b"".join(each.get("body", b"") for each in come), type=_Message)
    except msgspec.DecodeError:
        return _Message()


def _is_modern(scope: Scope) -> bool:
    return dict(scope.get("headers", ())).get(b"mcp-protocol-version", b"").decode() in MODERN_PROTOCOL_VERSIONS


async def _refuse(message: _Message, error: ToolError, modern: bool, send: Send) -> None:
    """A tool call gets its tool's error; anything else HTTP's own word, with MCP's inside."""
    if message.method == CALL and message.id is not None:
        result = error_result(error, structured=modern).to_mcp_result()
        assert isinstance(result, CallToolResult)  # an error is always a whole result
        newer = None if modern else {"result_type"}
        told = result.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=newer)
        status, answer = 200, {"result": told}
    else:
        data = {"code": error.code, **error.details}
        status, answer = 429, {"error": {"code": -32000, "message": str(error), "data": data}}
    body = json.dumps({"jsonrpc": "2.0", "id": message.id, **answer}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(math.ceil(error.details["retry_after_s"])).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
