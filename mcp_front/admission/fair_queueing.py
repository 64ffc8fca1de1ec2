"""Admits four requests at a time, callers in rotation, so that one client's flood delays only that client.

A client alone has the whole front, and half of the places while another calls. A read keeps its place until its
answer begins, at most 20 ms: what takes longer waits for TWS. A write gives its place back when its call waits for the
worker. Requests beyond a bound, or an operator's rate, are rejected as `paced`, in the shape that their tool's error
has. Halts, and the other calls that reduce risk or show it, have places of their own and are never rejected.
"""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.bus.messages import LOCAL
from bridge.metrics.figures import QueueFigures
from bridge.tool import ToolError
from mcp_front.admission.auth import is_known, label_of, peer_of, principal_of
from mcp_front.admission.rate_limits import RateLimiter
from mcp_front.admission.waiting_line import Path, Turn, WaitingLine
from mcp_front.protocol.jsonrpc import (
    BODY_LIMIT,
    JsonRpcHead,
    answer,
    arrived,
    body_of,
    body_size,
    is_modern,
    is_whole,
    parse_head,
    refuse,
    replay_body,
    send_timeout,
)
from mcp_front.protocol.stop_errors import STOPPING, not_begun

# Calls that are on their way together share round trips of Redis: with four inside, not two, a call takes a third less
# processor time in the front and in the worker. More than four save nothing further.
MAX_CONCURRENT = 4
SHARE = 2  # of these places, of one caller while another calls too
ABOUT_S = 1.0  # so long after its last request a caller counts as one that calls
LONGEST_S = 0.02  # inside: a call that takes longer waits for TWS, which costs this process nothing
SMALL = 64 * 1024  # bytes: a larger body is read when its turn has come, one such body at a time
COUNTED = 16 * 1024  # bytes that a waiting request counts for at least, with its task and its connection
WAITING = 4 * 1024 * 1024  # bytes of one label's waiting requests: 256 requests of the usual size
WAITING_IN_ALL = 4 * WAITING
BODY_S = 15.0
RETRY_IN_S = 1
REJECTED_PER_S = 100  # of one principal, at once; a client that goes on regardless gets its next answers later
REJECTED_LATER_S = 10.0  # at most: what a thousand connections send regardless then comes a hundred times a second
PLACE = "ibkr.place"  # in the ASGI scope
AUTHENTICATED = "ibkr.authenticated"  # in the ASGI scope: tells the connection that its client is known
CALLER = "ibkr.caller"  # in the ASGI scope: tells the connection whose its request was

_NOBODY: tuple[str | None, float] = (None, float("-inf"))

Leave = Callable[[], None]
Counted = Callable[[], AbstractContextManager[None]]  # a front that stops waits for what is in it


class _Slot:
    """One request's place, which is freed by the first call."""

    __slots__ = ("_path", "_places", "ends", "left")

    def __init__(self, places: "Places", path: Path, ends: float) -> None:
        self._places = places
        self._path = path
        self.ends = ends  # by the loop's clock: it is freed then
        self.left = False

    def __call__(self) -> None:
        if not self.left:
            self.left = True
            self._places.leave(self._path)


class Places:
    """Admits `most` requests at a time; the next ones wait in a fair line. While others call too, one caller has
    `share` places at most: what it leaves is this process's time, in which another's call is answered at once."""

    def __init__(self, most: int, share: int | None = None, figures: QueueFigures | None = None) -> None:
        self.line = WaitingLine()
        self._figures = QueueFigures() if figures is None else figures
        self._most = most
        self._share = most if share is None else share
        self._inside: Counter[str | None] = Counter()  # by caller
        self._latest = self._other = _NOBODY  # who has called last, and who before that caller
        self._slots: deque[_Slot] = deque()  # the next to be freed first

    async def enter(self, path: Path, size: int = 0) -> None:
        """Wait for a place; `leave` frees it. Raises ToolError `paced` where `make_room` took the turn."""
        caller = _caller(path)
        self._note(caller)
        if self._inside.total() < self._most and self._may(path):
            self._inside[caller] += 1
            return
        turn = Turn(asyncio.get_running_loop().create_future(), size, path)
        self.line.add(path, turn)
        self._figures.waiting += 1
        try:
            await turn.given
        except asyncio.CancelledError:
            if not self.line.remove(path, turn) and not turn.given.cancelled() and not turn.given.exception():
                self.leave(path)  # the place was given in this very moment
            raise
        finally:
            self._figures.waiting -= 1

    def slot(self, path: Path) -> Leave:
        """Return what frees the place that was entered: the first time that it is called, or after the longest time
        inside. One timer is for all of them: most requests are over long before."""
        slot = _Slot(self, path, asyncio.get_running_loop().time() + LONGEST_S)
        self._slots.append(slot)
        if len(self._slots) == 1:
            self._await_end()
        return slot

    def _await_end(self) -> None:
        asyncio.get_running_loop().call_at(self._slots[0].ends, self._free)

    def _free(self) -> None:
        """Free the places whose time is over, and look again when the next one's is."""
        now = asyncio.get_running_loop().time()
        while self._slots and (self._slots[0].left or self._slots[0].ends <= now):
            self._slots.popleft()()
        if self._slots:
            self._await_end()

    def leave(self, path: Path) -> None:
        """Free a place of the one who waited by this path. It goes to the next request that may have it."""
        caller = _caller(path)
        self._inside[caller] -= 1
        if not self._inside[caller]:
            del self._inside[caller]
        while self._inside.total() < self._most and (turn := self.line.take(self._may)) is not None:
            if not turn.given.done():
                self._inside[_caller(turn.path)] += 1
                turn.given.set_result(None)

    def _note(self, caller: str | None) -> None:
        if caller != self._latest[0]:
            self._other = self._latest
        self._latest = (caller, time.monotonic())

    def _may(self, path: Path) -> bool:
        """Return whether who waits below a path may have one more place."""
        caller = _caller(path)
        if caller is None or self._inside[caller] < self._share:
            return True
        other = self._other if caller == self._latest[0] else self._latest
        return time.monotonic() - other[1] > ABOUT_S

    def make_room(self, size: int, most: int) -> None:
        """Reject the newest requests of whoever has most of them waiting, until `size` more bytes fit."""
        while self.line and self.line.size + size > most:
            turn = self.line.drop()
            if not turn.given.done():
                text = f"Too many requests wait here, most of them yours (limit: {most // 1024} KiB)."
                turn.given.set_exception(_paced(text))


class FairQueueMiddleware:
    """ASGI middleware; it stands behind authentication, so that it knows who calls."""

    def __init__(
        self, app: ASGIApp, paces: RateLimiter | None, counted: Counted, figures: QueueFigures | None = None
    ) -> None:
        self._app = app
        self._figures = QueueFigures() if figures is None else figures
        self._paces = paces
        self._counted = counted
        self._rejections = RateLimiter(REJECTED_PER_S, REJECTED_PER_S)
        self._places = Places(MAX_CONCURRENT, SHARE, self._figures)
        self._reserved, self._halts = (Places(MAX_CONCURRENT, figures=self._figures) for _ in range(2))
        self._large = Places(1, figures=self._figures)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not is_known(scope):
            await self._app(scope, receive, send)  # unknown callers get their 401: nothing of theirs is read here
            return
        scope.get(AUTHENTICATED, lambda: None)()
        try:
            come = await _small_body(receive)  # before a place is taken: a client may be slow to send
            if is_whole(come):
                leave = await self._admitted(scope, come, send)
            else:
                leave = await self._large_admitted(scope, come, receive, send)
        except TimeoutError:
            await send_timeout(send)
            return
        except asyncio.CancelledError:  # by uvicorn alone, when a stop of the front has waited long enough
            await refuse(JsonRpcHead(), not_begun(), is_modern(scope), send, STOPPING)
            return
        if leave is None:
            return
        try:
            await self._app({**scope, PLACE: leave}, replay_body(come, receive), _leaving(send, leave))
        finally:
            leave()

    async def _large_admitted(self, scope: Scope, come: list[Message], receive: Receive, send: Send) -> Leave | None:
        """Read the rest of a large body when its turn has come. The next large one waits until this one is let in, so
        that no more than one of them is held. What has come of those that wait counts as other requests do."""
        path, size = _path(scope, ""), body_size(come)
        try:
            _make_room(self._large, path, size, "large requests")
            await self._large.enter(path, size)
        except ToolError as error:
            come.clear()
            await self._reject(scope, JsonRpcHead(), error, send)
            return None
        try:
            async with asyncio.timeout(BODY_S):
                come += await body_of(receive, BODY_LIMIT - body_size(come))
            return await self._admitted(scope, come, send)
        finally:
            self._large.leave(path)

    async def _admitted(self, scope: Scope, come: list[Message], send: Send) -> Leave | None:
        """Wait for a place, and return what frees it; None where the request was rejected and answered."""
        size = body_size(come)
        if size > BODY_LIMIT or not is_whole(come):
            text = f"A request has at most {BODY_LIMIT // 1024 // 1024} MiB. Send less."
            await answer(413, {"id": None, "error": {"code": -32600, "message": text}}, send)
            return None
        head = parse_head(come)
        if head is None:
            await answer(400, {"id": None, "error": {"code": -32700, "message": "The JSON is too deep."}}, send)
            return None
        path = _path(scope, head.client if is_modern(scope) else "")
        scope.get(CALLER, _nobody)(_caller(path) or "")
        try:
            with self._counted():
                return await self._enter(path, size, head)
        except ToolError as error:
            come.clear()  # a rejection may be held back: its body is not
            await self._reject(scope, head, error, send)
        except asyncio.CancelledError:  # as above
            await refuse(head, not_begun(), is_modern(scope), send, STOPPING)
        return None

    async def _reject(self, scope: Scope, head: JsonRpcHead, error: ToolError, send: Send) -> None:
        """Answer a rejected request. A client that goes on regardless would be back at once, and all its connections
        together: to reject a request takes as much time as to answer one."""
        self._figures.rejected += 1
        later_s = self._rejections.delay_s(principal_of(scope), asyncio.get_running_loop().time(), REJECTED_LATER_S)
        if later_s:
            with suppress(asyncio.CancelledError):  # by a stop of the front: the rejection goes out at once
                await asyncio.sleep((RETRY_IN_S + later_s) * random.uniform(1, 1.2))
        await refuse(head, error, is_modern(scope), send)

    async def _enter(self, path: Path, size: int, head: JsonRpcHead) -> Leave:
        """Wait for the principal's own pace, then for a place. Raises ToolError `paced` where that would take too
        long."""
        if head.relieves:
            places = self._halts if head.halts else self._reserved
            await places.enter(path)
            return places.slot(path)
        if self._paces:
            wait_s = self._paces.wait_s(path[0], asyncio.get_running_loop().time())
            if wait_s:
                await asyncio.sleep(wait_s)
        size = max(COUNTED, size)
        _make_room(self._places, path, size, "requests")
        await self._places.enter(path, size)
        return self._places.slot(path)


def release_slot(scope: Scope) -> None:
    """Free the request's place: its further waiting costs this process nothing."""
    leave: Leave | None = scope.get(PLACE)
    if leave is not None:
        leave()


async def _small_body(receive: Receive) -> list[Message]:
    """Return the request's body up to SMALL bytes; most have come with their heads. Raises TimeoutError."""
    first = arrived(receive)
    if first is not None and not first.get("more_body"):
        return [first]
    begun = [] if first is None else [first]
    if body_size(begun) > SMALL:
        return begun
    async with asyncio.timeout(BODY_S):
        return begun + await body_of(receive, SMALL - body_size(begun))


def _path(scope: Scope, client: str) -> Path:
    address, port = peer_of(scope)
    return principal_of(scope), label_of(scope, client), f"{address}:{port}"


def _make_room(places: Places, path: Path, size: int, what: str) -> None:
    """Let a request of `size` bytes wait. Raises ToolError `paced` where its label has too much waiting."""
    waiting = places.line.size_of(path[:2])
    if waiting and waiting + size > WAITING:
        raise _paced(f"Too many {what} of {path[1] or path[0]} wait (limit: {WAITING // 1024} KiB).")
    places.make_room(size, WAITING_IN_ALL)


def _nobody(_: str) -> None:
    """Do nothing, where no connection asks who calls."""


def _paced(text: str) -> ToolError:
    return ToolError("paced", f"{text} Retry in {RETRY_IN_S} second.", retry_after_s=RETRY_IN_S)


def _caller(path: Path) -> str | None:
    """Return whose places those below a path are: the token's, or without tokens the label's. None: of several."""
    if path[0] != LOCAL:
        return path[0]
    return path[1] if len(path) > 1 else None


def _leaving(send: Send, leave: Leave) -> Send:
    async def send_and_leave(message: Message) -> None:
        leave()
        await send(message)

    return send_and_leave
