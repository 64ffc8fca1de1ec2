"""A human's approval of a live order, in Redis: asked for by the worker, given outside the model's reach, used once."""

import msgspec

from bridge.bus.keys import Keys
from bridge.bus.pipe import Pipe
from bridge.bus.scripts import Script

WAITS_MS = 15 * 60 * 1000  # an approval is for the order as the human reads it now


class Approval(msgspec.Struct, frozen=True):
    """One order that awaits a human, or has one's word. `summary` is the server's own sentence, never the model's."""

    key: str
    digest: str
    caller: str
    summary: str
    approved_by: str = ""


# Asks for an approval, or finds it. A key that comes again with other arguments asks anew.
ASK = Script("""#!lua
local approval, index = KEYS[1], KEYS[2]
local key, digest, kept = ARGV[1], ARGV[2], ARGV[5]
if redis.call('HGET', approval, 'digest') ~= digest then
    local now = redis.call('TIME')
    redis.call('DEL', approval)
    redis.call('HSET', approval, 'digest', digest, 'caller', ARGV[3], 'summary', ARGV[4], 'by', '')
    redis.call('PEXPIRE', approval, kept)
    redis.call('ZADD', index, now[1], key)
end
return redis.call('HGET', approval, 'by')
""")

# Gives it, once, to exactly what was read.
GIVE = Script("""#!lua
local approval, index = KEYS[1], KEYS[2]
local found = redis.call('HMGET', approval, 'digest', 'by')
if found[1] ~= ARGV[2] or found[2] ~= '' then return 0 end
redis.call('HSET', approval, 'by', ARGV[3])
redis.call('ZREM', index, ARGV[1])
return 1
""")


async def ask_approval(pipe: Pipe, keys: Keys, asked: Approval) -> str:
    """Who has approved the order, empty while nobody has: then it now waits for somebody. Raises BusError."""
    arguments = (asked.key, asked.digest, asked.caller, asked.summary, WAITS_MS)
    return str((await ASK.run(pipe, (keys.approval(asked.key), keys.approvals), *arguments)).decode())


async def give_approval(pipe: Pipe, keys: Keys, key: str, digest: str, by: str) -> bool:
    """Approve what waits under `key` if it still is what was read, and nobody has yet. For humans alone."""
    return bool(await GIVE.run(pipe, (keys.approval(key), keys.approvals), key, digest, by))


async def use_approval(pipe: Pipe, keys: Keys, key: str) -> None:
    """It has let its order pass; another order under this key would ask anew."""
    await pipe.send("DEL", keys.approval(key))


async def waiting_approvals(pipe: Pipe, keys: Keys) -> list[Approval]:
    """What waits for a human, oldest first; what has expired is forgotten on the way."""
    found: list[Approval] = []
    for name in await pipe.send("ZRANGE", keys.approvals, 0, -1):
        key = name.decode()
        digest, caller, summary, by = await pipe.send("HMGET", keys.approval(key), "digest", "caller", "summary", "by")
        if digest is None:
            await pipe.send("ZREM", keys.approvals, key)
        else:
            found.append(Approval(key, digest.decode(), caller.decode(), summary.decode(), by.decode()))
    return found
