"""Lets requests in at each caller's pace and a few at a time, callers in rotation: a flood waits for itself.

MCP's machinery takes milliseconds of the one thread for each request before a tool is even looked up. A request holds a
place inside the door for that long: until its call waits for the worker, or its answer begins. One that comes too early
waits here, which costs nothing, or is refused here, in the words that its tool would have used.
"""

import asyncio
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
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
HELD_LIMIT = 16 * 1024 * 1024  # of one caller's requests that wait
BODY_S = 15.0
HALTS_PER_S, HALTS = 5, 20  # of one caller that wait for nobody; more are requests like others
RETRY_IN_S = 1
PLACE = "ibkr.place"  # in the ASGI scope
CALL = "tools/call"

Leave = Callable[[], None]
Counted = Callable[[], AbstractContextManager[None]]  # a front that stops waits for what is in it


class _Params(msgspec.Struct):
    name: Any = None


class _Message(msgspec.Struct):
    """As much of a JSON-RPC message as is needed here."""

    id: Any = None
    method: Any = None
    params: _Params | None = None

    @property
    def halts(self) -> bool:
        """Halting waits for nobody: it must work while something floods."""
        name = self.params.name if self.method == CALL and self.params is not None else None
        tool = TOOLS.get(name) if isinstance(name, str) else None
        return tool is not None and tool.effect is Effect.HALT


class Door:
    """ASGI middleware; it stands behind authentication, so that it knows who comes."""

    def __init__(self, app: ASGIApp, paces: Paces, counted: Counted) -> None:
        self._app = app
        self._paces = paces
        self._counted = counted
        self._halts = Paces(HALTS_PER_S, HALTS)
        self._waiting = Rotation()
        self._held: Counter[str] = Counter()  # bytes of requests that wait, by caller
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        if "user" in scope and not scope["user"].is_authenticated:
            await self._app(scope, receive, send)  # to its 401: nothing of it is read or kept here
            return
        caller = scope["user"].display_name if "user" in scope else LOCAL
        try:
            async with asyncio.timeout(BODY_S):
                come = await _come(receive)  # before the place is taken: a client may be slow to say what it wants
        except TimeoutError:
            await _answer(408, {"id": None, "error": {"code": -32700, "message": "The request did not come."}}, send)
            return
        message = _message(come)
        if message is None:
            await _answer(400, {"id": None, "error": {"code": -32700, "message": "The JSON is too deep."}}, send)
            return
        try:
            with self._counted(), self._holding(caller, come):
                leave = await self._let_in(caller, message)
        except ToolError as error:
            await asyncio.sleep(RETRY_IN_S)  # a client that does not listen would at once be here again
            await _refuse(message, error, _is_modern(scope), send)
            return
        try:
            await self._app({**scope, PLACE: leave}, _again(come, receive), _leaving(send, leave))
        finally:
            leave()

    @contextmanager
    def _holding(self, caller: str, come: list[Message]) -> Iterator[None]:
        """While the request waits. Raises ToolError `paced` where the caller's would be too much to hold."""
        size = sum(len(each.get("body", b"")) for each in come)
        if self._held[caller] + size > HELD_LIMIT:
            text = f"{caller} has {self._held[caller]} bytes waiting here. Ask again in {RETRY_IN_S} s."
            raise ToolError("paced", text, retry_after_s=RETRY_IN_S)
        self._held[caller] += size
        try:
            yield
        finally:
            self._held[caller] -= size

    async def _let_in(self, caller: str, message: _Message) -> Leave:
        """Wait for the caller's own pace, then for a place. Raises ToolError `paced` where that would take too long."""
        now = asyncio.get_running_loop().time()
        if message.halts and not self._halts.waits(caller, now):
            return lambda: None  # it takes no place
        if self._waiting.waiting(caller) >= WAITING:
            text = f"{caller} has {WAITING} requests waiting here. Ask again in {RETRY_IN_S} s."
            raise ToolError("paced", text, retry_after_s=RETRY_IN_S)
        wait_s = self._paces.wait_s(caller, now)
        if wait_s:
            await asyncio.sleep(wait_s)
        return await self._enter(caller)

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


def _message(come: list[Message]) -> _Message | None:
    """What the request says, if it is a message: what is none is told so inside, but for JSON that is nested so deep
    that nobody can read it: None."""
    try:
        return msgspec.json.decode(b"".join(each.get("body", b"") for each in come), type=_Message)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Message()
    except RecursionError:
        return None


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
    retry_after = str(math.ceil(error.details["retry_after_s"])).encode()
    await _answer(status, {"id": message.id, **answer}, send, (b"retry-after", retry_after))


async def _answer(status: int, answer: dict[str, Any], send: Send, *more: tuple[bytes, bytes]) -> None:
    body = json.dumps({"jsonrpc": "2.0", **answer}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
