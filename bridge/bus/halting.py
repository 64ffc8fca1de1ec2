"""The kill switch in Redis: set by anybody, seen by the very step that accepts an order, cleared by the operator."""

from typing import Literal

import msgspec

from bridge.bus.keys import Keys
from bridge.bus.pipe import Pipe
from bridge.bus.scripts import Script

Level = Literal["reduce_only", "halt"]


class Halt(msgspec.Struct, frozen=True):
    """A set switch. `reduce_only` lets orders pass that can only reduce a position."""

    level: Level
    by: str
    reason: str
    since_ms: int  # the server's clock


# The first to halt is remembered; a later one can only tighten.
HALT = Script("""#!lua
local halt, now = KEYS[1], redis.call('TIME')
local level = redis.call('HGET', halt, 'level')
if not level or (level == 'reduce_only' and ARGV[1] == 'halt') then
    redis.call('HSET', halt, 'level', ARGV[1], 'by', ARGV[2], 'reason', ARGV[3],
        'since_ms', string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000)))
end
return redis.call('HMGET', halt, 'level', 'by', 'reason', 'since_ms')
""")


async def set_halt(pipe: Pipe, keys: Keys, level: Level, by: str, reason: str) -> Halt:
    """Stop new orders from the moment this returns. Setting it again is harmless. Raises BusError."""
    return _halt(await HALT.run(pipe, (keys.halt,), level, by, reason))


async def read_halt(pipe: Pipe, keys: Keys) -> Halt | None:
    """The switch, None where trading is not halted. Raises BusError: then nobody may assume either."""
    found = await pipe.send("HMGET", keys.halt, "level", "by", "reason", "since_ms")
    return _halt(found) if found[0] else None


async def clear_halt(pipe: Pipe, keys: Keys) -> bool:
    """Release it; whether it was set. For the operator alone: no MCP tool calls this."""
    return bool(await pipe.send("DEL", keys.halt))


def _halt(found: list[bytes]) -> Halt:
    level, by, reason, since_ms = found
    known: Level = "reduce_only" if level == b"reduce_only" else "halt"
    return Halt(known, by.decode(), reason.decode(), int(since_ms))
