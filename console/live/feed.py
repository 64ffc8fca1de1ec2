"""The feed of the pages: the live state, read once a second while a page is open, drawn once for all viewers, and sent
where it changed."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import structlog

from bridge.bus.client.client import BusClient
from bridge.bus.events.event import Cursor
from bridge.bus.transport.connection import BusError
from bridge.tasks import cancel_and_wait
from bridge.tool import ToolError
from console.live.equity import EquitySamples
from console.live.live_state import LiveState, read_live_state
from console.live.overview import overview

EVERY_S = 1.0
SOONEST_S = 0.2  # between two readings, however much happens
FRESH_S = 1.5  # a page that is asked for within this time of a reading shows that one
UNWATCHED_S = 5.0  # the reading goes on so long after the last viewer: pages follow one another
ALIVE_S = 5.0  # a stream with nothing else to send says that it is alive

UNREADABLE = "The session can't be read now. The console's log has the error."
UNDRAWN = "<p class=\"note bad\">This part can't be shown. The console's log has the error.</p>"
Draw = Callable[[str, LiveState], str]  # a part's name and the live state; returns its HTML

log = structlog.get_logger("console.live")


@dataclass(frozen=True)
class _DrawnPart:
    """One part of a page as last drawn, and the number of its change."""

    number: int
    html: str


class PageFeed:
    """The feed of one session. `draw` makes a part's HTML; it is the same for every viewer."""

    def __init__(self, bus: BusClient, draw: Draw) -> None:
        self._bus = bus
        self._draw = draw
        self._live_state: LiveState | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._wanted: Counter[str] = Counter()
        self._sign_in = ""  # of who was seen to be signed in last
        self._parts: dict[str, _DrawnPart] = {}
        self._changes = 0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unwatched_at = float("-inf")
        self.closed = False
        self.equity = EquitySamples()

    async def close(self) -> None:
        """End every viewer's stream, and the reading."""
        self.closed = True
        self._announce()
        if self._task is not None:
            await cancel_and_wait([self._task])

    @property
    def viewers(self) -> int:
        """Return how many pages have a stream open."""
        return self._wanted["banner"]

    async def current(self, sign_in: str) -> LiveState:
        """Return the live state for a page: the worker's part of this second, Redis's part of now. `sign_in`: the id of
        the visitor's. Raises ToolError bus_down, BusError."""
        self._sign_in = sign_in
        clock = asyncio.get_running_loop().time
        if self._live_state is None or clock() - self._read_at > FRESH_S:
            return await self._read()
        return replace(self._live_state, shown=await overview(self._bus))

    async def events(
        self, names: Collection[str], sign_in: str, allowed: Callable[[], Awaitable[bool]]
    ) -> AsyncGenerator[bytes, None]:
        """Yield the parts as server-sent events, first all and then each that changes, while `allowed` says so. The
        last event, `over`, tells a page to ask who is there. Raises BusError where that can't be known.

        Nothing is read or kept for whoever is not signed in.
        """
        if not await allowed():
            yield _event("over", "")
            return
        seen: dict[str, int] = {}
        clock = asyncio.get_running_loop().time
        with self._watched({"banner", *names}):
            sent_at = clock()
            while not self.closed:
                changed = self._changed
                if not await allowed():
                    yield _event("over", "")
                    return
                self._sign_in = sign_in
                news = [_event(name, part.html) for name, part in self._news(names, seen)]
                if not news and clock() - sent_at >= ALIVE_S:
                    news = [_event("alive", "")]
                for each in news:
                    yield each
                    sent_at = clock()
                with suppress(TimeoutError):
                    async with asyncio.timeout(ALIVE_S):
                        await changed.wait()

    def _news(self, names: Collection[str], seen: dict[str, int]) -> Iterator[tuple[str, _DrawnPart]]:
        """Return the parts that a viewer has not seen, and note that they are seen now."""
        for name in names:
            part = self._parts.get(name)
            if part is not None and seen.get(name) != part.number:
                seen[name] = part.number
                yield name, part

    @contextmanager
    def _watched(self, names: Collection[str]) -> Iterator[None]:
        self._wanted.update(names)
        if self._live_state is not None:
            self._draw_wanted(self._live_state)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow(), name="live feed")
        try:
            yield
        finally:
            self._wanted.subtract(names)
            if not self.viewers:
                self._unwatched_at = asyncio.get_running_loop().time()

    async def _follow(self) -> None:
        """Read and draw until nobody has watched for some seconds."""
        clock = asyncio.get_running_loop().time
        cursor: Cursor | None = None
        while self.viewers or clock() - self._unwatched_at < UNWATCHED_S:
            began = clock()
            try:
                live_state = await self._read()
                self._draw_wanted(live_state)
                cursor = await self._next(cursor, began)
            except (BusError, ToolError) as error:
                log.warning("live_feed_interrupted", error=str(error))
                self._lose(f"Redis does not answer: {error}")
                await asyncio.sleep(EVERY_S)
            except Exception:
                # A fault of ours, or a record that nobody foresaw: pages that went on without it would look live.
                log.exception("live_feed_failed")
                self._lose(UNREADABLE)
                await asyncio.sleep(EVERY_S)

    async def _next(self, cursor: Cursor | None, began: float) -> Cursor:
        """Wait until the next reading is due: a second after the last began, or as soon as something happens."""
        clock = asyncio.get_running_loop().time
        after = cursor or await self._bus.events.newest()
        await asyncio.sleep(max(began + SOONEST_S - clock(), 0.0))
        with suppress(TimeoutError):
            async with asyncio.timeout(max(began + EVERY_S - clock(), 0.0)):
                return (await self._bus.events.after(after)).next
        return after

    async def _read(self) -> LiveState:
        clock, asked_at = asyncio.get_running_loop().time, asyncio.get_running_loop().time()
        async with self._reading:
            if self._live_state is not None and self._read_at >= asked_at:
                return self._live_state  # somebody else has read it meanwhile
            began = clock()
            self._live_state = await read_live_state(self._bus, self._sign_in, self._live_state)
            self._read_at = began
            self.equity.note(self._live_state)
            return self._live_state

    def _lose(self, problem: str) -> None:
        """Say that what was drawn is old, and why."""
        if self._live_state is not None:
            self._live_state = replace(self._live_state, problem=problem)
            self._read_at = float("-inf")
            self._draw_wanted(self._live_state)

    def _draw_wanted(self, live_state: LiveState) -> None:
        for name in [name for name, count in self._wanted.items() if count > 0]:
            html = self._html(name, live_state)
            if name not in self._parts or self._parts[name].html != html:
                self._changes += 1
                self._parts[name] = _DrawnPart(self._changes, html)
        self._announce()

    def _html(self, name: str, live_state: LiveState) -> str:
        """Draw a part. One that can't be drawn says so, and the others are drawn."""
        try:
            return self._draw(name, live_state)
        except Exception:
            log.exception("part_not_drawn", part=name)
            return UNDRAWN

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _event(name: str, text: str) -> bytes:
    """Return one server-sent event; each line of a text has a `data:` of its own."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()
