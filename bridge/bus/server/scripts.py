"""The Lua scripts of a leader's generation mark and heartbeat: each is one indivisible step at the server."""

from bridge.bus.integrity.damage import WHOLE
from bridge.bus.records.scripts import DAY_MS
from bridge.bus.transport.script import Script

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
