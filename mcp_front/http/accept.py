"""ASGI middleware that answers clients which accept JSON alone; the SDK has a 406 for them, without a word in 2026."""

from mcp.server.streamable_http import check_accept_headers
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_front.admission.auth import is_known
from mcp_front.http.paths import is_message
from mcp_front.protocol.jsonrpc import answer

BOTH = "application/json, text/event-stream"
REFUSED = (
    f"This endpoint answers in JSON, and in an event stream where it streams: send the header Accept: {BOTH}, or "
    "Accept: application/json for the result alone."
)


class JsonOnlyMiddleware:
    """Lets MCP answer in a stream, and hands on the stream's last message, the result, as plain JSON.

    Such a client gets no progress and no log messages: they have no place in one JSON body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_message(scope) or not is_known(scope):
            await self._app(scope, receive, send)
            return
        json, stream = check_accept_headers(Request(scope))
        if "accept" not in Headers(scope=scope):  # HTTP: anything
            await self._app(_accepting_both(scope), receive, send)
        elif json and stream:
            await self._app(scope, receive, send)
        elif json:
            await self._app(_accepting_both(scope), receive, _JsonFromStream(send).send)
        else:
            await answer(406, {"id": None, "error": {"code": -32600, "message": REFUSED}}, send)


def _accepting_both(scope: Scope) -> Scope:
    scope = {**scope, "headers": list(scope["headers"])}
    MutableHeaders(scope=scope)["accept"] = BOTH
    return scope


class _JsonFromStream:
    """Holds an event stream back and sends its last event; passes on any other answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._rest = b""  # of an event that has not come whole
        self._last = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and is_stream(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._take(message.get("body", b""))
            if not message.get("more_body"):
                await self._finish(self._start)

    def _take(self, chunk: bytes) -> None:
        *events, self._rest = (self._rest + chunk.replace(b"\r\n", b"\n")).split(b"\n\n")
        for event in events:
            data = b"\n".join(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:"))
            if data:
                self._last = data

    async def _finish(self, start: Message) -> None:
        headers = MutableHeaders(raw=[pair for pair in start["headers"] if pair[0].lower() != b"transfer-encoding"])
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(self._last))
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": self._last})


def is_stream(start: Message) -> bool:
    """Return whether the start of a response says that events follow."""
    return Headers(raw=start["headers"]).get("content-type", "").startswith("text/event-stream")
