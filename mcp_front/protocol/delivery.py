"""Runs what is to follow once a request's answer has gone out whole to a client that was still there."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.tool import ToolError

FOLLOWING = "ibkr.following"  # in the ASGI scope: what is to follow
FOLLOW_S = 2.0

Follow = Callable[[], Awaitable[None]]


class Delivery:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        following: list[Follow] = []
        gone = delivered = False

        async def heard() -> Message:
            nonlocal gone
            message = await receive()
            gone = gone or (message["type"] == "http.disconnect" and not delivered)
            return message

        async def sent(message: Message) -> None:
            nonlocal delivered
            await send(message)
            ends = message["type"] == "http.response.body" and not message.get("more_body", False)
            delivered = delivered or (ends and not gone)

        await self._app({**scope, FOLLOWING: following}, heard, sent)
        if delivered:
            for follow in following:
                with suppress(ToolError, TimeoutError):  # it only shortens how long an equal order is held
                    await asyncio.wait_for(follow(), FOLLOW_S)


def when_delivered(scope: Scope | None, follow: Follow) -> None:
    """Call `follow` once the answer of the request with this ASGI scope was delivered."""
    if scope is not None:
        scope.get(FOLLOWING, []).append(follow)
