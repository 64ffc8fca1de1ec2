"""The table of watches: in memory what Redis is to have, written in the order of its changes."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import msgspec

from bridge.bus.events.event import Cursor, EventDraft, EventPage, SessionEvent
from bridge.bus.events.event_log import newest_cursor, read_events
from bridge.bus.events.watches import Mark, Watch, change_watch, read_places, read_watches, store_place
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.outage_log import Outage
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from bridge.tools.events import WaitCondition

MOST_OF_ONE = 200  # watches of one principal
MOST = 2_000
LINGER_MS = 600_000  # of a wait's watch after its call, so that the next call with the cursor misses nothing
FIRED_MS = 86_400_000  # for which an alert that has fired is kept, for a client that asks late
AFTER_RESTART_MS = 60_000  # within which a front that still waits says so
RETRY_S = 0.5


MaySee = Callable[[str, str], bool]
Figures = dict[tuple[str, int], float]  # by watch and condition


def _may(_principal: str, _account: str) -> bool:
    return True


async def _no_figures(_: Watch) -> Figures:
    return {}


@dataclass
class _Change:
    """One step that Redis is to make."""

    id: str
    after: Watch | None
    drafts: tuple[EventDraft, ...]
    done: asyncio.Future[None]


class WatchTable:
    """The watches of one term of leadership. Only the leader changes them, so its memory is what Redis will have."""

    def __init__(self, pipe: CommandPipeline, keys: Keys, token: int, may_see: MaySee = _may) -> None:
        """`may_see`: whether a principal may hear of what concerns an account."""
        self.may_see = may_see
        self._pipe = pipe
        self._keys = keys
        self._token = token
        self._watches: dict[str, Watch] = {}
        self._fired: dict[str, Watch] = {}  # alerts that are over, the oldest firing first
        self._changes: deque[_Change] = deque()
        self._due = asyncio.Event()
        self.loaded = asyncio.Event()
        self.changed = asyncio.Event()  # a watch has come; the engine clears it
        self.figures: Figures = {}  # as last read
        self.first_figures: Callable[[Watch], Awaitable[Figures]] = _no_figures  # of a new watch; the engine sets it
        self.unpriced: dict[int, str] = {}  # why no price of a watched contract comes, by conId

    def all(self) -> list[Watch]:
        return list(self._watches.values())

    def get(self, id: str) -> Watch | None:
        return self._watches.get(id)

    def fired(self) -> list[Watch]:
        """Return the alerts that fired within the last day and can't fire again."""
        return list(self._fired.values())

    def alert(self, id: str) -> Watch | None:
        """Return an alert that may fire or has fired, None for any other id."""
        found = self._watches.get(id) or self._fired.get(id)
        return found if found is not None and found.mode != "wait" else None

    async def written(self) -> None:
        """Return when Redis has every change made so far."""
        await self._until_loaded()
        if self._changes:
            await asyncio.shield(self._changes[-1].done)

    async def keep(self, watch: Watch) -> Watch:
        """Keep a watch, and return it when Redis has it. One of its name stays as it is, and lingers anew.

        Raises ToolError paced where there are too many, or Fenced.
        """
        await self._until_loaded()
        known = self._watches.get(watch.id)
        if known is not None:
            watch = msgspec.structs.replace(known, until_ms=watch.until_ms)
        else:
            self._require_room(watch.principal)
        await self._change(watch.id, watch)
        self.changed.set()
        return watch

    async def remove(self, id: str) -> None:
        """Remove a watch, and return when Redis has it no more. Raises Fenced."""
        await self._until_loaded()
        await self._change(id, None)

    def expire(self, now_ms: int) -> None:
        for each in (*self.all(), *self.fired()):
            if each.until_ms is not None and each.until_ms <= now_ms:
                self._change(each.id, None)

    def note(self, id: str, number: int, mark: Mark) -> None:
        """Remember what is new of a condition."""
        watch = self._watches.get(id)
        if watch is not None and watch.marks[number] != mark:
            self._change(id, msgspec.structs.replace(watch, marks=_with(watch.marks, number, mark)))

    def fire(self, id: str, number: int, mark: Mark, told: SessionEvent, read: int = 0) -> None:
        """Log that a condition is met; `told` has what it is about, and `read` is the log's event that meets it. An
        alert that is over by that is kept for a day."""
        watch = self._watches.get(id)
        if watch is None or not self.may_see(watch.principal, told.account):
            return
        draft = fired_draft(watch, number, told)
        if watch.mode == "wait":
            self._change(id, None, (draft,))
            return
        after = msgspec.structs.replace(
            watch,
            marks=_with(watch.marks, number, mark),
            fired=watch.fired + 1,
            fired_at=told.time,
            read=max(watch.read, read),
            told=draft.event,
            number=number,
        )
        if watch.mode == "once":
            after = msgspec.structs.replace(after, mode="fired", until_ms=round(time.time() * 1000) + FIRED_MS)
        self._change(id, after, (draft,))
        self._bound_fired(watch.principal)

    async def hear(self, id: str) -> None:
        """Keep that a wait has told an alert that is over, and return when Redis has it. Raises Fenced."""
        watch = self._fired.get(id)
        if watch is not None and not watch.heard:
            await self._change(id, msgspec.structs.replace(watch, heard=True))

    def _bound_fired(self, principal: str) -> None:
        """Forget a principal's oldest firings beyond its bound."""
        own = [each.id for each in self._fired.values() if each.principal == principal]
        for id in own[:-MOST_OF_ONE]:
            self._change(id, None)

    def _change(self, id: str, after: Watch | None, drafts: tuple[EventDraft, ...] = ()) -> asyncio.Future[None]:
        self._fired.pop(id, None)
        if after is None or after.mode == "fired":
            self._watches.pop(id, None)
        else:
            self._watches[id] = after
        if after is not None and after.mode == "fired":
            self._fired[id] = after
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changes.append(_Change(id, after, drafts, done))
        self._due.set()
        return done

    def _require_room(self, principal: str) -> None:
        counts = Counter(each.principal for each in self._watches.values())
        if counts[principal] >= MOST_OF_ONE or counts.total() >= MOST:
            text = f"Too many conditions are watched (limit: {MOST_OF_ONE} per client, {MOST} in total)."
            raise ToolError(
                "paced",
                f"{text} Cancel an alert, or retry when an earlier wait is ten minutes over.",
                watches=MOST_OF_ONE,
            )

    async def _until_loaded(self) -> None:
        await self.loaded.wait()

    async def load(self, now_ms: int) -> None:
        """Begin with what earlier terms have kept. A wait that still lasts is told of again by its front."""
        unread = Outage("watches_not_read")
        while not self.loaded.is_set():
            try:
                found = await read_watches(self._pipe, self._keys)
            except BusError as error:
                unread.failed(error)
                await asyncio.sleep(RETRY_S)
                continue
            unread.over()
            self._watches = {id: _kept_on(each, now_ms) for id, each in found.items() if each.mode != "fired"}
            over = sorted(
                (each for each in found.values() if each.mode == "fired"), key=lambda each: each.until_ms or 0
            )
            self._fired = {each.id: each for each in over}
            self.loaded.set()

    async def run(self) -> NoReturn:
        """For ever: make each change in Redis, in order. While Redis is away they wait."""
        unwritten = Outage("watches_not_written")
        while True:
            if not self._changes:  # what an earlier run has left is made first
                await self._due.wait()
            self._due.clear()
            while self._changes:
                first = self._changes[0]
                try:
                    await change_watch(self._pipe, self._keys, self._token, first.id, first.after, first.drafts)
                except BusError as error:
                    unwritten.failed(error)
                    await asyncio.sleep(RETRY_S)
                    continue
                unwritten.over()
                self._changes.popleft()
                if not first.done.done():
                    first.done.set_result(None)

    # the log, for alerts on what it has by itself

    async def newest(self) -> Cursor:
        """Return the cursor of the newest event in the log. Raises BusError."""
        return await newest_cursor(self._pipe, self._keys)

    async def page(self, after: Cursor) -> EventPage:
        """Return the events that follow a cursor. Raises BusError."""
        return await read_events(self._pipe, self._keys, after)

    async def place_of(self, reader: str) -> Cursor:
        """Return a reader's place in the log. A new reader begins with what happens from now on, and its place is
        stored at once: what happens while no worker leads is read by the next. Raises BusError."""
        place = (await read_places(self._pipe, self._keys)).get(reader)
        if place is None:
            place = await self.newest()
            await self.store_place(reader, place)
        return place

    async def store_place(self, reader: str, at: Cursor) -> None:
        """Store a reader's place in the log. Raises BusError."""
        await store_place(self._pipe, self._keys, reader, at)


async def read_on(read: Callable[[], Awaitable[bool]], outage: Outage, pause_s: float) -> NoReturn:
    """Read the log for ever: at once while `read` returns that there may be more, else each `pause_s`. While Redis is
    away there is nothing new."""
    while True:
        try:
            more = await read()
        except (BusError, ToolError) as error:
            outage.failed(error)
            more = False
        else:
            outage.over()
        if not more:
            await asyncio.sleep(pause_s)


def fired_draft(watch: Watch, number: int, told: SessionEvent) -> EventDraft:
    """Return the event of a watch that fires. A step that is tried again, since its answer was lost, is no news."""
    about = {"watch": watch.id, "event": watch.conditions[number].get("event"), "condition": number}
    if watch.mode != "wait":
        about |= {"targets": watch.targets, "note": watch.note or None}
    event = msgspec.structs.replace(told, kind="alert", details=about | told.details)
    return EventDraft(f"watch {watch.id}", f"{watch.created_ms} {watch.fired + 1}", event)


def _kept_on(watch: Watch, now_ms: int) -> Watch:
    if watch.mode != "wait" or watch.until_ms is None:
        return watch
    return msgspec.structs.replace(watch, until_ms=max(watch.until_ms, now_ms + AFTER_RESTART_MS))


def _with(marks: Iterable[Mark], number: int, mark: Mark) -> list[Mark]:
    return [mark if at == number else each for at, each in enumerate(marks)]


def conditions(watch: Watch) -> tuple[WaitCondition, ...]:
    """Return the conditions of a watch as they are declared; none where a later release wrote them."""
    return _conditions(msgspec.json.encode(watch.conditions))


@lru_cache(MOST)
def _conditions(written: bytes) -> tuple[WaitCondition, ...]:
    rows: list[dict[str, Any]] = msgspec.json.decode(written)
    try:
        return tuple(WaitCondition.model_validate(each) for each in rows)
    except ValueError:
        return ()
