"""The Lua scripts of the lease: each is one indivisible step at the server."""

from bridge.bus.integrity.damage import WHOLE
from bridge.bus.transport.script import Script

# Takes the lease if it is free. The token is above every earlier one, also after Redis lost the counter: it never falls
# behind the server's clock in seconds, nor behind ARGV[2], which the worker knows of. A lease that would last longer
# than one is granted for was granted before the server's clock was put back, and one that would last for ever was
# written by somebody else: it is cut to a lease. Where the holder before was of this release, the leader's parts of the
# records (`owned`) are this one's. Otherwise a "?" says that they are yet to be made. Answers the token, or false.
ACQUIRE = Script(f"""#!lua{WHOLE}
local lease, epoch, owned = KEYS[1], KEYS[2], KEYS[3]
if redis.call('EXISTS', lease) == 1 then
    local left = redis.call('PTTL', lease)
    if left < 0 or left > tonumber(ARGV[1]) then redis.call('PEXPIRE', lease, ARGV[1]) end
    return false
end
local number = math.max(whole(text(epoch)), tonumber(ARGV[2])) + 1
number = math.max(number, tonumber(redis.call('TIME')[1]))
local granted = string.format('%.0f', number)
local last = text(owned)
redis.call('SET', owned, last and last == text(epoch) and granted or granted .. '?')
redis.call('SET', epoch, granted)
redis.call('SET', lease, granted, 'PX', ARGV[1])
return granted
""")

# Prolongs the lease, or takes it again where Redis lost it and nobody was granted one since. Redis must have all that
# the worker knows: its steps, its generation, its audit log, the kill switch unless that was released. Where it has
# less, the mark of the generation goes, so that fronts refuse writes at once. Where the mark of the leader's parts is
# lost or an older one, it says that they are yet to be made, so that no front's word counts. Answers {word, generation,
# revision, seq, digest, level, by, reason, since_ms, releases}; the words are held, behind (held, and Redis has less)
# and lost.
RENEW = Script(f"""#!lua{WHOLE}
local lease, epoch, generation, revision, head, halt = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local token, holder, granted = ARGV[1], text(KEYS[1]), text(KEYS[2])
local known, seq = ARGV[4], tonumber(ARGV[5])
if holder and holder ~= token then return {{'lost'}} end
if not holder and whole(granted) > tonumber(token) then return {{'lost'}} end
if granted ~= token then redis.call('SET', epoch, token) end
redis.call('SET', lease, token, 'PX', ARGV[2])
local owned = text(KEYS[8])
if owned ~= token and owned ~= token .. '?' then redis.call('SET', KEYS[8], token .. '?') end
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
