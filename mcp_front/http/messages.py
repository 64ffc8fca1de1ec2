"""ASGI middleware behind the queue: refuses bodies that are no JSON-RPC message, and hears cancellations."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Event

from bridge.bus.client.front_channel import RequestId
from mcp_front.admission.auth import is_known, peer_of, principal_of
from mcp_front.http.paths import is_message
from mcp_front.protocol.envelope import (
    MESSAGE,
    REQUEST_ID,
    Malformed,
    Message,
    parse_envelope,
    without_null_token,
)
from mcp_front.protocol.jsonrpc import answer, body_of, is_modern, replay_body
from mcp_front.protocol.lenient_requests import mended, mended_headers, relieving_tool

CANCELLED = "notifications/cancelled"

Cancel = Callable[[str, str, RequestId], Coroutine[Any, Any, bool]]


class MessageMiddleware:
    """The SDK answers 202 to a request whose id has a wrong type, and drops a cancellation of another POST's call."""

    def __init__(self, app: ASGIApp, cancel: Cancel) -> None:
        self._app = app
        self._cancel = cancel
        self._cancelling: set[asyncio.Task[bool]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_message(scope) or not is_known(scope):
            await self._app(scope, receive, send)
            return
        try:
            come, message = _read(await body_of(receive))
        except Malformed as error:
            await answer(400, {"id": error.id, "error": {"code": error.code, "message": error.reason}}, send)
            return
        self._hear(message, scope)
        scope = {**scope, REQUEST_ID: message.get("id"), MESSAGE: message}
        if relieving_tool(message) is not None:
            scope["headers"] = mended_headers(scope["headers"])
        await self._app(scope, replay_body(come, receive), send)

    def _hear(self, message: Message, scope: Scope) -> None:
        """Start to cancel in the background: MCP answers a notification at once."""
        if message.get("method") != CANCELLED or is_modern(scope):
            return
        request_id = (message.get("params") or {}).get("requestId")
        if not isinstance(request_id, str | int):
            return
        cancelling = self._cancel(principal_of(scope), peer_of(scope)[0], request_id)
        task = asyncio.create_task(cancelling, name="cancel")
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)


def _read(come: list[Event]) -> tuple[list[Event], Message]:
    """Return the body for MCP's own machinery, and the message in it. A call that reduces risk is mended where it is
    malformed. Raises Malformed."""
    try:
        message = parse_envelope(_body(come))
    except Malformed:
        whole = mended(come)
        if whole is come:
            raise
        come, message = whole, parse_envelope(_body(whole))
    plain = without_null_token(message)
    if plain is message:
        return come, message
    return [{"type": "http.request", "body": json.dumps(plain).encode(), "more_body": False}], plain


def _body(come: list[Event]) -> bytes:
    return b"".join(each.get("body", b"") for each in come)
