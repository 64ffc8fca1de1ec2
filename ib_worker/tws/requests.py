"""Requests under way: which answer belongs to whom."""

import asyncio
import math
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ib_worker.tws.errors import TwsError, UnreadableMessage, WarningReported
from ib_worker.tws.values.codes import BOOK_RESET, REQUEST_ENDS, SCAN_EMPTY, WARNINGS

PATIENCE_S = 14.0  # after a warning without any data, which is just before callers give up

NO_ITEMS = "no items retrieved"  # error 165's text where a scan has found nothing

# Kinds of requests that TWS answers without an id, so that only one of each may be under way.
POSITIONS, OPEN_ORDERS, COMPLETED_ORDERS = "positions", "open orders", "completed orders"
CURRENT_TIME = "current time"
SCANNER_PARAMETERS, NEWS_PROVIDERS, NEWS_BULLETINS = "scanner parameters", "news providers", "news bulletins"

Keep = Callable[[Any], Any]  # what of a part is worth keeping


class PendingRequest:
    """One request: its parts as they come, and the future of its whole answer."""

    def __init__(self, keep: Keep | None = None, patience_s: float = PATIENCE_S) -> None:
        loop = asyncio.get_running_loop()
        self.parts: list[Any] = []
        self.answer: asyncio.Future[Any] = loop.create_future()
        self.patience_s = patience_s
        self.warnings: list[tuple[int, str]] = []  # code and text of each
        self._next_part: asyncio.Future[None] | None = None  # while it is waited for
        self._keep = keep
        self._heard = 0  # parts
        self._clock = loop.time
        self._heard_at = loop.time()

    @property
    def silent(self) -> bool:
        """Nothing of the answer has come."""
        return self._heard == 0 and not self.answer.done()

    def add(self, part: Any) -> None:
        self._heard += 1
        self._heard_at = self._clock()
        self.parts.append(part if self._keep is None else self._keep(part))
        if self._next_part is not None and not self._next_part.done():
            self._next_part.set_result(None)

    async def settled(self, within_s: float) -> Any:
        """The answer, or the latest part after so long; where none has come by then, whatever comes first."""
        await asyncio.wait({self.answer}, timeout=within_s)
        if not self.answer.done() and not self.parts:
            self._next_part = asyncio.get_running_loop().create_future()
            await asyncio.wait({self.answer, self._next_part}, return_when=asyncio.FIRST_COMPLETED)
        return self.answer.result() if self.answer.done() else self.parts[-1]

    async def quiet(self, first_s: float, quiet_s: float, longest_s: float, whole: Callable[[list[Any]], bool]) -> Any:
        """The parts of a stream that are its state now: until they are `whole`, none came for `quiet_s`, or `longest_s`
        have passed since the first. None where none has come within `first_s`."""
        begin, end = self._clock() + first_s, math.inf
        while not self.answer.done() and not (self.parts and whole(self.parts)):
            end = min(end, self._clock() + longest_s) if self.parts else math.inf
            left_s = (min(self._heard_at + quiet_s, end) if self.parts else begin) - self._clock()
            if left_s <= 0:
                break
            self._next_part = asyncio.get_running_loop().create_future()
            waited: set[asyncio.Future[Any]] = {self.answer, self._next_part}
            await asyncio.wait(waited, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        return self.answer.result() if self.answer.done() else self.parts

    def doubt(self, problem: Exception, within_s: float) -> None:
        """Fail the request unless more of its answer comes within that time."""
        heard = self._heard

        def judge() -> None:
            if self._heard == heard and not self.answer.done():
                self.answer.set_exception(problem)

        asyncio.get_running_loop().call_later(within_s, judge)

    async def complete(self, silence_s: float) -> Any:
        """The answer. Raises TimeoutError after so long a silence: twenty thousand orders take longer than one."""
        while not self.answer.done():
            left_s = self._heard_at + silence_s - self._clock()
            if left_s <= 0:
                raise TimeoutError
            await asyncio.wait({self.answer}, timeout=left_s)
        return self.answer.result()


class PendingRequests:
    """The requests in progress, by request id, or by kind if TWS answers without an id. Late answers are dropped."""

    def __init__(self, late_s: float, grace_s: float) -> None:
        """`late_s`: how long the end of a request that was given up may still come. `grace_s`: data that keep coming
        after an error of an unlisted code come within it."""
        self._late_s = late_s
        self._grace_s = grace_s
        self._pending: dict[Hashable, PendingRequest] = {}
        self._late: dict[Hashable, asyncio.Event] = {}  # given up; their end may still come

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._pending

    @contextmanager
    def expect(
        self, key: Hashable, keep: Keep | None = None, patience_s: float = PATIENCE_S
    ) -> Iterator[PendingRequest]:
        """Await `.answer` inside; leaving forgets the request, whatever came of it. `patience_s`: how long an answer is
        awaited after a warning."""
        if key in self._pending:
            raise RuntimeError(f"request {key!r} is already under way")
        pending = self._pending[key] = PendingRequest(keep, patience_s)
        try:
            yield pending
        finally:
            self._pending.pop(key, None)
            if not pending.answer.cancel() and not pending.answer.cancelled():
                pending.answer.exception()  # whoever waited may have been cancelled meanwhile

    def mark_late(self, key: Hashable) -> None:
        """Note a request whose end is late. A kind without ids would take that end for the end of its next request."""
        self._late[key] = asyncio.Event()

    async def none_late(self, key: Hashable) -> None:
        """Wait for the late end of the kind's last request, at most `late_s`."""
        late = self._late.get(key)
        if late is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._late_s):
                    await late.wait()
            self._late.pop(key, None)

    def add(self, key: Hashable, part: Any) -> None:
        pending = self._pending.get(key)
        if pending is not None:
            pending.add(part)

    def finish(self, key: Hashable) -> None:
        """The end marker came: the answer is all the parts."""
        if (late := self._late.get(key)) is not None:
            late.set()
        pending = self._pending.get(key)
        if pending is not None and not pending.answer.done():
            pending.answer.set_result(pending.parts)

    def answer(self, key: Hashable, result: Any) -> None:
        """An answer in one message."""
        pending = self._pending.get(key)
        if pending is not None and not pending.answer.done():
            pending.answer.set_result(result)

    def error(self, key: Hashable, code: int, text: str) -> None:
        """Take an error or notice about a request.

        A code that ends requests ends this one now. A warning, or an unlisted code, never ends a request whose data
        keep coming.
        """
        pending = self._pending.get(key)
        if pending is None or pending.answer.done():
            return
        if code == BOOK_RESET:
            pending.parts.clear()
        elif code == SCAN_EMPTY and NO_ITEMS in text:
            self.finish(key)
        elif code in REQUEST_ENDS:
            self.refuse(key, code, text)
        elif code in WARNINGS:
            pending.warnings.append((code, text))
            pending.doubt(WarningReported(code, text), pending.patience_s)
        else:
            pending.doubt(TwsError(code, text), self._grace_s)

    def refuse_unnamed(self, code: int, text: str) -> None:
        """Take an error that names no request: fail the requests without an id that have no data yet.

        If there are none, fail every request that has no data yet, since any of them may be meant.
        """
        silent = [key for key, pending in self._pending.items() if pending.silent]
        kinds = [key for key in silent if isinstance(key, str)]
        for key in kinds or silent:
            self.refuse(key, code, text)

    def unreadable(self, key: Hashable, what: str) -> bool:
        """A part of the answer can't be read. Returns whether the request was waited for."""
        return self._fail(key, UnreadableMessage(what))

    def refuse(self, key: Hashable, code: int, text: str) -> bool:
        """Return whether the request was waited for."""
        return self._fail(key, TwsError(code, text))

    def fail_all(self, problem: Exception) -> None:
        for late in self._late.values():
            late.set()
        for key in list(self._pending):
            self._fail(key, problem)

    def _fail(self, key: Hashable, problem: Exception) -> bool:
        pending = self._pending.get(key)
        if pending is None:
            return False
        if not pending.answer.done():
            pending.answer.set_exception(problem)
        return True
