"""The kill switch in Redis: set by anybody, read by the step that accepts an order, released by the operator."""

from contextlib import suppress
from typing import Annotated, Literal

import msgspec
import structlog

from bridge.bus.halt import LATEST_MS, LONGEST_NAME, LONGEST_REASON, RELEASE, Halt, Level, halt_of
from bridge.bus.identity.sign_ins import SIGNED_IN, identity_keys
from bridge.bus.integrity.damage import WHOLE
from bridge.bus.keys import Keys
from bridge.bus.messages import LOOK_NOW
from bridge.bus.transport.connection import BusError, Refused
from bridge.bus.transport.errors import WRONG_TYPE
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script
from bridge.text.plain_text import one_line
from bridge.tool import ToolError

log = structlog.get_logger()


class SwitchChange(msgspec.Struct, frozen=True):
    """One change of the switch: it was set to this level, or released from it."""

    event: Literal["halt", "resume"]
    level: Level
    by: str
    reason: str
    at_ms: Annotated[int, msgspec.Meta(ge=0, le=LATEST_MS)]
    us: Annotated[int, msgspec.Meta(ge=0, le=999)] = 0  # more of that time, in microseconds; earlier releases tell none
    queue: str = ""  # the list that it is in
    entry: bytes = b""  # as it is queued


# A switch that can't be read is set. Fronts' rights reach to the commands and keys that this step uses, and no further.
DAMAGED = "the kill switch in Redis is damaged"
SWITCH_FIELDS = ("level", "by", "reason", "since_ms", "tightened")

# The first to halt is remembered; a later one can only tighten. What is done is queued for the audit log. It can be set
# where memory is out, and not released, as no order could go anyway. A front may add a field and overwrite none, or it
# could loosen the switch. So where it tightens one, it adds `tightened`, which counts above the level.
SET_SWITCH = """
local function set_switch(halt, changes)
    local now, news = redis.call('TIME'), '0'
    local set = redis.pcall('HMGET', halt, 'level', 'tightened')
    if set.err then return {'halt', '', ARGV[4], '0', '0'} end
    local tighter = set[1] == 'reduce_only' and not set[2] and ARGV[1] == 'halt'
    if not set[1] or tighter then
        local at = now[1] * 1000 + math.floor(now[2] / 1000)
        local fields = {'level', ARGV[1], 'by', ARGV[2], 'reason', ARGV[3], 'since_ms', string.format('%.0f', at)}
        if type(redis.pcall('HSET', halt, unpack(fields))) == 'table' then
            for i = 1, #fields, 2 do redis.call('HSETNX', halt, fields[i], fields[i + 1]) end
            if tighter then redis.call('HSETNX', halt, 'tightened', '1') end
        end
        redis.pcall('RPUSH', changes, cjson.encode({event = 'halt', level = ARGV[1], by = ARGV[2], reason = ARGV[3],
            at_ms = at, us = now[2] % 1000}))
        news = '1'
    end
    local found = redis.call('HMGET', halt, 'level', 'by', 'reason', 'since_ms', 'tightened')
    if found[5] then found[1] = 'halt' end
    found[5] = news
    return found
end
"""
HALT = Script(f"#!lua flags=allow-oom{SET_SWITCH}return set_switch(KEYS[1], KEYS[2])")

# The same as a step of the leader, who knows from its answer on that the switch is set. An older copy's steps are not
# counted on. Answers with it the releases so far and the revision, 0 where none was counted.
LEADERS_HALT = Script(f"""#!lua flags=allow-oom{WHOLE}{SET_SWITCH}
local found, lease, revision = set_switch(KEYS[1], KEYS[2]), KEYS[3], KEYS[4]
local steps = whole(text(revision))
local counts = text(lease) == ARGV[5] and steps > 0 and steps >= tonumber(ARGV[6])
found[6] = whole(text(KEYS[5]))
found[7] = counts and redis.call('INCR', revision) or 0
return found
""")

CLEAR = Script(
    f"#!lua{SIGNED_IN}"
    """
local halt, releases, halts, now = KEYS[1], KEYS[2], KEYS[3], redis.call('TIME')
local named = ARGV[2] ~= '' or has_operators(KEYS[4])
if named and signed_in(KEYS[4], KEYS[5], KEYS[6], ARGV[2]) == '' then return -1 end
if redis.call('EXISTS', halt) == 0 then return 0 end
local found = redis.pcall('HMGET', halt, 'level', 'reason', 'since_ms', 'tightened')
if found.err then found = {} end
if found[4] then found[1] = 'halt' end
if ARGV[3] ~= '' and found[3] ~= ARGV[3] then return 0 end
if type(redis.pcall('INCR', halts)) == 'table' then redis.call('SET', halts, now[1]) end
redis.call('DEL', halt)
redis.pcall('RPUSH', releases, cjson.encode({event = 'resume', level = found[1] or 'halt', by = ARGV[1],
    reason = found[2] or '', at_ms = now[1] * 1000 + math.floor(now[2] / 1000), us = now[2] % 1000}))
return 1
"""
)

# Lua for other scripts: another value after each halt and each release. What was approved or confirmed under one value
# is void under the next.
HALT_EPOCH = """
local function halt_epoch(halts, halt)
    local count, since = redis.pcall('GET', halts), redis.pcall('HGET', halt, 'since_ms')
    if type(count) == 'table' or type(since) == 'table' then return 'damaged' end
    return (count or '0') .. ':' .. (since or '')
end
"""
FIRST_EPOCH = "0:"  # where nothing was halted yet, and of what an earlier release has kept


async def halt_epoch(pipe: CommandPipeline, keys: Keys) -> str:
    """Return the value that changes with each halt and each release. Raises BusError."""
    found: bytes = await EPOCH.run(pipe, (keys.halts, keys.halt))
    return found.decode()


EPOCH = Script(f"#!lua\n{HALT_EPOCH}return halt_epoch(KEYS[1], KEYS[2])")


async def set_halt(pipe: CommandPipeline, keys: Keys, level: Level, by: str, reason: str) -> Halt:
    """Stop new orders from the moment this returns. Setting it again is harmless. Raises BusError."""
    return (await halted_by(pipe, keys, level, by, reason))[0]


async def halted_by(pipe: CommandPipeline, keys: Keys, level: Level, by: str, reason: str) -> tuple[Halt, bool]:
    """Set the switch; return it, and whether this call set it. Raises BusError.

    The leader renews its lease at once, so it sees the switch: what it has seen outlives a Redis that is restored from
    an older copy.
    """
    *found, news = await HALT.run(pipe, (keys.halt, keys.switched), level, *_told(by, reason), DAMAGED)
    with suppress(BusError):  # it looks every second by itself
        await pipe.send("SPUBLISH", keys.requests, LOOK_NOW)
    return halt_of(found), news == b"1"


async def leaders_halt(
    pipe: CommandPipeline, keys: Keys, level: Level, by: str, reason: str, leader: tuple[str, int]
) -> tuple[Halt, int, int]:
    """Set the switch as the leader (its token, and the revision it knows). Raises BusError.

    Returns the switch, the releases so far, and this step's revision, 0 on an older copy.
    """
    names = (keys.halt, keys.switched, keys.lease, keys.revision, keys.halts)
    *found, _, releases, revision = await LEADERS_HALT.run(pipe, names, level, *_told(by, reason), DAMAGED, *leader)
    return halt_of(found), int(releases), int(revision)


def _told(by: str, reason: str) -> tuple[str, str]:
    return one_line(by, LONGEST_NAME), one_line(reason, LONGEST_REASON)


async def read_halt(pipe: CommandPipeline, keys: Keys) -> Halt | None:
    """Return the switch, None while trading is not halted. A damaged switch counts as set. After a BusError the switch
    is unknown."""
    try:
        level, *told, tightened = await pipe.send("HMGET", keys.halt, *SWITCH_FIELDS)
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        return Halt("halt", "", DAMAGED, 0)
    found = (level if tightened is None else b"halt", *told)
    return halt_of(found) if any(each is not None for each in found) else None


def halted_error(halt: Halt) -> ToolError:
    """Return the error of an order while the switch is set: who set it, when and why."""
    rest = halt.refuses()
    return ToolError(
        "halted",
        f"The kill switch is set ({halt.level}) {halt.origin()}. {rest[0].upper()}{rest[1:]}. {RELEASE}",
        level=halt.level,
        by=halt.by,
        reason=halt.reason,
        since=halt.since().isoformat() if halt.since_ms else None,
    )


async def clear_halt(pipe: CommandPipeline, keys: Keys, by: str, sign_in: str = "", read: Halt | None = None) -> bool:
    """Release the switch; return whether it was. For the operator alone: no MCP tool calls this.

    `read`: release this one alone, so that a later or a tighter one stays. Raises PermissionError where `sign_in` is of
    nobody who is signed in; it may be empty where there are no operators.
    """
    since = str(read.since_ms) if read is not None and 0 < read.since_ms < LATEST_MS else ""
    names = (keys.halt, keys.released, keys.halts, *identity_keys(keys))
    cleared = await CLEAR.run(pipe, names, by, sign_in, since)
    if cleared < 0:
        raise PermissionError("only an operator who is signed in can release the kill switch")
    return bool(cleared)


async def next_change(pipe: CommandPipeline, keys: Keys) -> SwitchChange | None:
    """Return the oldest change of the switch that is not in the audit log yet. For the leader alone. Raises BusError.

    An unreadable change is logged here and dropped: it would block all later ones. So is a release among what fronts
    may write: it is made up, or 0.1.0 queued it there. A change of the future is of now: its event would count as later
    than those that come.
    """
    set_, released = await _next_of(pipe, keys.switched, "halt"), await _next_of(pipe, keys.released)
    both = [each for each in (set_, released) if each is not None]
    first = min(both, key=lambda each: (each.at_ms, each.us), default=None)
    return first and msgspec.structs.replace(first, at_ms=min(first.at_ms, pipe.clock.now_ms()))


async def _next_of(pipe: CommandPipeline, queue: str, only: str = "") -> SwitchChange | None:
    """Return the oldest change of a queue, of the event `only` if it is given; drop what comes before it."""
    while found := await _oldest(pipe, queue):
        try:
            change = msgspec.json.decode(found, type=SwitchChange)
        except msgspec.DecodeError as error:  # one of a wrong shape is one, too
            log.error("switch_change_unreadable", error=str(error), entry=found[:500])
        else:
            by, reason = _told(change.by, change.reason)
            if change.event == (only or change.event):
                return msgspec.structs.replace(change, by=by, reason=reason, queue=queue, entry=found)
            log.warning("switch_change_not_believed", change=change.event, by=by, reason=reason)
        await _drop(pipe, queue, found)
    return None


async def _oldest(pipe: CommandPipeline, queue: str) -> bytes | None:
    try:
        found: bytes | None = await pipe.send("LINDEX", queue, 0)
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        log.error("switch_changes_unreadable", error=str(error))
        await pipe.send("DEL", queue)  # no change could be queued, nor any other be read
        return None
    return found


async def drop_change(pipe: CommandPipeline, change: SwitchChange) -> None:
    """Remove a change that is in the log now; a repeated call is harmless. For the leader alone. Raises BusError."""
    await _drop(pipe, change.queue, change.entry)


async def _drop(pipe: CommandPipeline, queue: str, entry: bytes) -> None:
    await pipe.send("LREM", queue, 1, entry)  # by value: another leader may have dropped it meanwhile
