"""The Lua scripts that move order records and the lease: each is one indivisible step at the server.

`#!lua` makes the server refuse a script as a whole when it may not write (out of memory, replica, failing disk), so an
error from it always means that nothing was changed. `flags=allow-oom` exempts from the first what stops orders, tells
what became of a call, or frees memory: it adds little to what is there. Keys and channels come as KEYS, which Cluster
and ACLs check.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from bridge.bus.connect import Refused
from bridge.bus.pipe import Argument, Pipe

NEW_GRACE_MS = 2_000  # a new record outlives its caller's wait by this much
KEPT_MS = 7 * 24 * 3600 * 1000  # results are replayed this long
TOMBSTONE_MS = 10 * 60 * 1000  # longer than a dead connection can still deliver a late submit


@dataclass(frozen=True)
class Script:
    """Sent by its digest; a server that has forgotten it (NOSCRIPT: nothing was done) gets the text."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())

    async def run(self, pipe: Pipe, keys: tuple[str, ...], *arguments: Argument) -> Any:
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
# Answers {state then, attempt, reply, generation}; `absent` leaves a tombstone, so that a submit of this attempt that
# is still on its way finds itself withdrawn.
WITHDRAW = Script("""#!lua flags=allow-oom
local record, generation, channel, inflight = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local attempt, reply, execution = ARGV[1], ARGV[2], ARGV[4]
local found = redis.call('HMGET', record, 'st', 'att', 'res', 'exe', 'tok')
local st, current = found[1], redis.call('GET', generation) or ''
local mine = st == 'accepted' and found[4] == execution and found[5] == ARGV[5]
if st and not mine and (st ~= 'new' or found[2] ~= attempt) then return {st, found[2], found[3] or '', current} end
if mine then redis.call('SREM', inflight, ARGV[6]) end
if mine and #KEYS > 4 then
    local accepted, duplicate = KEYS[5], KEYS[6]
    redis.call('ZREM', accepted, ARGV[6])
    for i = 2, tonumber(ARGV[7]) do redis.call('ZREM', accepted, ARGV[6] .. '/' .. i) end
    if redis.call('GET', duplicate) == ARGV[6] then
        local earlier, now = redis.call('HMGET', record, 'dup', 'dup_until'), redis.call('TIME')
        local left = earlier[1] and tonumber(earlier[2]) - now[1] * 1000 - math.floor(now[2] / 1000) or 0
        if left > 0 then
            redis.call('SET', duplicate, earlier[1], 'PX', string.format('%.0f', left))
        else
            redis.call('DEL', duplicate)
        end
    end
end
redis.call('HSET', record, 'st', 'withdrawn', 'att', attempt, 'res', reply)
redis.call('PEXPIRE', record, ARGV[3])
if reply ~= '' then redis.call('SPUBLISH', channel, reply) end
return {st and 'withdrawn' or 'absent', attempt, '', current}
""")

# The last step before the frame: only the lease's holder, only once, and a placing only past the gate: kill switch,
# counts of orders, equal orders. `execution` names one delivery of the request, so that asking again after a lost reply
# is told from a second delivery. Notes (ARGV from 14: name, value, …) are there before anything is sent. Answers
# {word, detail}: accepted, fenced, gone, or what the gate says.
ACCEPT = Script("""#!lua
local record, lease, inflight, halt, accepted, duplicate = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local token, attempt, execution, key = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('GET', lease) ~= token then return {'fenced', ''} end
local found = redis.call('HMGET', record, 'st', 'att', 'exe')
if found[2] ~= attempt then return {'gone', ''} end
if found[1] == 'accepted' and found[3] == execution then return {'accepted', ''} end
if found[1] ~= 'new' then return {'gone', ''} end
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
if ARGV[6] == 'place' then
    local closing, minute, day, orders = ARGV[7] == '1', tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[13])
    local level = redis.call('HGET', halt, 'level')
    if level and not (closing and level == 'reduce_only') then return {'halted', level} end
    if not closing and minute > 0 and redis.call('ZCOUNT', accepted, at - 60000, '+inf') + orders > minute then
        return {'too_many', 'minute'}
    end
    if not closing and day > 0 and redis.call('ZCOUNT', accepted, ARGV[10], '+inf') + orders > day then
        return {'too_many', 'day'}
    end
    local earlier = tonumber(ARGV[11]) > 0 and redis.call('GET', duplicate)
    if earlier and earlier ~= key and earlier ~= ARGV[12] then return {'duplicate', earlier} end
    redis.call('ZREMRANGEBYSCORE', accepted, '-inf', at - 172800000)
    for i = 1, orders do
        redis.call('ZADD', accepted, string.format('%.0f', at), i == 1 and key or key .. '/' .. i)
    end
    if earlier and earlier ~= key then
        redis.call('HSET', record, 'dup', earlier, 'dup_until',
            string.format('%.0f', at + redis.call('PTTL', duplicate)))
    end
    if tonumber(ARGV[11]) > 0 then redis.call('SET', duplicate, key, 'PX', ARGV[11]) end
end
redis.call('HSET', record, 'st', 'accepted', 'tok', token, 'exe', execution, 't_accepted', at)
for i = 14, #ARGV, 2 do redis.call('HSET', record, 'n:' .. ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', record, ARGV[5])
redis.call('SADD', inflight, key)
return {'accepted', ''}
""")

# Stores the answer and publishes it. What Redis has lost (also where a caller then left a tombstone) is written anew by
# the lease's holder, who knows that it had accepted.
FINISH = Script("""#!lua flags=allow-oom
local record, lease, inflight, channel = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local token, reply, digest, attempt, request = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local found = redis.call('HMGET', record, 'st', 'tok', 'att')
if found[1] == 'done' and found[3] == attempt then return 'done' end
if found[1] and found[1] ~= 'withdrawn' then
    if found[1] ~= 'accepted' or found[2] ~= token then return 'gone' end
elseif redis.call('GET', lease) ~= token then
    return 'fenced'
end
local now = redis.call('TIME')
redis.call('HSET', record, 'st', 'done', 'dg', digest, 'att', attempt, 'tok', token, 'req', request, 'res', reply,
    't_done', now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('PEXPIRE', record, ARGV[7])
redis.call('SREM', inflight, ARGV[6])
redis.call('SPUBLISH', channel, reply)
return 'done'
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

# Hands out `count` order ids, all above every id before and not below `floor` (TWS's nextValidId may roll back).
ORDER_IDS = Script("""#!lua
local counter, lease = KEYS[1], KEYS[2]
if redis.call('GET', lease) ~= ARGV[1] then return 0 end
local first = math.max(tonumber(redis.call('GET', counter) or '0') + 1, tonumber(ARGV[2]))
redis.call('SET', counter, string.format('%.0f', first + tonumber(ARGV[3]) - 1))
return first
""")

# Marks that Redis holds the session's history from now on; the mark is gone when Redis lost its data.
MARK = Script("""#!lua
local generation, lease = KEYS[1], KEYS[2]
if redis.call('GET', lease) ~= ARGV[1] then return false end
redis.call('SET', generation, ARGV[2], 'NX')
return redis.call('GET', generation)
""")

# Takes the lease if it is free. The token is above every earlier one, also after Redis lost the counter: it never falls
# behind the server's clock in seconds. Answers the token, or false.
ACQUIRE = Script("""#!lua
local lease, epoch = KEYS[1], KEYS[2]
if redis.call('EXISTS', lease) == 1 then return false end
local number = math.max(tonumber(redis.call('GET', epoch) or '0') + 1, tonumber(redis.call('TIME')[1]))
local text = string.format('%.0f', number)
redis.call('SET', epoch, text)
redis.call('SET', lease, text, 'PX', ARGV[1])
return text
""")

# Prolongs the lease, or takes it again where Redis lost it and nobody was granted one since.
RENEW = Script("""#!lua
local lease, epoch, generation = KEYS[1], KEYS[2], KEYS[3]
local token, holder = ARGV[1], redis.call('GET', lease)
local granted = redis.call('GET', epoch)
if holder and holder ~= token then return {'lost', ''} end
if not holder and granted and granted ~= token then return {'lost', ''} end
if not granted then redis.call('SET', epoch, token) end
redis.call('SET', lease, token, 'PX', ARGV[2])
return {'held', redis.call('GET', generation) or ''}
""")

RELEASE = Script("""#!lua
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
""")

# Only the leader tells the session's status, so that a thawed predecessor can't overwrite it.
BEAT = Script("""#!lua
local lease, heartbeat = KEYS[1], KEYS[2]
if redis.call('GET', lease) ~= ARGV[1] then return 'fenced' end
local now = redis.call('TIME')
redis.call('HSET', heartbeat, 'token', ARGV[1], 'worker', ARGV[2], 'status', ARGV[3],
    'written_ms', now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('PEXPIRE', heartbeat, ARGV[4])
return 'written'
""")
