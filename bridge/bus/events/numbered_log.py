"""A capped stream of numbered entries, read by cursor: the event log is one, each kept stream another.

The first field of an entry, `n`, is its number, one above the number before. So a reader learns what it has missed.
"""

from dataclasses import dataclass

from bridge.bus.events.event import Cursor
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.errors import WRONG_TYPE
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

Row = tuple[bytes, list[bytes]]  # an entry of the stream: its id, and its fields with their names

# Answers the number and id of the newest entry, the number of the oldest, whether the log has the entry of the cursor,
# by id and number, since a log that is begun anew may use an id again in the same millisecond; and what comes after.
READ = Script("""#!lua flags=no-writes
local log, after, most, at = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local newest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
if not newest then return {'0', '0-0', '0', 0, {}} end
local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
local function number(entry) return (entry[2][2] or ''):match('^%d+$') or '0' end
local same = redis.call('XRANGE', log, after, after)[1]
local there = same and number(same) == at and 1 or 0
return {number(newest), newest[1], number(oldest), there, redis.call('XRANGE', log, '(' .. after, '+', 'COUNT', most)}
""")


@dataclass(frozen=True)
class LogPage:
    """The entries after a cursor, oldest first.

    `next`: the cursor to go on with where no entry can be read. `gap`: entries between the cursor and the first of them
    are lost, `missing` of them; None where nobody can tell how many.
    """

    rows: list[Row]
    next: Cursor
    gap: bool = False
    missing: int | None = 0


async def newest_entry(pipe: CommandPipeline, key: str) -> Cursor:
    """Return the cursor after the log's newest entry. Raises BusError."""
    return (await _read(pipe, key, Cursor(), 1))[0]


async def read_entries(pipe: CommandPipeline, key: str, after: Cursor, most: int) -> LogPage:
    """Return the entries after the cursor, at most `most`. Raises BusError."""
    newest, oldest, there, rows = await _read(pipe, key, after, most)
    gap, missing = _gap(after, newest, oldest, there)
    # a log that is shorter than the cursor says is read from its end
    return LogPage(rows, newest if len(rows) < most else _last(rows, after), gap, missing)


def _last(rows: list[Row], after: Cursor) -> Cursor:
    """Return the cursor after a full page, whether or not its entries can be read."""
    id, fields = rows[-1]
    told = fields[1] if len(fields) > 1 else b""
    return Cursor(int(told) if told.isdigit() else after.number + len(rows), id.decode())


def _gap(after: Cursor, newest: Cursor, oldest: int, there: bool) -> tuple[bool, int | None]:
    """Tell whether entries right after the cursor are lost, and how many. An entry that is neither in the log nor
    dropped with the oldest was in data that Redis has lost."""
    if there or after.number == newest.number == 0:
        return False, 0
    if newest.number > after.number and oldest > after.number:
        missing = oldest - after.number - 1
        return missing > 0, missing
    if after.number == 0:
        return False, 0
    return True, None


async def _read(pipe: CommandPipeline, key: str, after: Cursor, most: int) -> tuple[Cursor, int, bool, list[Row]]:
    try:
        number, id, oldest, there, rows = await READ.run(pipe, (key,), after.id, most, str(after.number))
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        return Cursor(), 0, False, []  # something else was written over the log: its next writer begins anew
    return Cursor(int(number), id.decode()), int(oldest), bool(there), rows
