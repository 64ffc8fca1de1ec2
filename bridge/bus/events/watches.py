"""The watches in Redis: conditions that the worker looks out for. One that fires is an event of the log in one step."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec
import structlog

from bridge.bus.events.event import Cursor, EventDraft, SessionEvent
from bridge.bus.events.event_log import LOG_EVENTS, draft_arguments, event_keys
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.errors import WRONG_TYPE, Fenced
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

WatchMode = Literal["wait", "once", "repeat", "fired"]  # the last: an alert that is over, kept for its owner

log = structlog.get_logger("bridge.bus.events")

# Keeps or removes one watch, and logs events with it. Answers 0 if another worker leads.
CHANGE = Script(f"""#!lua{LOG_EVENTS}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
usable(KEYS[6], 'hash')
if ARGV[3] == '' then
    redis.call('HDEL', KEYS[6], ARGV[2])
else
    redis.call('HSET', KEYS[6], ARGV[2], ARGV[3])
end
log_events({{KEYS[2], KEYS[3], KEYS[4], KEYS[5]}}, 4)
return 1
""")


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """The memory that a watch has of one of its conditions.

    `armed`: it may fire. `base`: the price that a change is measured from. `due_ms`: the time that it waits for.
    """

    armed: bool = True
    base: float | None = None
    due_ms: int | None = None


class Watch(msgspec.Struct, frozen=True, omit_defaults=True):
    """One watch. Times are in ms of the worker's own clock; conditions as their declaration reads them.

    `read`: the number of the log's event up to which an alert has decided. `cursor`: the log's newest event before the
    alert began. `told`: the latest firing's event, as the log has it. `number`: the condition that it met.
    `heard`: whether a wait has told the firing of an alert that is over.
    """

    id: str
    principal: str
    mode: WatchMode
    conditions: list[dict[str, Any]]
    created_ms: int
    marks: list[Mark]
    until_ms: int | None = None
    targets: list[str] = []
    note: str = ""
    fired: int = 0
    fired_at: str = ""
    read: int = 0
    cursor: str = ""
    told: SessionEvent | None = None
    number: int = 0
    heard: bool = False


async def read_watches(pipe: CommandPipeline, keys: Keys) -> dict[str, Watch]:
    """Return every watch, by id. Raises BusError. One that can't be read is passed over."""
    try:
        rows: list[bytes] = await pipe.send("HGETALL", keys.watches)
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        return {}  # something else was written over them: the next change begins anew
    found = (_watch(line) for line in rows[1::2])
    return {each.id: each for each in found if each is not None}


async def change_watch(
    pipe: CommandPipeline, keys: Keys, token: int, id: str, after: Watch | None, drafts: Iterable[EventDraft] = ()
) -> None:
    """Keep the watch as it is afterwards, or remove it, and log what it has to tell. Raises Fenced or BusError."""
    line = msgspec.json.encode(after) if after is not None else b""
    names = (keys.lease, *event_keys(keys), keys.watches)
    if not await CHANGE.run(pipe, names, str(token), id, line, *draft_arguments(drafts)):
        raise Fenced


async def read_places(pipe: CommandPipeline, keys: Keys) -> Mapping[str, Cursor]:
    """Return how far each of the worker's readers has read the log, by name. Raises BusError."""
    try:
        rows: list[bytes] = await pipe.send("HGETALL", keys.pushed)
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        await pipe.send("UNLINK", keys.pushed)
        return {}
    places = {}
    for name, written in zip(rows[::2], rows[1::2], strict=True):
        try:
            places[name.decode()] = Cursor.parse(written.decode())
        except ValueError:
            log.warning("place_unreadable", reader=name.decode(errors="replace"))
    return places


async def store_place(pipe: CommandPipeline, keys: Keys, reader: str, at: Cursor) -> None:
    """Note how far a reader has read. Raises BusError."""
    await pipe.send("HSET", keys.pushed, reader, str(at))


def _watch(line: bytes) -> Watch | None:
    try:
        return _WATCHES.decode(line)
    except msgspec.DecodeError as error:
        log.warning("watch_unreadable", error=str(error))
        return None


_WATCHES = msgspec.json.Decoder(Watch)
