"""The kill switch in Redis: set by anybody, seen by the very step that accepts an order, cleared by the operator."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
import structlog

from bridge.bus.keys import Keys
from bridge.bus.pipe import Pipe
from bridge.bus.scripts import Script
from bridge.tool import ToolError

LATEST_MS = 253_402_300_799_000  # the last second that a datetime can tell

Level = Literal["reduce_only", "halt"]

log = structlog.get_logger()


class Halt(msgspec.Struct, frozen=True):
    """A set switch. `reduce_only` lets orders pass that can only reduce a position."""

    level: Level
    by: str
    reason: str
    since_ms: int  # the server's clock


class Change(msgspec.Struct, frozen=True):
    """What was done to the switch: it was set to this level, or released from it."""

    event: Literal["halt", "resume"]
    level: Level
    by: str
    reason: str
    at_ms: Annotated[int, msgspec.Meta(ge=0, le=LATEST_MS)]
    entry: bytes = b""  # as it is queued


# The first to halt is remembered; a later one can only tighten. What is done is queued for the audit log. It can be set
# where memory is out, and not released, as no order could go anyway.
HALT = Script("""#!lua flags=allow-oom
local halt, changes, now = KEYS[1], KEYS[2], redis.call('TIME')
local level = redis.call('HGET', halt, 'level')
if not level or (level == 'reduce_only' and ARGV[1] == 'halt') then
    local at = now[1] * 1000 + math.floor(now[2] / 1000)
    redis.call('HSET', halt, 'level', ARGV[1], 'by', ARGV[2], 'reason', ARGV[3],
        'since_ms', string.format('%.0f', at))
    redis.call('RPUSH', changes, cjson.encode({event = 'halt', level = ARGV[1], by = ARGV[2], reason = ARGV[3],
        at_ms = at}))
end
return redis.call('HMGET', halt, 'level', 'by', 'reason', 'since_ms')
""")

CLEAR = Script("""#!lua
local halt, changes, now = KEYS[1], KEYS[2], redis.call('TIME')
local found = redis.call('HMGET', halt, 'level', 'reason')
if not found[1] then return 0 end
redis.call('DEL', halt)
redis.call('RPUSH', changes, cjson.encode({event = 'resume', level = found[1], by = ARGV[1], reason = found[2],
    at_ms = now[1] * 1000 + math.floor(now[2] / 1000)}))
return 1
""")


async def set_halt(pipe: Pipe, keys: Keys, level: Level, by: str, reason: str) -> Halt:
    """Stop new orders from the moment this returns. Setting it again is harmless. Raises BusError."""
    return halt_of(await HALT.run(pipe, (keys.halt, keys.switched), level, by, reason))


async def read_halt(pipe: Pipe, keys: Keys) -> Halt | None:
    """The switch, None where trading is not halted. Raises BusError: then nobody may assume either."""
    found = await pipe.send("HMGET", keys.halt, "level", "by", "reason", "since_ms")
    return halt_of(found) if found[0] else None


def halted_error(halt: Halt) -> ToolError:
    """Return what an order is told while the switch is set: who set it, when and why."""
    since = datetime.fromtimestamp(min(halt.since_ms, LATEST_MS) / 1000, UTC)
    rest = "only orders that reduce a position leave" if halt.level == "reduce_only" else "no new order leaves"
    return ToolError(
        "halted",
        f"The kill switch is set ({halt.level}) by {halt.by} since {since:%Y-%m-%d %H:%M:%S} UTC: {halt.reason}. So "
        f"{rest}. Only the operator releases it; cancels pass.",
        level=halt.level,
        by=halt.by,
        reason=halt.reason,
        since=since.isoformat(),
    )


async def clear_halt(pipe: Pipe, keys: Keys, by: str) -> bool:
    """Release it; whether it was set. For the operator alone: no MCP tool calls this."""
    return bool(await CLEAR.run(pipe, (keys.halt, keys.switched), by))


async def next_change(pipe: Pipe, keys: Keys) -> Change | None:
    """The oldest thing done to the switch that is not in the audit log yet. What can't be read is logged here and
    dropped: it would hold up all that follows. For the leader alone. Raises BusError."""
    while found := await pipe.send("LINDEX", keys.switched, 0):
        try:
            return msgspec.structs.replace(msgspec.json.decode(found, type=Change), entry=found)
        except msgspec.DecodeError as error:  # one of a wrong shape is one, too
            log.error("switch_change_unreadable", error=str(error), entry=found[:500])
            await _drop(pipe, keys, found)
    return None


async def drop_change(pipe: Pipe, keys: Keys, change: Change) -> None:
    """It is in the log now; doing it again is harmless. For the leader alone. Raises BusError."""
    await _drop(pipe, keys, change.entry)


async def _drop(pipe: Pipe, keys: Keys, entry: bytes) -> None:
    await pipe.send("LREM", keys.switched, 1, entry)  # by value: another leader may have dropped it meanwhile


def halt_of(found: Sequence[bytes | None]) -> Halt:
    """A switch that somebody wrote by hand, in part, is set all the same."""
    level, by, reason, since_ms = (each or b"" for each in found)
    known: Level = "reduce_only" if level == b"reduce_only" else "halt"
    since = int(since_ms) if since_ms.isdigit() else 0
    return Halt(known, by.decode(errors="replace"), reason.decode(errors="replace"), since)
