"""The handles of streams that can be read: durable records in Redis, each of one principal."""

from secrets import token_hex
from typing import Any

import msgspec
import structlog

from bridge.bus.keys import Keys
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.errors import WRONG_TYPE
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

LAPSES_MS = 600_000  # after the last read
NOTED_MS = 20_000  # a read is noted again after this time: each note is a write

log = structlog.get_logger("bridge.bus.events.stream_handles")


class StreamHandle(msgspec.Struct, frozen=True):
    """One handle. `stream`: the kept stream's name, "" for the event log; `arguments`: what opens it again."""

    handle: str
    principal: str
    kind: str
    stream: str
    name: str  # what a person calls it: a contract's name, an account
    arguments: dict[str, Any]
    cursor: str  # where it began
    created_ms: int
    last_read_ms: int
    symbol: str = ""  # of the contract's underlying, as TWS spells it; a front of an earlier release tells none

    @property
    def lapses_ms(self) -> int:
        """The time at which it ends if nobody reads it."""
        return self.last_read_ms + LAPSES_MS

    def lapsed(self, now_ms: int) -> bool:
        return now_ms > self.lapses_ms


# Writes a handle's record, and lets all of them go where nobody has read any for so long. With ARGV[4] only one that is
# there: a handle that was ended stays ended. Answers whether it was written.
WRITE = Script("""#!lua
local found = redis.call('TYPE', KEYS[1]).ok
if found ~= 'hash' and found ~= 'none' then redis.call('UNLINK', KEYS[1]) end
if ARGV[4] == '1' and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
""")

# Drops a handle's record if it is still the one that was read.
DROP = Script("""#!lua
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0
""")


def new_handle() -> str:
    """Return a name that no other handle has. It is no secret: a handle serves its principal alone."""
    return f"s-{token_hex(6)}"


async def add_handle(pipe: CommandPipeline, keys: Keys, handle: StreamHandle) -> None:
    """Store a new handle. Raises BusError."""
    await _write(pipe, keys, handle, only_there=False)


async def note_read(pipe: CommandPipeline, keys: Keys, handle: StreamHandle, now_ms: int) -> StreamHandle | None:
    """Note that the handle is read, and return it so; None if it was ended meanwhile. Raises BusError."""
    if now_ms - handle.last_read_ms < NOTED_MS:
        return handle
    noted = msgspec.structs.replace(handle, last_read_ms=now_ms)
    return noted if await _write(pipe, keys, noted, only_there=True) else None


async def read_handle(pipe: CommandPipeline, keys: Keys, handle: str) -> StreamHandle | None:
    """Return the handle of this name; None if there is none, or it is not readable. Raises BusError."""
    try:
        found: bytes | None = await pipe.send("HGET", keys.streams, handle)
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        return None
    return None if found is None else _decoded(handle.encode(), found)


async def handles_now(pipe: CommandPipeline, keys: Keys, now_ms: int) -> list[StreamHandle]:
    """Return all that have not lapsed, oldest first, and change nothing. Raises BusError."""
    handles = (_decoded(name, line) for name, line in await _lines(pipe, keys))
    kept = (each for each in handles if each is not None and not each.lapsed(now_ms))
    return sorted(kept, key=lambda each: (each.created_ms, each.handle))


async def _lines(pipe: CommandPipeline, keys: Keys) -> list[tuple[bytes, bytes]]:
    """Return each handle's name and record; none where something else was written over them."""
    try:
        found: list[bytes] = await pipe.send("HGETALL", keys.streams)
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        return []
    return list(zip(found[::2], found[1::2], strict=True))


async def read_handles(pipe: CommandPipeline, keys: Keys, now_ms: int) -> list[StreamHandle]:
    """Return all that have not lapsed, and drop the others. Raises BusError."""
    kept = []
    for name, line in await _lines(pipe, keys):
        handle = _decoded(name, line)
        if handle is not None and not handle.lapsed(now_ms):
            kept.append(handle)
        else:
            await DROP.run(pipe, (keys.streams,), name, line)
    return sorted(kept, key=lambda each: (each.created_ms, each.handle))


async def end_handle(pipe: CommandPipeline, keys: Keys, handle: str) -> None:
    """Remove the handle of this name, if there is one. Raises BusError."""
    await pipe.send("HDEL", keys.streams, handle)


async def _write(pipe: CommandPipeline, keys: Keys, handle: StreamHandle, *, only_there: bool) -> bool:
    line = msgspec.json.encode(handle)
    written = await WRITE.run(pipe, (keys.streams,), handle.handle, line, LAPSES_MS, int(only_there))
    return bool(written)


def _decoded(name: bytes, line: bytes) -> StreamHandle | None:
    try:
        return _HANDLES.decode(line)
    except msgspec.DecodeError as error:
        log.warning("stream_handle_unreadable", handle=name.decode(errors="replace"), error=str(error))
        return None


_HANDLES = msgspec.json.Decoder(StreamHandle)
