"""The audit log's index: which of its newest entries name an orderRef or a permId, and each client's refused calls.

The script that appends an entry writes it into the index too, so that the two can't diverge. An index that lacks
entries, as after a leader of an earlier release or where its key was lost, is filled up from the log before it is read.
"""

from collections.abc import AsyncIterator, Collection
from hashlib import sha1

import msgspec

from bridge.bus.keys import Keys
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

NEWEST = 20_000  # entries that the index reaches back: the events of a thousand orders or more
FILLED_AT_ONCE = 250  # entries; each step keeps Redis for a few milliseconds
MOST_REFUSED_OF_ONE = 200  # of a client's refused calls: another client's flood takes none of them
MOST_REFUSED = 10_000  # of all clients: there may be any number of names
READ_AT_ONCE = 500  # entries in one answer

# One sorted set whose scores are equal, so that it is ordered by its members. An entry has two for each name: `n`NAME
# SEQ to be found, and `s`SEQ NAME to be dropped when it is too old. A refused call has `q`SEQ NAME instead of the
# latter: it stays while its client has no newer ones. `F`SEQ and `L`SEQ are the first and the last entry that the index
# has; it has every entry in between. An index of an earlier release, by its marks f and l, begins anew.
INDEX = f"""
local MOST, MOST_REFUSED_OF_ONE, MOST_REFUSED = {NEWEST}, {MOST_REFUSED_OF_ONE}, {MOST_REFUSED}
local function padded(seq) return string.format('%016.0f', seq) end
local function mark(index, letter)
    local found = redis.pcall('ZRANGEBYLEX', index, '[' .. letter, '(' .. letter .. ':')
    return not found.err and #found == 1 and tonumber(found[1]:sub(2)) or nil
end
local function set_mark(index, letter, seq)
    redis.call('ZREMRANGEBYLEX', index, '[' .. letter, '(' .. letter .. ':')
    redis.call('ZADD', index, 0, letter .. padded(seq))
end
local function begin_index(index, first, last)
    redis.call('UNLINK', index)
    set_mark(index, 'F', first)
    set_mark(index, 'L', last)
end
local function drop_oldest(index, from, to, most)
    local over = redis.call('ZLEXCOUNT', index, from, to) - most
    if over <= 0 then return end
    for _, row in ipairs(redis.call('ZRANGEBYLEX', index, from, to, 'LIMIT', 0, over)) do
        local seq, name = row:match('^q(%d+) (.*)$')
        if not seq then name, seq = row:match('^n(.*) (%d+)$') end
        redis.call('ZREM', index, 'n' .. name .. ' ' .. seq, 'q' .. seq .. ' ' .. name)
    end
end
local function add_refusal(index, seq, line)
    local _, begins = line:find('"caller":"', 1, true)
    local ends = begins and line:find('[^\\\\]"', begins + 1)
    if not ends then return end
    local name = 'refused:' .. redis.sha1hex(line:sub(begins + 1, ends))
    redis.call('ZADD', index, 0, 'n' .. name .. ' ' .. padded(seq), 0, 'q' .. padded(seq) .. ' ' .. name)
    drop_oldest(index, '[n' .. name .. ' ', '(n' .. name .. '!', MOST_REFUSED_OF_ONE)
    drop_oldest(index, '[q', '(r', MOST_REFUSED)
end
local function add_names(index, seq, line)
    if line:find('^{{"seq":%d+,"prev":"%x*","at":"[^"]*","event":"refused"') then add_refusal(index, seq, line) end
    local named = {{['"orderRef":'] = '^"[%w_.:-]+"', ['"permId":'] = '^%d+'}}
    for field, value in pairs(named) do
        local from, to = line:find(field, 1, true)
        while to do
            local name = line:match(value, to + 1)
            if name then
                name = field .. name
                redis.call('ZADD', index, 0, 'n' .. name .. ' ' .. padded(seq), 0, 's' .. padded(seq) .. ' ' .. name)
            end
            from, to = line:find(field, to + 1, true)
        end
    end
end
local function index_entry(index, seq, line)
    if mark(index, 'L') == seq - 1 and mark(index, 'F') then
        set_mark(index, 'L', seq)
    else
        begin_index(index, seq, seq)
    end
    add_names(index, seq, line)
    for _, old in ipairs(redis.call('ZRANGEBYLEX', index, '[s', '(s' .. padded(seq - MOST + 1))) do
        redis.call('ZREM', index, old, 'n' .. old:sub(19) .. ' ' .. old:sub(2, 17))
    end
end
local function end_of(log, command, from, to)
    local found = redis.pcall(command, log, from, to, 'COUNT', 1)
    return not found.err and found[1] and tonumber(found[1][1]:match('^%d+')) or nil
end
"""

# Adds the entries before the first that the index has; begins it anew where it does not reach to the log's end. Answers
# how many it has added.
FILL = Script(f"""#!lua{INDEX}
local log, index = KEYS[1], KEYS[2]
local newest = end_of(log, 'XREVRANGE', '+', '-')
if not newest then return 0 end
if mark(index, 'L') ~= newest or not mark(index, 'F') then begin_index(index, newest + 1, newest) end
local before = string.format('(%.0f-0', mark(index, 'F'))
local entries, seq = redis.call('XREVRANGE', log, before, '-', 'COUNT', ARGV[1]), nil
for _, entry in ipairs(entries) do
    seq = tonumber(entry[1]:match('^%d+'))
    add_names(index, seq, entry[2][2] or '')
end
if seq then set_mark(index, 'F', seq) end
return #entries
""")

# Answers whether the index has all that it should, and if so the entries that have one of the names (ARGV).
FIND = Script(f"""#!lua flags=no-writes{INDEX}
local log, index = KEYS[1], KEYS[2]
local newest, oldest = end_of(log, 'XREVRANGE', '+', '-'), end_of(log, 'XRANGE', '-', '+')
if not newest then return {{1, {{}}}} end
local first = mark(index, 'F')
if mark(index, 'L') ~= newest or not first or first > math.max(oldest, newest - MOST + 1) then return {{0, {{}}}} end
local seqs = {{}}
for _, name in ipairs(ARGV) do
    local rows = redis.call('ZRANGEBYLEX', index, '[n' .. name .. ' ', '(n' .. name .. '!')
    for _, row in ipairs(rows) do seqs[#seqs + 1] = tonumber(row:sub(-16)) end
end
return {{1, seqs}}
""")

READ = Script("""#!lua flags=no-writes
local lines = {}
for _, seq in ipairs(ARGV) do
    local entry = redis.call('XRANGE', KEYS[1], seq .. '-0', seq .. '-0')[1]
    if entry then lines[#lines + 1] = entry[2][2] end
end
return lines
""")


def ref_name(orderRef: str) -> str:
    """Return the name under which the index has an orderRef: as an entry spells it."""
    return f'"orderRef":"{orderRef}"'


def perm_name(permId: int) -> str:
    """Return the name under which the index has a permId: as an entry spells it."""
    return f'"permId":{permId}'


def refusals_name(caller: str) -> str:
    """Return the name under which the index has a client's refused calls: of the text that an entry has."""
    return f"refused:{sha1(msgspec.json.encode(caller)[1:-1], usedforsecurity=False).hexdigest()}"


async def find_entries(pipe: CommandPipeline, keys: Keys, names: Collection[str]) -> list[int] | None:
    """Return the seqs of the entries that have one of the names, newest first.

    None where the index lacks entries and can't be filled, as while Redis accepts no writes. Raises BusError.
    """
    both = (keys.audit, keys.audit_index)
    while True:
        complete, seqs = await FIND.run(pipe, both, *names)
        if complete:
            return sorted(set(seqs), reverse=True)
        try:
            if not await FILL.run(pipe, both, FILLED_AT_ONCE):
                return None
        except Refused:
            return None


async def read_entries(pipe: CommandPipeline, keys: Keys, seqs: list[int]) -> AsyncIterator[bytes]:
    """Yield the stored lines of these seqs, in their order; those that were trimmed since are left out."""
    for start in range(0, len(seqs), READ_AT_ONCE):
        for line in await READ.run(pipe, (keys.audit,), *seqs[start : start + READ_AT_ONCE]):
            yield line
