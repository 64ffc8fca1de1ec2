"""ASGI middleware around FastMCP: answers a request that a stop of the front cuts off, in the words of MCP.

uvicorn cancels what still runs when a stop has waited long enough, and answers a bare 500 where no answer has begun.
sse-starlette ends the event streams of the handshake era half a second after uvicorn begins to stop, without a word.
"""

import asyncio
import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_front.http.accept import is_stream
from mcp_front.protocol.delivery import FOLLOWING, Follow
from mcp_front.protocol.envelope import MESSAGE
from mcp_front.protocol.jsonrpc import CALL, CallParams, JsonRpcHead, error_response, is_modern, refuse
from mcp_front.protocol.stop_errors import STOPPING, cut_off


class CutOffMiddleware:
    """Ends each response that FastMCP leaves open. Where the client has gone, nobody reads that end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if MESSAGE not in scope:
            await self._app(scope, receive, send)
            return
        response = _WatchedResponse(send)
        following: list[Follow] = []
        try:
            await self._app({**scope, FOLLOWING: following}, receive, response.send)
        except asyncio.CancelledError:  # by uvicorn alone
            if response.is_complete:
                raise
        if response.is_complete:
            scope.get(FOLLOWING, []).extend(following)  # a cut-off answer must not count as the delivered one
        else:
            await response.end(scope)


class _WatchedResponse:
    """The HTTP response to one request, as far as FastMCP has sent it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self.is_complete = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif not message.get("more_body", False):
            self.is_complete = True
        await self._send(message)

    async def end(self, scope: Scope) -> None:
        """Send the error: as the whole response, or as the last event of a stream that has begun."""
        asked, arguments = _asked(scope[MESSAGE])
        error = cut_off(asked.tool, arguments)
        if self._start is None:
            await refuse(asked, error, is_modern(scope), self._send, STOPPING)
        elif is_stream(self._start):
            data = json.dumps({"jsonrpc": "2.0", **error_response(asked, error, is_modern(scope))}).encode()
            event = b"event: message\r\ndata: " + data + b"\r\n\r\n"
            await self._send({"type": "http.response.body", "body": event})


def _asked(message: dict[str, Any]) -> tuple[JsonRpcHead, dict[str, Any]]:
    """Return what a message asks, and the arguments of a call."""
    params = message["params"] if message.get("method") == CALL else {}  # the envelope's check: it has a name
    head = JsonRpcHead(message.get("id"), message.get("method"), CallParams(params.get("name")))
    return head, params.get("arguments") or {}
