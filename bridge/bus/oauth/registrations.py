"""OAuth clients that have registered themselves (RFC 7591), in Redis. A registration alone carries no right."""

from contextlib import suppress

import msgspec

from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

AN_HOUR = 20  # new registrations: anybody may send them
HOUR_MS = 60 * 60 * 1000
MOST = 500  # at once; the oldest without a grant gives way
LONGEST = 8 * 1024  # bytes of one record

# Adds a registration. Answers 0 where the hour has had enough of them, or where all that are kept have a grant.
ADD = Script("""#!lua
local registrations, grants = KEYS[1], KEYS[2]
local id, record, an_hour, hour, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local used, flat = {}, redis.call('HVALS', grants)
for i = 1, #flat do
    local read, each = pcall(cjson.decode, flat[i])
    if read and type(each) == 'table' and each.client_id then used[each.client_id] = true end
end
local found, recent, count, oldest, oldest_at = redis.call('HGETALL', registrations), 0, 0, nil, nil
for i = 1, #found, 2 do
    local read, each = pcall(cjson.decode, found[i + 1])
    local at = read and type(each) == 'table' and tonumber(each.at_ms) or 0
    if at > now - hour then recent = recent + 1 end
    count = count + 1
    if not used[found[i]] and (not oldest or at < oldest_at) then oldest, oldest_at = found[i], at end
end
if recent >= an_hour or (count >= most and not oldest) then return 0 end
if count >= most then redis.call('HDEL', registrations, oldest) end
redis.call('HSET', registrations, id, cjson.encode({record = record, at_ms = now}))
return 1
""")


class Registration(msgspec.Struct, frozen=True):
    """A registered client. record: its metadata as JSON, with its secret's digest in place of the secret."""

    record: str
    at_ms: int


async def add_registration(pipe: CommandPipeline, keys: Keys, client_id: str, record: str) -> bool:
    """Keep a new client; return False where there are too many. Raises BusError."""
    names = (keys.oauth_registrations, keys.oauth_grants)
    return bool(await ADD.run(pipe, names, client_id, record, AN_HOUR, HOUR_MS, MOST))


async def find_registration(pipe: CommandPipeline, keys: Keys, client_id: str) -> Registration | None:
    """Return the client of that id; None for none, and for a damaged record. Raises BusError."""
    found: bytes | None = await pipe.send("HGET", keys.oauth_registrations, client_id)
    with suppress(msgspec.DecodeError):
        return None if found is None else msgspec.json.decode(found, type=Registration)
    return None
