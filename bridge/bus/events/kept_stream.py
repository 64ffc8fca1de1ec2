"""Streams that are kept in Redis while a handle reads them: one capped, numbered log per stream, however many read it.

The worker writes batches, at most one every tenth of a second, so quotes cost orders no syncs of their own. An entry
tells how many updates it merges. Whatever was published and not written shows as an entry of the kind `gap`: the
entries carry the life of the stream at its worker and the number of the last update, and the script compares them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from bridge.bus.events.event import Cursor
from bridge.bus.events.numbered_log import Row, newest_entry, read_entries
from bridge.bus.keys import Keys
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.protocol import Argument
from bridge.bus.transport.script import Script

KEPT = 1_000  # entries of a stream: 0.3 MB of quotes, a hundred seconds and more
EXPIRES_MS = 20 * 60 * 1000  # after the last write; a stream that is kept is written, or touched, every minute
GAP = "gap"  # an entry of this kind: updates before it are lost, and its values are not known
BEGIN = "begin"  # of an update: the stream is kept from here on. It is written as a gap

log = structlog.get_logger("bridge.bus.events.kept_stream")


@dataclass(frozen=True)
class KeptUpdate:
    """The updates from number `first` to `last` of a stream's life, merged: `body` is that of the last, as JSON."""

    first: int
    last: int
    kind: str
    body: bytes


@dataclass(frozen=True)
class KeptBatch:
    """Updates of one stream, in order. Without updates the batch only keeps the log from expiring."""

    stream: str
    life: str
    updates: Sequence[KeptUpdate]


@dataclass(frozen=True)
class KeptEntry:
    """An entry, and the cursor right after it. `updates`: how many the entry merges."""

    cursor: Cursor
    kind: str
    updates: int
    body: dict[str, Any]


@dataclass(frozen=True)
class KeptPage:
    """The entries after a cursor, as `EventPage` has events."""

    entries: tuple[KeptEntry, ...]
    next: Cursor
    gap: bool = False
    missing: int | None = 0


# Appends batches. KEYS are the lease, the channel and a log per batch; ARGV the token, the time to live, and for each
# batch its name, life and number of updates, then first, last, kind and body of each. An update that is in the log
# already, since an answer of Redis was lost, is not written again. Answers 0 if another worker leads.
RECORD = Script(f"""#!lua
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local at, told = 3, {{}}
for index = 3, #KEYS do
    local log, name, life, count = KEYS[index], ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    at = at + 3
    local found = redis.call('TYPE', log).ok
    if found ~= 'stream' and found ~= 'none' then redis.call('UNLINK', log) end
    local newest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
    local entry = newest and newest[2] or {{}}
    local number, kept_kind = tonumber(entry[2] or '') or 0, entry[6]
    local was, reached = entry[10], tonumber(entry[12] or '')
    local function add(kind, body, updates, last)
        number, kept_kind = number + 1, kind
        redis.call('XADD', log, 'MAXLEN', '~', {KEPT}, '*', 'n', string.format('%.0f', number), 'e', body, 'k', kind,
            'u', updates, 'l', life, 's', last)
    end
    for _ = 1, count do
        local first, last, kind, body = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3]
        at = at + 4
        local follows = was == life and reached and reached + 1 >= first
        if not follows then reached = first - 1 end
        if kind == '{BEGIN}' then
            add('{GAP}', body, 0, last)
        elseif last > reached then
            if not follows and number > 0 and kept_kind ~= '{GAP}' and kind ~= '{GAP}' then
                add('{GAP}', '{{}}', 0, reached)
            end
            add(kind, body, last - math.max(first, reached + 1) + 1, last)
        end
        was, reached = life, math.max(last, reached)
    end
    redis.call('PEXPIRE', log, ARGV[2])
    if count > 0 then told[#told + 1] = name end
end
if #told > 0 then redis.call('SPUBLISH', KEYS[2], table.concat(told, ' ')) end
return 1
""")


async def record(pipe: CommandPipeline, keys: Keys, token: int, batches: Sequence[KeptBatch]) -> None:
    """Append the batches, in one step. Raises Fenced if another worker leads, or BusError."""
    names = (keys.lease, keys.stream_news, *(keys.kept(each.stream) for each in batches))
    if batches and not await RECORD.run(pipe, names, str(token), EXPIRES_MS, *_arguments(batches)):
        raise Fenced


def _arguments(batches: Iterable[KeptBatch]) -> Iterable[Argument]:
    for batch in batches:
        yield from (batch.stream, batch.life, len(batch.updates))
        for each in batch.updates:
            yield from (each.first, each.last, each.kind, each.body)


async def newest_kept(pipe: CommandPipeline, keys: Keys, stream: str) -> Cursor:
    """Return the cursor after the stream's newest entry. Raises BusError."""
    return await newest_entry(pipe, keys.kept(stream))


async def read_kept(pipe: CommandPipeline, keys: Keys, stream: str, after: Cursor, most: int) -> KeptPage:
    """Return the entries after the cursor, at most `most`. Raises BusError."""
    page = await read_entries(pipe, keys.kept(stream), after, most)
    entries = tuple(each for each in map(_entry, page.rows) if each is not None)
    return KeptPage(entries, entries[-1].cursor if entries else page.next, page.gap, page.missing)


def _entry(row: Row) -> KeptEntry | None:
    """Return an entry, None where it can't be read."""
    id, fields = row
    try:
        body = msgspec.json.decode(fields[3], type=dict[str, Any])
        return KeptEntry(Cursor(int(fields[1]), id.decode()), fields[5].decode(), int(fields[7]), body)
    except (msgspec.DecodeError, ValueError, IndexError) as error:
        log.warning("kept_entry_unreadable", id=id.decode(), error=str(error))
        return None
