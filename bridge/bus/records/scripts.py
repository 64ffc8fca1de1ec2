"""The Lua scripts that move order records: each is one indivisible step at the server."""

from bridge.bus.integrity.damage import WHOLE
from bridge.bus.transport.script import Script

NEW_GRACE_MS = 2_000  # a new record outlives its caller's wait by this much
KEPT_MS = 7 * 24 * 3600 * 1000  # results are replayed this long
HOLD_MS = 15 * 60 * 1000  # so long an order whose made key its caller never learnt holds its equals
DAY_MS = 25 * 3600 * 1000  # the longest day, when summer time ends
HIGHEST_ORDER_ID = 2**31 - 1
TOMBSTONE_MS = 10 * 60 * 1000  # longer than a dead connection can still deliver a late submit

# Lua for other scripts: what a record says to whoever has the attempt: {state, attempt, digest, reply, request, when it
# was answered}. The front's part (`asked`) says what was asked for, the worker's part (`kept`) what became of it, and
# the second has the last word. An earlier release wrote all of it into the first, which a front that was taken over can
# write. So that one's "accepted" and "done", and its replies, are believed only while an earlier release leads:
# `owned` is then neither the leader's token, nor that with a "?", which it is until all records are the leader's own.
# Till then, and where nobody leads, nobody knows what became of the key. An attempt that a leader withdrew stays
# withdrawn, whatever attempt the front's part names since.
SEEN = """
local function seen(record, own, lease, owned, attempt)
    local fields = {'st', 'att', 'dg', 'res', 'req', 't_done'}
    local kept, asked = redis.call('HMGET', own, unpack(fields)), redis.call('HMGET', record, unpack(fields))
    local later = asked[1] and asked[2] ~= kept[2]
    if kept[1] == 'accepted' then return kept, asked end
    if kept[1] == 'done' and not (later and asked[2] == attempt) then return kept, asked end
    if kept[1] == 'withdrawn' and (kept[2] == attempt or asked[1] and not later) then return kept, asked end
    local by, leader = redis.call('GET', owned), redis.call('GET', lease)
    if asked[1] and (not leader or by == leader or by == leader .. '?') then
        asked[4] = false
        if asked[1] == 'accepted' or asked[1] == 'done' then
            asked[1] = leader and by == leader and 'new' or 'accepted'
        end
    end
    return asked, asked
end
"""

# Answers {word, attempt, reply, generation, receivers, first}. The words: a state that the record was found in (new,
# accepted, done, withdrawn), `submitted`, or why nothing was written: other_principal, conflict, no_generation,
# other_generation, no_worker. `first` is when the key's earlier call was answered, in ms. A record names its principal
# in the request that it keeps, as those of earlier releases do. Proof and token go to the worker and into no record. A
# cancel (`renews`) replays its answer within the first call's deadline alone: what was placed since is not in it.
SUBMIT = Script(
    f"#!lua{SEEN}"
    """
local record, generation, requests = KEYS[1], KEYS[2], KEYS[3]
local digest, attempt, ttl, request, expected = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local principal, renews, proof, token = ARGV[7], ARGV[8] == '1', ARGV[9], ARGV[10]
local found, asked = seen(record, KEYS[4], KEYS[5], KEYS[6], attempt)
local now, first = redis.call('TIME'), ''
local st, current = found[1], redis.call('GET', generation) or ''
if st and st ~= 'withdrawn' then
    local read, call = pcall(cjson.decode, found[5] or '')
    if not read or type(call) ~= 'table' or call['caller'] ~= principal then
        return {'other_principal', '', '', current, 0, ''}
    end
    if found[3] ~= digest then return {'conflict', found[2], '', current, 0, ''} end
    local ends = (tonumber(call['until']) or 0) + (tonumber(call['grace_ms']) or 0)
    if renews and st == 'done' and found[2] ~= attempt and now[1] * 1000 > ends then
        if asked[1] == 'new' and asked[2] ~= found[2] then return {'new', asked[2], '', current, 0, ''} end
        first = found[6] or ''
    elseif st ~= 'new' or found[2] ~= attempt then
        return {st, found[2], found[4] or '', current, 0, found[6] or ''}
    end
elseif st and found[2] == attempt then
    return {'withdrawn', attempt, '', current, 0}
end
if current == '' then return {'no_generation', attempt, '', '', 0} end
if expected ~= '' and expected ~= current then return {'other_generation', attempt, '', current, 0} end
redis.call('DEL', record)
redis.call('HSET', record, 'st', 'new', 'dg', digest, 'att', attempt, 'req', request,
    't_new', now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('PEXPIRE', record, ttl)
if proof ~= '' then request = string.sub(request, 1, -2) .. ',"proof":"' .. proof .. '"}' end
if token ~= '' then request = string.sub(request, 1, -2) .. ',"token":"' .. token .. '"}' end
local receivers = redis.call('SPUBLISH', requests, request)
if receivers > 0 then return {'submitted', attempt, '', current, receivers, first} end
redis.call('HSET', record, 'st', 'withdrawn')
redis.call('PEXPIRE', record, ARGV[6])
return {'no_worker', attempt, '', current, 0}
"""
)

# Answers {state, attempt, reply, generation} as the attempt is to see them.
LOOK = Script(
    f"#!lua flags=no-writes{SEEN}"
    """
local found = seen(KEYS[1], KEYS[3], KEYS[4], KEYS[5], ARGV[1])
return {found[1] or 'absent', found[2] or '', found[4] or '', redis.call('GET', KEYS[2]) or ''}
"""
)

# A front takes its attempt back while nobody has accepted it. Answers {state then, attempt, reply, generation};
# `absent` leaves a tombstone, so that a submit of this attempt that is still on its way finds itself withdrawn.
WITHDRAW = Script(
    f"#!lua flags=allow-oom{SEEN}"
    """
local record, generation, attempt = KEYS[1], KEYS[2], ARGV[1]
local found, current = seen(record, KEYS[3], KEYS[4], KEYS[5], attempt), redis.call('GET', generation) or ''
if found[1] and (found[1] ~= 'new' or found[2] ~= attempt) then
    return {found[1], found[2], found[4] or '', current}
end
redis.call('HSET', record, 'st', 'withdrawn', 'att', attempt, 'res', '')
redis.call('PEXPIRE', record, ARGV[2])
return {found[1] and 'withdrawn' or 'absent', attempt, '', current}
"""
)

# The worker withdraws the attempt while nobody has accepted it, or if its `execution` (with that token) certainly sent
# nothing: then the order counts no more, nor holds up its equals, as what it took at the gate (KEYS from 5) goes back.
# An answer that the key has is kept: what is refused then is a cancel that would have renewed it. Answers how many
# orders count no more.
REFUSE = Script("""#!lua flags=allow-oom
local record, own, channel, inflight = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local attempt, reply, execution, key = ARGV[1], ARGV[2], ARGV[4], ARGV[6]
local kept = redis.call('HMGET', own, 'st', 'att', 'exe', 'tok')
local mine = kept[1] == 'accepted' and kept[3] == execution and kept[4] == ARGV[5]
if not mine then
    local found = redis.call('HMGET', record, 'st', 'att')
    if kept[1] == 'accepted' or (kept[1] == 'withdrawn' and kept[2] == attempt) then return 0 end
    if found[1] and (found[1] ~= 'new' or found[2] ~= attempt) then return 0 end
    if not found[1] and kept[1] == 'done' then return 0 end
end
local given_back = 0
local function give_back(member)
    local gone = redis.pcall('ZREM', KEYS[5], member)
    given_back = given_back + (type(gone) == 'number' and gone or 0)
end
if mine then redis.pcall('SREM', inflight, key) end
if mine and #KEYS > 4 then
    local duplicate = KEYS[6]
    give_back(key)
    for i = 2, tonumber(ARGV[7]) do give_back(key .. '/' .. i) end
    if redis.call('GET', duplicate) == key then
        local earlier, now = redis.call('HMGET', own, 'dup', 'dup_until'), redis.call('TIME')
        local left = earlier[1] and tonumber(earlier[2]) - now[1] * 1000 - math.floor(now[2] / 1000) or 0
        if left > 0 then
            redis.call('SET', duplicate, earlier[1], 'PX', string.format('%.0f', left))
        else
            redis.call('DEL', duplicate)
        end
    end
    if KEYS[7] ~= duplicate and redis.call('GET', KEYS[7]) == key then redis.call('DEL', KEYS[7]) end
end
for _, part in ipairs(kept[1] == 'done' and {record} or {own, record}) do
    redis.call('HSET', part, 'st', 'withdrawn', 'att', attempt, 'res', reply)
    redis.call('PEXPIRE', part, ARGV[3])
end
if reply ~= '' then redis.call('SPUBLISH', channel, reply) end
return given_back
""")

# The last step before the frame: only the lease's holder, only once, and a placing only past the gate: kill switch,
# counts of orders, equal orders. What the worker's part knows as accepted or done is taken again only as a cancel
# (`renews`) after the first call's deadline. `execution` names one delivery of the request, so that asking again after
# a lost reply is told from a second delivery. Redis must have all steps that the worker knows of, in its generation, or
# it is an older copy (`behind`); so it is where the switch that the worker knows is gone and was not released. Orders
# of the day that it knows of count where all are gone. What lies in the future, as after the server's clock was put
# back, does not count. Notes (ARGV from 24: name, value, …) are there before anything is sent. The front's part gets
# the same for fronts, and for a worker, of an earlier release. Answers {word, detail, revision, orders of the day}:
# accepted, fenced, behind, gone, or what the gate says; `halted` comes with the switch. The revision is 0 where this
# execution was accepted before.
ACCEPT = Script(
    "#!lua"
    + WHOLE
    + """
local record, lease, inflight, halt, accepted, duplicate = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local generation, revision, own = KEYS[7], KEYS[8], KEYS[11]
local token, attempt, execution, key = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('GET', lease) ~= token then return {'fenced', ''} end
local steps = whole(text(revision))
if steps < tonumber(ARGV[15]) or (ARGV[16] ~= '' and text(generation) ~= ARGV[16]) then
    return {'behind', ''}
end
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local function renewed(kept)
    local read, call = pcall(cjson.decode, kept[5] or '')
    if ARGV[21] ~= '1' or kept[2] == attempt or kept[4] ~= ARGV[22] or not read or type(call) ~= 'table' then
        return false
    end
    return now[1] * 1000 > (tonumber(call['until']) or 0) + (tonumber(call['grace_ms']) or 0)
end
local kept, found = redis.call('HMGET', own, 'st', 'att', 'exe', 'dg', 'req'), redis.call('HMGET', record, 'st', 'att')
if kept[1] == 'accepted' and kept[2] == attempt and kept[3] == execution then return {'accepted', '', 0, 0} end
if kept[1] == 'accepted' or (kept[1] == 'withdrawn' and kept[2] == attempt) then return {'gone', ''} end
if kept[1] == 'done' and not renewed(kept) then return {'gone', ''} end
if found[2] ~= attempt or found[1] ~= 'new' then return {'gone', ''} end
local today, held = 0, {}
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
        held = {'dup', earlier, 'dup_until', string.format('%.0f', at + redis.call('PTTL', duplicate))}
    end
    if window > 0 then
        redis.call('SET', KEYS[9], key, 'PX', ARGV[11])
        redis.call('SET', duplicate, key, 'PX', string.format('%.0f', hold))
    end
end
redis.call('DEL', own)
redis.call('HSET', own, 'att', attempt, 'dg', ARGV[22], 'req', ARGV[23],
    't_new', redis.call('HGET', record, 't_new') or at)
for _, part in ipairs({own, record}) do
    redis.call('HSET', part, 'st', 'accepted', 'tok', token, 'exe', execution, 't_accepted', at)
    if #held > 0 then redis.call('HSET', part, unpack(held)) end
    for i = 24, #ARGV, 2 do redis.call('HSET', part, 'n:' .. ARGV[i], ARGV[i + 1]) end
    redis.call('PEXPIRE', part, ARGV[5])
end
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
local record, lease, inflight, channel, revision, own = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local token, reply, digest, attempt, request = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local found, steps = redis.call('HMGET', own, 'st', 'tok', 'att'), whole(text(revision))
if found[1] == 'done' and found[3] == attempt then return {{'done', steps}} end
if found[1] == 'done' or found[1] == 'accepted' then
    if found[1] == 'done' or found[2] ~= token then return {{'gone', 0}} end
elseif redis.call('GET', lease) ~= token then
    return {{'fenced', 0}}
end
if found[3] ~= attempt then redis.call('DEL', own) end
local now = redis.call('TIME')
for _, part in ipairs({{own, record}}) do
    redis.call('HSET', part, 'st', 'done', 'dg', digest, 'att', attempt, 'tok', token, 'req', request, 'res', reply,
        't_done', now[1] * 1000 + math.floor(now[2] / 1000))
    redis.call('PEXPIRE', part, ARGV[7])
end
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
local record, lease, own = KEYS[1], KEYS[2], KEYS[3]
if redis.call('GET', lease) ~= ARGV[1] then return 'fenced' end
local st = redis.call('HGET', own, 'st')
if st ~= 'accepted' and st ~= 'done' then return 'gone' end
for _, part in ipairs({own, record}) do
    for i = 3, #ARGV, 2 do redis.call('HSET', part, 'n:' .. ARGV[i], ARGV[i + 1]) end
    redis.call('PEXPIRE', part, ARGV[2])
end
return 'noted'
""")

# A new leader makes an order of an earlier one its own; from then on the earlier one can't finish it.
ADOPT = Script("""#!lua
local record, lease, own = KEYS[1], KEYS[2], KEYS[3]
if redis.call('GET', lease) ~= ARGV[1] then return 'fenced' end
if redis.call('HGET', own, 'st') ~= 'accepted' then return 'gone' end
redis.call('HSET', own, 'tok', ARGV[1])
redis.call('HSET', record, 'tok', ARGV[1])
return 'adopted'
""")

# Writes what the leader makes of a key that an earlier release has accepted or answered into both parts of its record,
# unless the leader's part knows better: it is done, or this very term's. One that it knows as accepted becomes done
# only if that is certain, and is reconciled otherwise. `free` deletes the front's part. Answers -1 if another worker
# leads, else whether the key has a new record of the leader's.
TAKE_OVER = Script("""#!lua flags=allow-oom
local record, lease, own, inflight = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local token, state, key, certain = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
if redis.call('GET', lease) ~= token then return -1 end
local kept = redis.pcall('HMGET', own, 'st', 'tok')
if kept[1] == 'done' or (kept[1] == 'accepted' and kept[2] == token) then return 0 end
local function in_flight()
    if type(redis.pcall('SADD', inflight, key)) == 'table' then
        redis.call('DEL', inflight)
        redis.call('SADD', inflight, key)
    end
end
if kept[1] == 'accepted' and not (state == 'done' and certain) then
    in_flight()
    return 0
end
if state == 'free' then
    redis.pcall('SREM', inflight, key)
    redis.call('DEL', record)
    return 0
end
for _, part in ipairs({own, record}) do
    redis.call('DEL', part)
    redis.call('HSET', part, 'st', state, unpack(ARGV, 6))
    redis.call('PEXPIRE', part, ARGV[5])
end
if state == 'accepted' then in_flight() else redis.pcall('SREM', inflight, key) end
return 1
""")

# Marks that the worker's parts are all there, in this term.
OWN = Script("""#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[1])
return 1
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
