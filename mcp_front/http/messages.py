"""ASGI middleware behind the queue: refuses bodies that are no JSON-RPC message, and hears cancellations."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.bus.client.front_channel import RequestId
from mcp_front.admission.auth import is_known, peer_of, principal_of
from mcp_front.http.paths import is_message
from mcp_front.protocol.envelope import MESSAGE, REQUEST_ID, Malformed, Message, parse_envelope
from mcp_front.protocol.jsonrpc import answer, body_of, is_modern, replay_body

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
        come = await body_of(receive)
        body = b"".join(each.get("body", b"") for each in come)
        try:
            message = parse_envelope(body)
        except Malformed as error:
            await answer(400, {"id": error.id, "error": {"code": error.code, "message": error.reason}}, send)
            return
        self._hear(message, scope)
        scope = {**scope, REQUEST_ID: message.get("id"), MESSAGE: message}
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
