"""The ticks of one stream, as one of its readers gets them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import NoReturn

from bridge.bus.messages import Tick, Ticks
from bridge.tool import ToolError

UNREAD = 5_000  # ticks of one feed that wait for its reader; older ones are dropped and counted


class StreamReader:
    """One reader of one stream: `async for batch in feed` yields the ticks since the last batch, oldest first, and
    `handed_to` hands them over without waiting for the reader's task.

    A slow reader never delays other feeds: ticks beyond UNREAD are dropped and counted in `dropped`. `gaps` counts
    ticks that were published and did not arrive. When the bus or the worker is lost, iteration ends with a ToolError.
    """

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.dropped = 0
        self.gaps = 0
        self._unread: deque[Tick] = deque()
        self._news = asyncio.Event()
        self._held = False
        self._take: Callable[[list[Tick]], None] | None = None
        self._failure: Exception | None = None
        self._last: tuple[str, int] | None = None  # life and seq

    def __aiter__(self) -> AsyncIterator[list[Tick]]:
        return self

    async def __anext__(self) -> list[Tick]:
        while self._held or not self._unread:
            if self._failure is not None:
                raise self._failure
            self._news.clear()
            await self._news.wait()
        batch = list(self._unread)
        self._unread.clear()
        return batch

    async def handed_to(self, take: Callable[[list[Tick]], None]) -> NoReturn:
        """Call `take` with each batch, in the step that brings it, until the feed ends: raises its ToolError, and what
        `take` raises."""
        self._take = take
        try:
            self._give()
            while self._failure is None:
                self._news.clear()
                await self._news.wait()
            raise self._failure
        finally:
            self._take = None

    def _give(self) -> None:
        """Hand over what is unread, or wake who iterates. What `take` raises ends this feed and no other."""
        if self._take is None or self._held:
            self._news.set()
            return
        batch = list(self._unread)
        self._unread.clear()
        try:
            if batch:
                self._take(batch)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised where the feed is read
            self._failure = error
            self._news.set()

    def pause(self) -> None:
        """Give nothing until `resume_from`: the reader is about to be told what the ticks of now add up to."""
        self._held = True

    def resume_from(self, life: str, seq: int) -> None:
        """Its reader has been told what all ticks up to this one add up to, by a worker of this life: give, and count
        from, the next. Another life than was heard is a gap."""
        self._held = False
        if life:  # a worker of an earlier release does not say
            self._count_from(life, seq)
        self._give()

    def _count_from(self, life: str, seq: int) -> None:
        if self._last is None or self._last[0] != life:
            self.gaps += self._last is not None
            self._unread.clear()
            self._last = (life, seq)
        else:
            self._unread = deque(tick for tick in self._unread if tick.seq > seq)
            self._last = (life, max(self._last[1], seq))

    def hear(self, message: Ticks) -> None:
        for tick in message.ticks:
            if self._is_new(message.life, tick.seq):
                if len(self._unread) >= UNREAD:
                    self._unread.popleft()
                    self.dropped += 1
                self._unread.append(tick)
        self._give()

    def _is_new(self, life: str, seq: int) -> bool:
        """Counts what is missing before this tick. A stream opened anew counts from 1: one gap, of unknown size."""
        if self._last is not None and self._last[0] == life:
            if seq <= self._last[1]:
                return False
            self.gaps += seq - self._last[1] - 1
        elif self._last is not None:
            self.gaps += 1
        self._last = (life, seq)
        return True

    def fail(self, error: ToolError) -> None:
        """End the feed after what is still unread."""
        self._failure = error
        self._news.set()
