"""OAuth clients that have registered themselves (RFC 7591), in Redis. A registration alone carries no right."""

from contextlib import suppress

import msgspec

from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

AN_HOUR = 20  # new registrations: anybody may send them
OF_ONE = 10  # of these from one address: it must leave some to others
HOUR_MS = 60 * 60 * 1000
UNUSED_MS = 15 * 60 * 1000  # an operator's answer comes within this time; without a grant by then it may give way
MOST = 500  # at once
LONGEST = 8 * 1024  # bytes of one record

# Adds a registration. Where the hour or the store is full, the oldest that had its time and has no grant gives way.
# Answers 0 where there is none, or where the address has had its share of the hour.
ADD = Script("""#!lua
local registrations, grants = KEYS[1], KEYS[2]
local id, record, an_hour, hour, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local origin, of_one, unused = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local used, flat = {}, redis.call('HVALS', grants)
for i = 1, #flat do
    local read, each = pcall(cjson.decode, flat[i])
    if read and type(each) == 'table' and each.client_id then used[each.client_id] = true end
end
local found, recent, own, count, oldest, oldest_at = redis.call('HGETALL', registrations), 0, 0, 0, nil, nil
local of_hour, of_hour_at = nil, nil
for i = 1, #found, 2 do
    local read, each = pcall(cjson.decode, found[i + 1])
    each = read and type(each) == 'table' and each or {}
    local at = tonumber(each.at_ms) or 0
    local gives_way = not used[found[i]] and at <= now - unused
    count = count + 1
    if gives_way and (not oldest or at < oldest_at) then oldest, oldest_at = found[i], at end
    if at > now - hour then
        recent = recent + 1
        if each.origin == origin then own = own + 1 end
        if gives_way and (not of_hour or at < of_hour_at) then of_hour, of_hour_at = found[i], at end
    end
end
if own >= of_one or (recent >= an_hour and not of_hour) or (count >= most and not oldest) then return 0 end
if recent >= an_hour then
    redis.call('HDEL', registrations, of_hour)
elseif count >= most then
    redis.call('HDEL', registrations, oldest)
end
redis.call('HSET', registrations, id, cjson.encode({record = record, at_ms = now, origin = origin}))
return 1
""")


class Registration(msgspec.Struct, frozen=True):
    """A registered client. record: its metadata as JSON, with its secret's digest in place of the secret. origin: the
    address that it came from; an earlier release kept none."""

    record: str
    at_ms: int
    origin: str = ""


async def add_registration(pipe: CommandPipeline, keys: Keys, client_id: str, record: str, origin: str = "") -> bool:
    """Keep a new client; return False where there are too many. Raises BusError."""
    names = (keys.oauth_registrations, keys.oauth_grants)
    bounds = (AN_HOUR, HOUR_MS, MOST, origin, OF_ONE, UNUSED_MS)
    return bool(await ADD.run(pipe, names, client_id, record, *bounds))


async def find_registration(pipe: CommandPipeline, keys: Keys, client_id: str) -> Registration | None:
    """Return the client of that id; None for none, and for a damaged record. Raises BusError."""
    found: bytes | None = await pipe.send("HGET", keys.oauth_registrations, client_id)
    with suppress(msgspec.DecodeError):
        return None if found is None else msgspec.json.decode(found, type=Registration)
    return None
