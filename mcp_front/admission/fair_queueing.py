"""Admits two requests at a time, callers in rotation, so that one client's flood delays only that client.

A client alone has the whole front. A read keeps its place until its answer begins, at most 20 ms: what takes longer
waits for TWS. A write gives its place back when its call waits for the worker. Requests beyond a caller's bound, or an
operator's rate, are rejected as `paced`, in the shape that their tool's error has.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.bus.messages import LOCAL
from bridge.fair_queue import RoundRobinQueue
from bridge.tool import ToolError
from mcp_front.admission.rate_limits import RateLimiter
from mcp_front.protocol.jsonrpc import (
    JsonRpcHead,
    answer,
    body_of,
    is_modern,
    mended,
    parse_head,
    refuse,
    replay_body,
    send_timeout,
)
from mcp_front.protocol.stop_errors import STOPPING, not_begun

MAX_CONCURRENT = 2  # one in this process and one on its way through Redis and the worker; more only wait inside
WAITING = 256  # of one caller: to wait costs nothing, to be refused does
LONGEST_S = 0.02  # inside: a call that takes longer waits for TWS, which costs this process nothing
HELD_LIMIT = 16 * 1024 * 1024  # of one caller's requests that wait
BODY_S = 15.0
HALTS_PER_S, HALTS = 20, 64  # calls of one caller that reduce risk and wait for nobody; more wait for a place alone
RETRY_IN_S = 1
PLACE = "ibkr.place"  # in the ASGI scope

Leave = Callable[[], None]
Counted = Callable[[], AbstractContextManager[None]]  # a front that stops waits for what is in it


class FairQueueMiddleware:
    """ASGI middleware; it stands behind authentication, so that it knows who comes."""

    def __init__(self, app: ASGIApp, paces: RateLimiter | None, counted: Counted) -> None:
        self._app = app
        self._paces = paces
        self._counted = counted
        self._halts = RateLimiter(HALTS_PER_S, HALTS)
        self._waiting = RoundRobinQueue()
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
                come = await body_of(receive)  # before the place is taken: a client may be slow to say what it wants
        except TimeoutError:
            await send_timeout(send)
            return
        asked = parse_head(come)
        if asked is None:
            await answer(400, {"id": None, "error": {"code": -32700, "message": "The JSON is too deep."}}, send)
            return
        if asked.relieves:
            come = mended(come)
        try:
            with self._counted(), self._holding(caller, come, asked):
                leave = await self._let_in(caller, asked)
        except ToolError as error:
            # A client that does not listen would at once be here again, and all that came together together.
            with suppress(asyncio.CancelledError):  # by a stop of the front: the refusal goes out at once
                await asyncio.sleep(RETRY_IN_S * random.uniform(1, 3))
            await refuse(asked, error, is_modern(scope), send)
            return
        except asyncio.CancelledError:  # by uvicorn alone, when a stop of the front has waited long enough
            await refuse(asked, not_begun(), is_modern(scope), send, STOPPING)
            return
        try:
            await self._app({**scope, PLACE: leave}, replay_body(come, receive), _leaving(send, leave))
        finally:
            leave()

    @contextmanager
    def _holding(self, caller: str, come: list[Message], asked: JsonRpcHead) -> Iterator[None]:
        """While the request waits. Raises ToolError `paced` where the caller's would be too much to hold."""
        size = sum(len(each.get("body", b"")) for each in come)
        if self._held[caller] + size > HELD_LIMIT and not asked.relieves:
            text = f"{caller} has {self._held[caller]} bytes waiting here. Ask again in {RETRY_IN_S} s."
            raise ToolError("paced", text, retry_after_s=RETRY_IN_S)
        self._held[caller] += size
        try:
            yield
        finally:
            self._held[caller] -= size

    async def _let_in(self, caller: str, asked: JsonRpcHead) -> Leave:
        """Wait for the caller's own pace, then for a place. Raises ToolError `paced` where that would take too long."""
        now = asyncio.get_running_loop().time()
        if asked.relieves:
            # Never refused: it takes no place, or waits for one as long as it takes.
            return await self._enter(caller) if self._halts.waits(caller, now) else lambda: None
        if self._waiting.waiting(caller) >= WAITING:
            text = f"{caller} has {WAITING} requests waiting here. Ask again in {RETRY_IN_S} s."
            raise ToolError("paced", text, retry_after_s=RETRY_IN_S)
        wait_s = self._paces.wait_s(caller, now) if self._paces else 0.0
        if wait_s:
            await asyncio.sleep(wait_s)
        return await self._enter(caller)

    async def _enter(self, caller: str) -> Leave:
        """Wait for a place, and return what gives it back."""
        if self._inside >= MAX_CONCURRENT:
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


def release_slot(scope: Scope) -> None:
    """Free the request's slot: its further waiting costs this process nothing."""
    leave: Leave | None = scope.get(PLACE)
    if leave is not None:
        leave()


def _leaving(send: Send, leave: Leave) -> Send:
    async def send_and_leave(message: Message) -> None:
        leave()
        await send(message)

    return send_and_leave
