"""The event log in Redis: a capped stream that the leader writes and every front reads by cursor.

An event that belongs to an entry of the audit log is written in the same step as the entry, so that neither is there
without the other. The step logs an event only if it says something new of its subject: whatever a new leader reads
again from TWS is in the log once.
"""

from collections.abc import Iterable, Sequence

import msgspec
import structlog

from bridge.bus.events.event import (
    Cursor,
    EventDraft,
    EventPage,
    ReadEvent,
    SessionEvent,
    decode_event,
    encode_event,
)
from bridge.bus.events.numbered_log import Row, newest_entry, read_entries
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.errors import WRONG_TYPE, Fenced
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.protocol import Argument
from bridge.bus.transport.script import Script

KEPT = 20_000  # events; of a busy session a week or more
SUBJECTS = 50_000  # whose latest state is kept, so that none is logged twice
PAGE = 500  # events in one read
FIELDS = 4  # of a draft, as the script takes it

log = structlog.get_logger("bridge.bus.events")

# Logs the drafts in ARGV from `first` on, four fields each: subject, state, progress, line. The keys are the log, the
# states, their ages and the channel. A key of another type holds nothing that can be read, and is begun anew, and so is
# a log that takes no further entry. Nothing of this may stop what the same step does besides.
LOG_EVENTS = f"""
local function usable(key, kind)
    local found = redis.call('TYPE', key).ok
    if found ~= kind and found ~= 'none' then redis.call('UNLINK', key) end
end
local function log_events(keys, first)
    if not ARGV[first] then return end
    local log, states, ages, news = keys[1], keys[2], keys[3], keys[4]
    usable(log, 'stream')
    usable(states, 'hash')
    usable(ages, 'zset')
    local newest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
    local told = newest and (newest[2][2] or ''):match('^%d+$') or '0'
    local number = #told <= 15 and tonumber(told) or 0
    local function add(line)
        local fields = {{'n', string.format('%.0f', number), 'e', line}}
        local id = redis.pcall('XADD', log, 'MAXLEN', '~', {KEPT}, '*', unpack(fields))
        if type(id) == 'string' then return id end
        redis.call('UNLINK', log)
        return redis.call('XADD', log, '*', unpack(fields))
    end
    local time = redis.call('TIME')
    local id = nil
    for at = first, #ARGV, {FIELDS} do
        local subject, state, progress, line = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
        local known = redis.call('HGET', states, subject)
        local reached = known and tonumber(known:match('^[^|]*')) or nil
        local value = progress .. '|' .. state
        if known ~= value and not (reached and tonumber(progress) < reached) then
            number = number + 1
            id = add(line)
            redis.call('HSET', states, subject, value)
            redis.call('ZADD', ages, time[1], subject)
        end
    end
    if not id then return end
    local beyond = redis.call('ZCARD', ages) - {SUBJECTS}
    if beyond > 0 then
        for _, old in ipairs(redis.call('ZRANGE', ages, 0, beyond - 1)) do
            redis.call('ZREM', ages, old)
            redis.call('HDEL', states, old)
        end
    end
    redis.pcall('SPUBLISH', news, id)
end
"""

# Logs events that belong to no entry of the audit log. Answers 0 if another worker leads.
ADD = Script(f"""#!lua{LOG_EVENTS}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
log_events({{KEYS[2], KEYS[3], KEYS[4], KEYS[5]}}, 2)
return 1
""")


def event_keys(keys: Keys) -> tuple[str, str, str, str]:
    """Return the keys of `log_events`, in its order."""
    return (keys.events, keys.event_states, keys.event_ages, keys.event_news)


def draft_arguments(drafts: Iterable[EventDraft]) -> list[Argument]:
    """Return the arguments of `log_events`."""
    return [
        each
        for draft in drafts
        for each in (draft.subject, draft.state, f"{draft.progress:.12g}", encode_event(draft.event))
    ]


async def log_events(pipe: CommandPipeline, keys: Keys, token: int, drafts: Sequence[EventDraft]) -> None:
    """Log the drafts that are news, in one step. Raises Fenced if another worker leads, or BusError."""
    names = (keys.lease, *event_keys(keys))
    if drafts and not await ADD.run(pipe, names, str(token), *draft_arguments(drafts)):
        raise Fenced


async def newest_cursor(pipe: CommandPipeline, keys: Keys) -> Cursor:
    """Return the cursor after the log's newest event. Raises BusError."""
    return await newest_entry(pipe, keys.events)


async def read_events(pipe: CommandPipeline, keys: Keys, after: Cursor, most: int = PAGE) -> EventPage:
    """Return the events after the cursor, at most `most`. Raises BusError."""
    page = await read_entries(pipe, keys.events, after, most)
    events = tuple(each for each in map(_event, page.rows) if each is not None)
    return EventPage(events, events[-1].cursor if events else page.next, page.gap, page.missing)


async def newest_events(pipe: CommandPipeline, keys: Keys, most: int) -> list[SessionEvent]:
    """Return the newest events, newest first. Raises BusError."""
    try:
        rows: list[Row] = await pipe.send("XREVRANGE", keys.events, "+", "-", "COUNT", most)
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        return []
    return [each.event for each in map(_event, rows) if each is not None]


def _event(row: Row) -> ReadEvent | None:
    """Return the event of a stream's entry, None where it can't be read."""
    id, fields = row
    try:
        return ReadEvent(Cursor(int(fields[1]), id.decode()), decode_event(fields[3]))
    except (msgspec.DecodeError, ValueError, IndexError) as error:
        log.warning("event_unreadable", id=id.decode(), error=str(error))
        return None
