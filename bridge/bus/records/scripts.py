"""The Lua scripts that move order records and the lease: each is one indivisible step at the server.

`#!lua` makes the server refuse a script as a whole when it may not write (out of memory, replica, failing disk), so an
error from it always means that nothing was changed. `flags=allow-oom` exempts from the first what stops orders, tells
what became of a call, or frees memory: it adds little to what is there. Keys and channels come as KEYS, which Cluster
and ACLs check.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from bridge.bus.integrity.damage import WHOLE
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.pipeline import Argument, CommandPipeline

NEW_GRACE_MS = 2_000  # a new record outlives its caller's wait by this much
KEPT_MS = 7 * 24 * 3600 * 1000  # results are replayed this long
HOLD_MS = 15 * 60 * 1000  # so long an order whose made key its caller never learnt holds its equals
DAY_MS = 25 * 3600 * 1000  # the longest day, when summer time ends
HIGHEST_ORDER_ID = 2**31 - 1
TOMBSTONE_MS = 10 * 60 * 1000  # longer than a dead connection can still deliver a late submit


@dataclass(frozen=True)
class Script:
    """Sent by its digest; a server that has forgotten it (NOSCRIPT: nothing was done) gets the text."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())

    async def run(self, pipe: CommandPipeline, keys: tuple[str, ...], *arguments: Argument) -> Any:
        try:
            return await pipe.send("EVALSHA", self.sha, len(keys), *keys, *arguments)
        except Refused as error:
            if "NOSCRIPT" not in str(error) and "No matching script" not in str(error):
                raise
        return await pipe.send("EVAL", self.text, len(keys), *keys, *arguments)


# Answers {word, attempt, reply, generation, receivers, first}. The words: a state that the record was found in (new,
# accepted, done, withdrawn), `submitted`, or why nothing was written: other_principal, conflict, no_generation,
# other_generation, no_worker. `first` is when the key's earlier call was answered, in ms. A record names its principal
# in the request that it keeps, as those of earlier releases do. A cancel (`renews`) replays its answer within the first
# call's deadline alone: what was placed since is not in that answer.
SUBMIT = Script("""#!lua
local record, generation, requests = KEYS[1], KEYS[2], KEYS[3]
local digest, attempt, ttl, request, expected = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local principal, renews = ARGV[7], ARGV[8] == '1'
local found = redis.call('HMGET', record, 'st', 'dg', 'att', 'res', 'req', 't_done')
local now, first = redis.call('TIME'), ''
local st, current = found[1], redis.call('GET', generation) or ''
if st and st ~= 'withdrawn' then
    local read, asked = pcall(cjson.decode, found[5] or '')
    if not read or type(asked) ~= 'table' or asked['caller'] ~= principal then
        return {'other_principal', '', '', current, 0, ''}
    end
    if found[2] ~= digest then return {'conflict', found[3], '', current, 0, ''} end
    local ends = (tonumber(asked['until']) or 0) + (tonumber(asked['grace_ms']) or 0)
    if renews and st == 'done' and found[3] ~= attempt and now[1] * 1000 > ends then
        first = found[6] or ''
    elseif st ~= 'new' or found[3] ~= attempt then
        return {st, found[3], found[4] or '', current, 0, found[6] or ''}
    end
elseif st and found[3] == attempt then
    return {'withdrawn', attempt, '', current, 0}
end
if current == '' then return {'no_generation', attempt, '', '', 0} end
if expected ~= '' and expected ~= current then return {'other_generation', attempt, '', current, 0} end
redis.call('DEL', record)
redis.call('HSET', record, 'st', 'new', 'dg', digest, 'att', attempt, 'req', request,
    't_new', now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('PEXPIRE', record, ttl)
local receivers = redis.call('SPUBLISH', requests, request)
if receivers > 0 then return {'submitted', attempt, '', current, receivers, first} end
redis.call('HSET', record, 'st', 'withdrawn')
redis.call('PEXPIRE', record, ARGV[6])
return {'no_worker', attempt, '', current, 0}
""")

# Withdraws the attempt while nobody has accepted it, or if its `execution` (with that token) certainly sent nothing:
# then the order counts no more, nor holds up its equals, as what it took at the gate (KEYS from 5) goes back.
# Answers {state then, attempt, reply, generation, orders that count no more}; `absent` leaves a tombstone, so that a
# submit of this attempt that is still on its way finds itself withdrawn.
WITHDRAW = Script("""#!lua flags=allow-oom
local record, generation, channel, inflight = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local attempt, reply, execution = ARGV[1], ARGV[2], ARGV[4]
local found = redis.call('HMGET', record, 'st', 'att', 'res', 'exe', 'tok')
local st, current = found[1], redis.call('GET', generation) or ''
local mine = st == 'accepted' and found[4] == execution and found[5] == ARGV[5]
if st and not mine and (st ~= 'new' or found[2] ~= attempt) then return {st, found[2], found[3] or '', current} end
local given_back = 0
local function give_back(member)
    local gone = redis.pcall('ZREM', KEYS[5], member)
    given_back = given_back + (type(gone) == 'number' and gone or 0)
end
if mine then redis.pcall('SREM', inflight, ARGV[6]) end
if mine and #KEYS > 4 then
    local duplicate = KEYS[6]
    give_back(ARGV[6])
    for i = 2, tonumber(ARGV[7]) do give_back(ARGV[6] .. '/' .. i) end
    if redis.call('GET', duplicate) == ARGV[6] then
        local earlier, now = redis.call('HMGET', record, 'dup', 'dup_until'), redis.call('TIME')
        local left = earlier[1] and tonumber(earlier[2]) - now[1] * 1000 - math.floor(now[2] / 1000) or 0
        if left > 0 then
            redis.call('SET', duplicate, earlier[1], 'PX', string.format('%.0f', left))
        else
            redis.call('DEL', duplicate)
        end
    end
    if KEYS[7] ~= duplicate and redis.call('GET', KEYS[7]) == ARGV[6] then redis.call('DEL', KEYS[7]) end
end
redis.call('HSET', record, 'st', 'withdrawn', 'att', attempt, 'res', reply)
redis.call('PEXPIRE', record, ARGV[3])
if reply ~= '' then redis.call('SPUBLISH', channel, reply) end
return {st and 'withdrawn' or 'absent', attempt, '', current, given_back}
""")

# The last step before the frame: only the lease's holder, only once, and a placing only past the gate: kill switch,
# counts of orders, equal orders. `execution` names one delivery of the request, so that asking again after a lost reply
# is told from a second delivery. Redis must have all steps that the worker knows of, in its generation, or it is an
# older copy (`behind`); so it is where the switch that the worker knows is gone and was not released. Orders of the day
# that it knows of count where all are gone. What lies in the future, as after the server's clock was put back, does not
# count. Notes (ARGV from 21: name, value, …) are there before anything is sent. Answers {word, detail, revision, orders
# of the day}: accepted, fenced, behind, gone, or what the gate says; `halted` comes with the switch. The revision is 0
# where this execution was accepted before.
ACCEPT = Script(
    "#!lua"
    + WHOLE
    + """
local record, lease, inflight, halt, accepted, duplicate = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local generation, revision = KEYS[7], KEYS[8]
local token, attempt, execution, key = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('GET', lease) ~= token then return {'fenced', ''} end
local steps = whole(text(revision))
if steps < tonumber(ARGV[15]) or (ARGV[16] ~= '' and text(generation) ~= ARGV[16]) then
    return {'behind', ''}
end
local found = redis.call('HMGET', record, 'st', 'att', 'exe')
if found[2] ~= attempt then return {'gone', ''} end
if found[1] == 'accepted' and found[3] == execution then return {'accepted', '', 0, 0} end
if found[1] ~= 'new' then return {'gone', ''} end
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local today = 0
if ARGV[6] == 'place' then
    local closing, minute, day, orders = ARGV[7] == '1', tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[13])
    local switch = switch_of(halt)
    local level = switch[1] or (switch[2] or switch[3] or switch[4]) and 'halt'
    if not level and ARGV[17] == '1' and whole(text(KEYS[10])) <= tonumber(ARGV[18]) then return {'behind', ''} end
    if level and not (closing and level == 'reduce_only') then
        return {'halted', level, switch[2] or '', switch[3] or '', switch[4] or ''}
    end
    local day_from, counted = tonumber(ARGV[10]), redis.pcall('ZCARD', accepted)
    local gone = counted == 0 or type(counted) == 'table'
    if gone then redis.call('DEL', accepted) end
    for i = 1, gone and day_from == tonumber(ARGV[19]) and tonumber(ARGV[20]) or 0 do
        redis.call('ZADD', accepted, string.format('%.0f', at), string.format('restored/%.0f/%.0f', steps, i))
    end
    local day_to = string.format('%.0f', day_from > 0 and day_from + DAY_MS or at)
    if not closing and minute > 0 and redis.call('ZCOUNT', accepted, at - 60000, at) + orders > minute then
        return {'too_many', 'minute'}
    end
    today = redis.call('ZCOUNT', accepted, ARGV[10], day_to) + orders
    if not closing and day > 0 and today > day then return {'too_many', 'day'} end
    local window = tonumber(ARGV[11])
    local earlier = window > 0 and redis.call('GET', duplicate)
    local hold = math.max(window, tonumber(ARGV[14]))
    if earlier and redis.call('PTTL', duplicate) > math.max(window, HOLD_MS) then earlier = false end
    if earlier and earlier ~= key and earlier ~= ARGV[12] then return {'duplicate', earlier} end
    redis.call('ZREMRANGEBYSCORE', accepted, '-inf', at - 172800000)
    for i = 1, orders do
        redis.call('ZADD', accepted, string.format('%.0f', at), i == 1 and key or key .. '/' .. i)
    end
    if earlier and earlier ~= key then
        redis.call('HSET', record, 'dup', earlier, 'dup_until',
            string.format('%.0f', at + redis.call('PTTL', duplicate)))
    end
    if window > 0 then
        redis.call('SET', KEYS[9], key, 'PX', ARGV[11])
        redis.call('SET', duplicate, key, 'PX', string.format('%.0f', hold))
    end
end
redis.call('HSET', record, 'st', 'accepted', 'tok', token, 'exe', execution, 't_accepted', at)
for i = 21, #ARGV, 2 do redis.call('HSET', record, 'n:' .. ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', record, ARGV[5])
if type(redis.pcall('SADD', inflight, key)) == 'table' then
    redis.call('DEL', inflight)
    redis.call('SADD', inflight, key)
end
return {'accepted', '', redis.call('INCR', revision), today}
""".replace("DAY_MS", str(DAY_MS)).replace("HOLD_MS", str(HOLD_MS))
)

# Stores the answer and publishes it. What Redis has lost (also where a caller then left a tombstone), or has in the
# state before as an older copy does, is written anew by the lease's holder, who knows that it had accepted. An older
# copy's steps are not counted on: they could reach those that are known, and hide it. Answers {word, revision}.
FINISH = Script(f"""#!lua flags=allow-oom{WHOLE}
local record, lease, inflight, channel, revision = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, reply, digest, attempt, request = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local found, steps = redis.call('HMGET', record, 'st', 'tok', 'att'), whole(text(revision))
if found[1] == 'done' and found[3] == attempt then return {{'done', steps}} end
if found[1] == 'done' or found[1] == 'accepted' then
    if found[1] == 'done' or found[2] ~= token then return {{'gone', 0}} end
elseif redis.call('GET', lease) ~= token then
    return {{'fenced', 0}}
end
local now = redis.call('TIME')
redis.call('HSET', record, 'st', 'done', 'dg', digest, 'att', attempt, 'tok', token, 'req', request, 'res', reply,
    't_done', now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('PEXPIRE', record, ARGV[7])
redis.pcall('SREM', inflight, ARGV[6])
redis.call('SPUBLISH', channel, reply)
local counts = redis.call('GET', lease) == token and steps > 0 and steps >= tonumber(ARGV[8])
return {{'done', counts and redis.call('INCR', revision) or 0}}
""")

# Notes that the answer of a call, and with it the key that was made for it, has reached its client.
TOLD = Script("""#!lua
if redis.call('HGET', KEYS[1], 'att') then redis.call('HSET', KEYS[1], 'n:told', '1') end
return 1
""")

# Writes free fields (ARGV from 3: name, value, …) on an order that is accepted or done.
NOTE = Script("""#!lua
local record, lease = KEYS[1], KEYS[2]
if redis.call('GET', lease) ~= ARGV[1] then return 'fenced' end
local st = redis.call('HGET', record, 'st')
if st ~= 'accepted' and st ~= 'done' then return 'gone' end
for i = 3, #ARGV, 2 do redis.call('HSET', record, 'n:' .. ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', record, ARGV[2])
return 'noted'
""")

# A new leader makes an order of an earlier one its own; from then on the earlier one can't finish it.
ADOPT = Script("""#!lua
local record, lease = KEYS[1], KEYS[2]
if redis.call('GET', lease) ~= ARGV[1] then return 'fenced' end
if redis.call('HGET', record, 'st') ~= 'accepted' then return 'gone' end
redis.call('HSET', record, 'tok', ARGV[1])
return 'adopted'
""")

# Hands out `count` order ids, all above every id before and not below `floor` (TWS's nextValidId may roll back). A
# counter beyond TWS's 32 bits is damaged.
ORDER_IDS = Script(f"""#!lua{WHOLE}
local counter, lease = KEYS[1], KEYS[2]
if redis.call('GET', lease) ~= ARGV[1] then return 0 end
local first = math.max(whole(text(counter), {HIGHEST_ORDER_ID}) + 1, tonumber(ARGV[2]))
redis.call('SET', counter, string.format('%.0f', first + tonumber(ARGV[3]) - 1))
return first
""")

COUNTED = Script(f"#!lua flags=no-writes{WHOLE}\nreturn whole(text(KEYS[1]), {HIGHEST_ORDER_ID})")

# Marks that Redis holds the session's history from now on; the mark is gone when Redis lost its data. Answers {mark,
# revision}, or false; so also where Redis has less than the worker knows, which the next renewal finds.
MARK = Script(f"""#!lua{WHOLE}
local generation, lease, revision = KEYS[1], KEYS[2], KEYS[3]
if redis.call('GET', lease) ~= ARGV[1] or whole(text(revision)) < tonumber(ARGV[3]) then return false end
redis.call('SET', generation, ARGV[2], 'NX')
return {{redis.call('GET', generation), redis.call('INCR', revision)}}
""")

# After a loss, in one step, as Redis may go back once more between any two: the kill switch is at least what it was,
# its releases and the steps go on from all that were known, the day has at least as many orders as it had, who
# connected or disconnected is known again, and no write is taken until the next mark. Answers {revision, level, by,
# reason, since_ms}, the switch as this step leaves it; or {0} where the lease is to be taken again first.
REBASE = Script(
    "#!lua"
    + WHOLE
    + """
local lease, generation, revision, accepted, halt = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if redis.call('GET', lease) ~= ARGV[1] then return {0} end
local level = redis.call('EXISTS', halt) == 1 and (switch_of(halt)[1] or 'halt') or ''
if ARGV[5] ~= '' and (level == '' or (level == 'reduce_only' and ARGV[5] == 'halt')) then
    redis.call('HSET', halt, 'level', ARGV[5], 'by', ARGV[6], 'reason', ARGV[7], 'since_ms', ARGV[8])
end
if ARGV[10] ~= '' then redis.call('SET', KEYS[7], ARGV[10]) end
if whole(text(KEYS[6])) < tonumber(ARGV[9]) then redis.call('SET', KEYS[6], ARGV[9]) end
local steps = math.max(whole(text(revision)), tonumber(ARGV[2])) + 1
redis.call('SET', revision, string.format('%.0f', steps))
if type(redis.pcall('ZCARD', accepted)) == 'table' then redis.call('DEL', accepted) end
redis.call('DEL', generation)
local now, day_from = redis.call('TIME'), tonumber(ARGV[3])
local at = now[1] * 1000 + math.floor(now[2] / 1000)
if day_from > 0 and at >= day_from and at < day_from + DAY_MS then
    local count = redis.call('ZCOUNT', accepted, ARGV[3], string.format('%.0f', day_from + DAY_MS))
    for i = count + 1, tonumber(ARGV[4]) do
        redis.call('ZADD', accepted, string.format('%.0f', at), string.format('restored/%.0f/%.0f', steps, i))
    end
end
local set = switch_of(halt)
return {steps, set[1] or '', set[2] or '', set[3] or '', set[4] or ''}
""".replace("DAY_MS", str(DAY_MS))
)

# Takes the lease if it is free. The token is above every earlier one, also after Redis lost the counter: it never falls
# behind the server's clock in seconds, nor behind ARGV[2], which the worker knows of. A lease that would last longer
# than one is granted for was granted before the server's clock was put back, and one that would last for ever was
# written by somebody else: it is cut to a lease. Answers the token, or false.
ACQUIRE = Script(f"""#!lua{WHOLE}
local lease, epoch = KEYS[1], KEYS[2]
if redis.call('EXISTS', lease) == 1 then
    local left = redis.call('PTTL', lease)
    if left < 0 or left > tonumber(ARGV[1]) then redis.call('PEXPIRE', lease, ARGV[1]) end
    return false
end
local number = math.max(whole(text(epoch)), tonumber(ARGV[2])) + 1
number = math.max(number, tonumber(redis.call('TIME')[1]))
local text = string.format('%.0f', number)
redis.call('SET', epoch, text)
redis.call('SET', lease, text, 'PX', ARGV[1])
return text
""")

# Prolongs the lease, or takes it again where Redis lost it and nobody was granted one since. Redis must have all that
# the worker knows: its steps, its generation, its audit log, the kill switch unless that was released. Where it has
# less, the mark of the generation goes, so that fronts refuse writes at once. Answers {word, generation, revision, seq,
# digest, level, by, reason, since_ms, releases}; the words are held, behind (held, and Redis has less) and lost.
RENEW = Script(f"""#!lua{WHOLE}
local lease, epoch, generation, revision, head, halt = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local token, holder, granted = ARGV[1], text(KEYS[1]), text(KEYS[2])
local known, seq = ARGV[4], tonumber(ARGV[5])
if holder and holder ~= token then return {{'lost'}} end
if not holder and whole(granted) > tonumber(token) then return {{'lost'}} end
if granted ~= token then redis.call('SET', epoch, token) end
redis.call('SET', lease, token, 'PX', ARGV[2])
local current, steps = text(generation) or '', whole(text(revision))
local last, digest = log_end(head)
local behind = steps < tonumber(ARGV[3]) or (known ~= '' and current == '')
if known ~= '' and current == known then
    behind = behind or last < seq or (last == seq and seq > 0 and digest ~= ARGV[6])
elseif known ~= '' and ARGV[7] == '1' then
    behind = true
end
local set, releases = switch_of(halt), whole(text(KEYS[7]))
local off = not (set[1] or set[2] or set[3] or set[4])
if off and ARGV[8] == '1' and releases <= tonumber(ARGV[9]) then behind = true end
if behind or current == '' then redis.call('DEL', generation) end
if behind then return {{'behind', '', steps, last, digest}} end
if steps == 0 then redis.call('DEL', revision) end
return {{'held', current, redis.call('INCR', revision), last, digest, set[1] or '', set[2] or '', set[3] or '',
    set[4] or '', releases}}
""")

RELEASE = Script("""#!lua
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
""")

# What a standby keeps in mind, so that it can compare once it leads. Answers {generation, revision, seq, digest, level,
# by, reason, since_ms, day_from, day_orders, releases}.
OBSERVE = Script(f"""#!lua flags=no-writes{WHOLE}
local generation, revision, head, halt, heartbeat = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local set, day = switch_of(halt), redis.pcall('HMGET', heartbeat, 'day_from', 'day_orders')
local seq, digest = log_end(head)
return {{text(generation) or '', whole(text(revision)), seq, digest, set[1] or '', set[2] or '', set[3] or '',
    set[4] or '', whole(day[1]), whole(day[2]), whole(text(KEYS[6]))}}
""")

# Writes nothing, and is refused as every write is: out of memory, with a failing disk, at a replica.
WRITABLE = Script("""#!lua
return 1
""")

# Only the leader tells the session's status, so that a thawed predecessor can't overwrite it; with it the replication
# id under which it has found Redis to have all it knew, empty where it can't say so.
BEAT = Script("""#!lua
local lease, heartbeat = KEYS[1], KEYS[2]
if redis.call('GET', lease) ~= ARGV[1] then return 'fenced' end
local now = redis.call('TIME')
if type(redis.pcall('HGET', heartbeat, 'token')) == 'table' then redis.call('DEL', heartbeat) end
redis.call('HSET', heartbeat, 'token', ARGV[1], 'worker', ARGV[2], 'status', ARGV[3],
    'written_ms', now[1] * 1000 + math.floor(now[2] / 1000))
if ARGV[5] == '?' then
    redis.call('HDEL', heartbeat, 'compared')
elseif ARGV[5] ~= '-' then
    redis.call('HSET', heartbeat, 'compared', ARGV[5])
end
redis.call('HSET', heartbeat, 'day_from', ARGV[6], 'day_orders', ARGV[7])
redis.call('PEXPIRE', heartbeat, ARGV[4])
return 'written'
""")
