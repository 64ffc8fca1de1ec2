"""ASGI middleware that answers tool calls itself, with no MCP session for one question.

FastMCP and the SDK need milliseconds of the one thread for a call whose answer is one JSON object, and half of one for
each message of a stream. The lane has the same checks, limits, log lines and shapes, since both ways end in
`CallPipeline.answer`. FastMCP keeps lists, orders of clients that can be asked to approve them, and every request that
the SDK would refuse. Which way a call takes is decided before it begins, so no order goes both ways.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from mcp.server.streamable_http import check_accept_headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.tasks import cancel_and_wait
from bridge.tool import Effect, ToolSpec
from mcp_front.admission.auth import is_known
from mcp_front.http.limited_protocol import WRITE_NOW
from mcp_front.http.paths import is_message
from mcp_front.protocol.direct_call import (
    CALL,
    PARAMS,
    DirectCall,
    direct_answer,
    direct_call,
    log_message,
    progress_note,
    wants_messages,
    wants_progress,
)
from mcp_front.protocol.envelope import MESSAGE
from mcp_front.protocol.jsonrpc import arrived
from mcp_front.protocol.results import error_result
from mcp_front.protocol.stop_errors import cut_off
from mcp_front.timing import USUAL, FrontTiming
from mcp_front.tools.pipeline import CallPipeline, ClientMessages, Origin
from mcp_front.tools.server import SERVER_INFO

AT_ONCE_S = 0.05  # a call that takes longer waits for TWS: from then on a client that hangs up ends it
ACCEPTS = 16  # texts of the header Accept that are remembered, of 64 KiB each at most
PING = b": ping\r\n\r\n"
STREAM_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


class DirectLane:
    """Takes `tools/call`. `streamed`: tool names that tell the client of themselves while they run."""

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
        self._tools = {declared.tool_name: declared for declared in offered}
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = self._direct(scope) if is_message(scope) and is_known(scope) and MESSAGE in scope else None
        if call is None:
            await self._app(scope, receive, send)
        else:
            await self._answer(call, scope, receive, send)

    def _direct(self, scope: Scope) -> DirectCall | None:
        message = scope[MESSAGE]
        params = message["params"] if message.get("method") == CALL else {}  # the envelope's check: it has a name
        declared = self._tools.get(params.get("name", ""))
        if declared is None or not _accepted(scope)[0]:
            return None
        if params.keys() - PARAMS and not declared.relieves:  # such as `requestState`, which FastMCP opens or refuses
            return None
        call = direct_call(message, scope["headers"])
        asks = call is not None and call.may_be_asked and declared.effect is Effect.WRITE and not declared.relieves
        return None if asks else call

    async def _answer(self, call: DirectCall, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the call. What a client asked for and hung up on while it waited to be let in is not begun, be it a
        read or an order. What reduces risk, or steers the session, is."""
        if not _has_left(receive) or _begins_without_client(self._tools[call.tool]):
            await self._run(call, scope, receive, send)

    async def _run(self, call: DirectCall, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in JSON; after ten seconds as an event stream. A client that hangs up ends a read; other calls go on
        to their end, since what they change may be half done."""
        declared, takes_stream = self._tools[call.tool], _accepted(scope)[1]
        tells = declared.name in self._streamed
        response = _Response(
            call, send, self._timing, tells=tells, takes_stream=takes_stream, write_now=scope.get(WRITE_NOW)
        )
        origin = _origin(call, scope, response if tells else None)
        result, answering = None, self._calls.answer(declared, call.arguments, origin)
        # What may change something runs in a task of its own, which nobody cancels.
        lasting = None if declared.effect is Effect.READ else asyncio.ensure_future(answering)
        try:
            try:
                async with _Watch(receive, response, self._timing.stream_after_s if takes_stream else None):
                    result = await (answering if lasting is None else asyncio.shield(lasting))
            except asyncio.CancelledError:  # by uvicorn alone, of what still runs when a stop has waited long enough
                result = error_result(cut_off(declared, call.arguments))
            if declared.effect is Effect.WRITE:
                _has_left(receive)  # `Delivery` hears of it: what is told to nobody is not delivered
            if result is not None:
                await response.end(direct_answer(call, result, SERVER_INFO))
        finally:
            if lasting is not None and not lasting.done():
                await asyncio.wait((lasting,))


class _Response:
    """The HTTP response to a call: one JSON object, or an event stream from the first message on and once it has been
    kept open. It is the call's `ClientMessages`. A client that takes no stream gets no messages."""

    def __init__(
        self,
        call: DirectCall,
        send: Send,
        timing: FrontTiming,
        *,
        tells: bool = False,
        takes_stream: bool = True,
        write_now: Callable[[bytes], bool] | None = None,
    ) -> None:
        """`tells`: the call's tool reports its own progress. `write_now` writes a part of a response that has begun,
        or returns False where that would have to wait."""
        self._call = call
        self._send = send
        self._timing = timing
        self._tells = tells
        self._takes_stream = takes_stream
        self._wants_messages = takes_stream and wants_messages(call)
        self._wants_progress = takes_stream and wants_progress(call)
        self._write_now = write_now
        self._streams = False
        self._beginning: asyncio.Lock | None = None  # of two parts at once, the second waits for the head

    async def info(self, message: str, *, extra: Mapping[str, Any]) -> None:
        """Send a log message, where the client wants them."""
        if self._wants_messages:
            await self._part(_event(log_message(message, extra)))

    async def report_progress(self, progress: float, total: float, message: str) -> None:
        """Send a sign of life, where the client gave a progress token."""
        if self._wants_progress:
            await self._part(_event(progress_note(self._call, progress, total, message)))

    def send_now(self, message: str, values: bytes, progress: float, total: float) -> bool:
        """Send both in this step, past the middlewares: they have nothing to do with a part of a response."""
        if not self._wants_messages and not self._wants_progress:
            return True
        if not self._streams or self._write_now is None:
            return False
        parts = _event(log_message(message, msgspec.Raw(values))) if self._wants_messages else b""
        if self._wants_progress:
            parts += _event(progress_note(self._call, progress, total, message))
        return self._write_now(parts)

    async def keep_open(self, leaving: asyncio.Future[None]) -> None:
        """Begin an event stream, and keep it alive until the client has gone. A client that gave a progress token is
        notified at each ping."""
        began = time.monotonic()
        while not leaving.done():
            waited_s = self._timing.stream_after_s + time.monotonic() - began
            note = b"" if self._tells else progress_note(self._call, waited_s)
            await self._part(PING + _event(note) if note else PING)
            await asyncio.wait((leaving,), timeout=self._timing.ping_s)

    async def end(self, body: bytes) -> None:
        if self._streams:
            body = _event(body)
        else:
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def _part(self, body: bytes) -> None:
        """Send whole events. Two tasks may do so at once: the call's, and the one that keeps it open."""
        if not self._streams:
            self._beginning = self._beginning or asyncio.Lock()
            async with self._beginning:
                await self._begin()
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _begin(self) -> None:
        if not self._streams:
            await self._send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
            self._streams = True


def _event(message: bytes) -> bytes:
    return b"event: message\r\ndata: " + message + b"\r\n\r\n"


def _begins_without_client(declared: ToolSpec) -> bool:
    return declared.relieves or declared.effect not in (Effect.READ, Effect.WRITE)


class _Watch:
    """Looks after a client whose call takes longer than AT_ONCE_S: keeps the response open while the block waits for
    the answer, and ends the block when the client has gone. Most calls end sooner, and cost a timer."""

    def __init__(self, receive: Receive, response: _Response, patience_s: float | None) -> None:
        """`patience_s`: how long a client waits for one JSON object before it gets a stream; None for ever."""
        self._receive = receive
        self._response = response
        self._patience_s = None if patience_s is None else max(patience_s - AT_ONCE_S, 0.0)
        self._left = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._block = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(AT_ONCE_S, self._begin)

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._timer.cancel()
        if self._task is not None:
            await cancel_and_wait([self._task])
        if self._left and self._block is not None:
            self._block.uncancel()
        return self._left and kind is asyncio.CancelledError

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._look(), name="client watch")

    async def _look(self) -> None:
        leaving = asyncio.ensure_future(_disconnected(self._receive))
        try:
            await asyncio.wait((leaving,), timeout=self._patience_s)
            await self._response.keep_open(leaving)
        finally:
            leaving.cancel()
        self._left = True
        if self._block is not None:
            self._block.cancel()


def _origin(call: DirectCall, scope: Scope, messages: ClientMessages | None) -> Origin:
    header = next((value for name, value in scope["headers"] if name == b"traceparent"), b"").decode("latin-1")
    return Origin(scope, call.client, call.modern, call.meta.get("traceparent", header), messages=messages)


def _accepted(scope: Scope) -> tuple[bool, bool]:
    """Tell whether the client takes JSON, and whether it takes an event stream; without the header it takes both."""
    for name, value in scope["headers"]:
        if name == b"accept":
            return _taken(value)
    return True, True


@lru_cache(ACCEPTS)
def _taken(accept: bytes) -> tuple[bool, bool]:
    json, stream = check_accept_headers(Request({"type": "http", "headers": [(b"accept", accept)]}))
    return json, stream


def _has_left(receive: Receive) -> bool:
    """Tell whether the client is known to have gone."""
    message = arrived(receive)
    while message is not None and message["type"] != "http.disconnect":
        message = arrived(receive)
    return message is not None


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
