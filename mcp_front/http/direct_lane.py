"""ASGI middleware that answers plain tool calls itself, with no MCP session for one question.

FastMCP and the SDK need milliseconds of the one thread for a call whose answer is one JSON object. The lane has the
same checks, limits, log lines and shapes, since both ways end in `CallPipeline.answer`. FastMCP keeps lists, streams,
orders of clients that can be asked to approve them, and every request that the SDK would refuse. Which way a call takes
is decided before it begins, so no order goes both ways.
"""

import asyncio
import time
from collections.abc import Iterable

from fastmcp.tools import ToolResult
from mcp.server.streamable_http import check_accept_headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.tool import Effect, ToolError, ToolSpec
from mcp_front.admission.auth import is_known
from mcp_front.http.paths import is_message
from mcp_front.protocol.direct_call import CALL, PARAMS, DirectCall, direct_answer, direct_call, progress_note
from mcp_front.protocol.envelope import MESSAGE
from mcp_front.protocol.results import error_result
from mcp_front.protocol.stop_errors import cut_off
from mcp_front.timing import USUAL, FrontTiming
from mcp_front.tools.pipeline import CallPipeline, Origin
from mcp_front.tools.server import SERVER_INFO

PING = b": ping\r\n\r\n"
STREAM_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


class DirectLane:
    """Takes `tools/call` of the tools that are answered in one piece. `streamed`: tool names that send messages while
    they run."""

    def __init__(
        self,
        app: ASGIApp,
        calls: CallPipeline,
        offered: Iterable[ToolSpec],
        streamed: frozenset[str],
        timing: FrontTiming = USUAL,
    ) -> None:
        self._app = app
        self._calls = calls
        self._timing = timing
        self._tools = {spec.tool_name: spec for spec in offered if spec.name not in streamed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = self._direct(scope) if is_message(scope) and is_known(scope) and MESSAGE in scope else None
        if call is None:
            await self._app(scope, receive, send)
        else:
            await self._answer(call, scope, receive, send)

    def _direct(self, scope: Scope) -> DirectCall | None:
        message = scope[MESSAGE]
        params = message["params"] if message.get("method") == CALL else {}  # the envelope's check: it has a name
        spec = self._tools.get(params.get("name", ""))
        if spec is None or not _accepted(scope)[0]:
            return None
        if params.keys() - PARAMS and not spec.relieves:  # such as `requestState`, which FastMCP opens or refuses
            return None
        call = direct_call(message, scope["headers"])
        asks = call is not None and call.may_be_asked and spec.effect is Effect.WRITE and not spec.relieves
        return None if asks else call

    async def _answer(self, call: DirectCall, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the call. What a client asked for and hung up on while it waited to be let in is not begun, be it a
        read or an order. What reduces risk, or steers the session, is."""
        leaving = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.sleep(0)  # the step in which `leaving` finds a client that has gone
            if not leaving.done() or _begins_without_client(self._tools[call.tool]):
                await self._run(call, scope, leaving, send)
        finally:
            leaving.cancel()

    async def _run(self, call: DirectCall, scope: Scope, leaving: asyncio.Future[None], send: Send) -> None:
        """Answer in JSON; after ten seconds as an event stream. A client that hangs up ends a read; other calls go on
        to their end, since what they change may be half done."""
        spec, response = self._tools[call.tool], _Response(call, send, self._timing)
        answering = asyncio.ensure_future(self._calls.answer(spec, call.arguments, _origin(call, scope)))
        patience_s = self._timing.stream_after_s if _accepted(scope)[1] else None
        try:
            result = await _result(cut_off(spec, call.arguments), answering, leaving, response, patience_s)
            if result is not None:
                await response.end(direct_answer(call, result, SERVER_INFO))
        finally:
            if spec.effect is Effect.READ:
                answering.cancel()
            if not answering.done():
                await asyncio.wait((answering,))


class _Response:
    """The HTTP response to a call: one JSON object, or an event stream once it has been kept open."""

    def __init__(self, call: DirectCall, send: Send, timing: FrontTiming) -> None:
        self._call = call
        self._send = send
        self._timing = timing
        self._streams = False

    async def keep_open(self, answering: asyncio.Future[ToolResult], leaving: asyncio.Future[None]) -> None:
        """Begin an event stream, and keep it alive until the answer is there or the client has gone. A client that
        gave a progress token is notified at each ping."""
        self._streams, began = True, time.monotonic()
        await self._send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        while not answering.done() and not leaving.done():
            note = progress_note(self._call, self._timing.stream_after_s + time.monotonic() - began)
            body = PING + _event(note) if note else PING
            await self._send({"type": "http.response.body", "body": body, "more_body": True})
            await asyncio.wait((answering, leaving), timeout=self._timing.ping_s, return_when=asyncio.FIRST_COMPLETED)

    async def end(self, body: bytes) -> None:
        if self._streams:
            body = _event(body)
        else:
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _event(message: bytes) -> bytes:
    return b"event: message\r\ndata: " + message + b"\r\n\r\n"


def _begins_without_client(spec: ToolSpec) -> bool:
    return spec.relieves or spec.effect not in (Effect.READ, Effect.WRITE)


async def _result(
    ended: ToolError,
    answering: asyncio.Future[ToolResult],
    leaving: asyncio.Future[None],
    response: _Response,
    patience_s: float | None,
) -> ToolResult | None:
    """Return the call's result, or `ended` where the front stops before it has come; None where the client has
    gone."""
    try:
        await asyncio.wait((answering, leaving), timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done() and not leaving.done():
            await response.keep_open(answering, leaving)
    except asyncio.CancelledError:  # by uvicorn alone, of what still runs when a stop has waited long enough
        return error_result(ended)
    return answering.result() if answering.done() else None


def _origin(call: DirectCall, scope: Scope) -> Origin:
    header = next((value for name, value in scope["headers"] if name == b"traceparent"), b"").decode("latin-1")
    return Origin(scope, call.client, call.modern, call.meta.get("traceparent", header))


def _accepted(scope: Scope) -> tuple[bool, bool]:
    """Tell whether the client takes JSON, and whether it takes an event stream; without the header it takes both."""
    if not any(name == b"accept" for name, _ in scope["headers"]):
        return True, True
    json, stream = check_accept_headers(Request(scope))
    return json, stream


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
