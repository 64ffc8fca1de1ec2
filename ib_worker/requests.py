"""Requests under way: which answer belongs to whom."""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ib_worker.errors import RequestRefused

LATE_S = 30.0  # after which a request that was given up is not answered any more

Keep = Callable[[Any], Any]  # what of a part is worth keeping


class Pending:
    """One request: its parts as they come, and the future of its whole answer."""

    def __init__(self, keep: Keep | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.parts: list[Any] = []
        self.answer: asyncio.Future[Any] = loop.create_future()
        self._keep = keep
        self._clock = loop.time
        self._heard_at = loop.time()

    def add(self, part: Any) -> None:
        self._heard_at = self._clock()
        self.parts.append(part if self._keep is None else self._keep(part))

    async def whole(self, silence_s: float) -> Any:
        """The answer. Raises TimeoutError after so long a silence: twenty thousand orders take longer than one."""
        while not self.answer.done():
            left_s = self._heard_at + silence_s - self._clock()
            if left_s <= 0:
                raise TimeoutError
            await asyncio.wait({self.answer}, timeout=left_s)
        return self.answer.result()


class Requests:
    """By request id, or by kind for what TWS answers without an id. What nobody waits for any more is dropped."""

    def __init__(self) -> None:
        self._pending: dict[Hashable, Pending] = {}
        self._late: dict[Hashable, asyncio.Event] = {}  # given up; their end may still come

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._pending

    @contextmanager
    def expect(self, key: Hashable, keep: Keep | None = None) -> Iterator[Pending]:
        """Await `.answer` inside; leaving forgets the request, whatever came of it."""
        if key in self._pending:
            raise RuntimeError(f"request {key!r} is already under way")
        pending = self._pending[key] = Pending(keep)
        try:
            yield pending
        finally:
            self._pending.pop(key, None)
            if not pending.answer.cancel() and not pending.answer.cancelled():
                pending.answer.exception()  # whoever waited may have been cancelled meanwhile

    def given_up(self, key: Hashable) -> None:
        """Its end has not come in time. What has no id would take the late end for that of the next of its kind."""
        self._late[key] = asyncio.Event()

    async def none_late(self, key: Hashable) -> None:
        """Wait for the end of the one that was given up, or until it is not expected any more."""
        late = self._late.get(key)
        if late is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LATE_S):
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

    def answer(self, key: Hashable, whole: Any) -> None:
        """An answer in one message."""
        pending = self._pending.get(key)
        if pending is not None and not pending.answer.done():
            pending.answer.set_result(whole)

    def refuse(self, key: Hashable, code: int, text: str) -> bool:
        """Whether the request was waited for."""
        return self._fail(key, RequestRefused(code, text))

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
