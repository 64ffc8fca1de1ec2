"""The front's reader of the event log: waits for what comes after a cursor, however many wait at the same place."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bridge.bus.client.replies import ReplyInbox
from bridge.bus.events.event import Cursor, EventPage
from bridge.bus.events.event_log import newest_cursor, read_events
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tasks import cancel_and_wait


class EventReader:
    """Reads pages of the log. Those who wait at the same cursor share one read, and one look at the log's end. A read
    that began before news came is shared no further: it may lack what they are about."""

    def __init__(self, pipe: CommandPipeline, inbox: ReplyInbox, keys: Keys, check_s: float) -> None:
        """`check_s`: the seconds between looks at the log's end while somebody waits: a message about an event may be
        lost."""
        self._pipe = pipe
        self._inbox = inbox
        self._keys = keys
        self._check_s = check_s
        self._waiting: set[asyncio.Event] = set()
        self._pages: dict[Cursor, asyncio.Task[EventPage]] = {}  # the reads that may be shared
        self._reading: set[asyncio.Task[EventPage]] = set()
        self._newest: Cursor | None = None
        self._looking: asyncio.Task[None] | None = None

    async def close(self) -> None:
        tasks = [*self._reading, *([self._looking] if self._looking else [])]
        await cancel_and_wait(tasks)

    async def newest(self) -> Cursor:
        """Return the cursor after the log's newest event. Raises BusError."""
        return await newest_cursor(self._pipe, self._keys)

    async def page(self, after: Cursor) -> EventPage:
        """Return the events after the cursor, none where there are none. Raises BusError."""
        reading = self._pages.get(after)
        if reading is None:
            reading = asyncio.create_task(read_events(self._pipe, self._keys, after), name="event log")
            self._pages[after] = reading
            self._reading.add(reading)
            reading.add_done_callback(lambda done: self._ended(after, done))
        return await asyncio.shield(reading)

    def _ended(self, after: Cursor, reading: asyncio.Task[EventPage]) -> None:
        self._reading.discard(reading)
        if self._pages.get(after) is reading:
            del self._pages[after]

    async def after(self, cursor: Cursor) -> EventPage:
        """Wait until there are events after the cursor, or a gap. Raises BusError."""
        with self._notified() as news:
            while True:
                news.clear()
                page = await self.page(cursor)
                if page.events or page.gap:
                    return page
                if page.next == cursor:
                    await news.wait()
                cursor = page.next  # beyond entries that can't be read

    @contextmanager
    def _notified(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever the log may have more."""
        news = asyncio.Event()
        self._waiting.add(news)
        self._inbox.attach(self._keys.event_news, lambda _: self._wake())
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="event log's end")
        try:
            yield news
        finally:
            self._waiting.discard(news)

    def _wake(self) -> None:
        self._pages.clear()
        for each in self._waiting:
            each.set()

    async def _look(self) -> None:
        """While somebody waits, find out what no message told. While Redis is away nobody can be told more."""
        while self._waiting:
            with suppress(BusError):
                newest = await self.newest()
                if newest != self._newest:
                    self._newest = newest
                    self._wake()
            await asyncio.sleep(self._check_s)
