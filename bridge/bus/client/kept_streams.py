"""The front's side of streams that are kept in Redis: their handles, and waiting for what comes after a cursor."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bridge.bus.client.replies import ReplyInbox
from bridge.bus.events import stream_handles as handles
from bridge.bus.events.event import Cursor
from bridge.bus.events.kept_stream import KeptPage, read_kept
from bridge.bus.events.stream_handles import StreamHandle
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline


class KeptStreams:
    """Every method raises BusError while Redis is away."""

    def __init__(self, pipe: CommandPipeline, inbox: ReplyInbox, keys: Keys, check_s: float) -> None:
        """`check_s`: the seconds between reads of a waiting reader: a message about an entry may be lost."""
        self._pipe = pipe
        self._inbox = inbox
        self._keys = keys
        self._check_s = check_s
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def now_ms(self) -> int:
        return self._pipe.clock.now_ms()

    async def add(self, handle: StreamHandle) -> None:
        await handles.add_handle(self._pipe, self._keys, handle)

    async def end(self, handle: StreamHandle) -> None:
        await handles.end_handle(self._pipe, self._keys, handle.handle)

    async def find(self, handle: str) -> StreamHandle | None:
        """Return the handle, None if there is none or nobody has read it for ten minutes."""
        found = await handles.read_handle(self._pipe, self._keys, handle)
        return None if found is None or found.lapsed(self.now_ms()) else found

    async def all(self) -> list[StreamHandle]:
        """Return the handles that have not lapsed, oldest first."""
        await self._pipe.send("PING")  # the clock is known from then on
        return await handles.read_handles(self._pipe, self._keys, self.now_ms())

    async def note_read(self, handle: StreamHandle) -> StreamHandle | None:
        """Note that the handle is read, and return it so; None if it was ended meanwhile."""
        return await handles.note_read(self._pipe, self._keys, handle, self.now_ms())

    async def page(self, stream: str, after: Cursor, most: int) -> KeptPage:
        """Return the entries after the cursor, none where there are none."""
        return await read_kept(self._pipe, self._keys, stream, after, most)

    async def after(self, stream: str, cursor: Cursor, most: int) -> KeptPage:
        """Wait until there are entries after the cursor, or a gap."""
        with self._notified(stream) as news:
            while True:
                news.clear()
                page = await self.page(stream, cursor, most)
                if page.entries or page.gap:
                    return page
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._check_s):
                        await news.wait()

    @contextmanager
    def _notified(self, stream: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the stream may have more."""
        news = asyncio.Event()
        self._waiting[stream].add(news)
        self._inbox.attach(self._keys.stream_news, self._wake)
        try:
            yield news
        finally:
            self._waiting[stream].discard(news)
            if not self._waiting[stream]:
                del self._waiting[stream]

    def _wake(self, names: bytes) -> None:
        for name in names.decode().split():
            for each in self._waiting.get(name, ()):
                each.set()
