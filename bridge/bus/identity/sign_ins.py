"""Sign-ins of operators, in Redis: by the SHA-256 of a token, until a time, and revocable.

An approval and a release carry the id of the sign-in that they were given under, and count while it lasts.
"""

import hashlib
import secrets
from contextlib import suppress

import msgspec

from bridge.bus.identity.json_records import decoded_hash
from bridge.bus.keys import Keys
from bridge.bus.messages import LOOK_NOW
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

COMMAND_MS = 20 * 60 * 1000  # of a command's sign-in: longer than an approval holds
CONSOLE_CALLER = "console"  # the console's calls of the worker: their proof is the id of an operator's sign-in
MOST = 200  # sign-ins at once; the oldest gives way

# Lua for other scripts. `signed_in` returns the operator of a sign-in that lasts, empty for none. Those of another
# epoch are void: it changes when Redis has lost data. What can't be read is no sign-in; a hash of operators that can't
# be read has some.
SIGNED_IN = """
local function has_operators(operators)
    local count = redis.pcall('HLEN', operators)
    return type(count) ~= 'number' or count > 0
end
local function signed_in(operators, sign_ins, epoch, id)
    local found, of = redis.pcall('HGET', sign_ins, id), redis.pcall('GET', epoch)
    if type(found) ~= 'string' or type(of) == 'table' then return '' end
    local time, read, sign_in = redis.call('TIME'), pcall(cjson.decode, found)
    if not read or type(sign_in) ~= 'table' or sign_in.epoch ~= (of or '') then return '' end
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local begun, over, operator = sign_in.begun_ms, sign_in.until_ms, sign_in.operator
    if type(begun) ~= 'number' or type(over) ~= 'number' or type(operator) ~= 'string' then return '' end
    if over <= now or begun > now or redis.pcall('HEXISTS', operators, operator) ~= 1 then return '' end
    return operator
end
"""

# Goes through HGETALL's answer: an id and its sign-in, empty where it can't be read. `end_all` ends an operator's.
EACH = """
local function each_sign_in(found)
    local i = -1
    return function()
        i = i + 2
        if not found[i] then return nil end
        local read, sign_in = pcall(cjson.decode, found[i + 1])
        return found[i], read and type(sign_in) == 'table' and sign_in or {}
    end
end
local function end_all(sign_ins, operator)
    local ended = 0
    for id, each in each_sign_in(redis.call('HGETALL', sign_ins)) do
        if (each.operator or operator) == operator then ended = ended + redis.call('HDEL', sign_ins, id) end
    end
    return ended
end
"""

# Lua for scripts that begin a sign-in, after EACH.
BEGIN_SIGN_IN = """
local function begin_sign_in(operators, sign_ins, epoch_key, id, operator, via, lasts, most)
    local epoch = redis.call('GET', epoch_key) or ''
    if redis.call('HEXISTS', operators, operator) == 0 then return 0 end
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local oldest, oldest_at, count = nil, nil, 0
    for other, each in each_sign_in(redis.call('HGETALL', sign_ins)) do
        local begun = tonumber(each.begun_ms)
        if not begun or (tonumber(each.until_ms) or 0) <= now or each.epoch ~= epoch then
            redis.call('HDEL', sign_ins, other)
        else
            count = count + 1
            if not oldest or begun < oldest_at then oldest, oldest_at = other, begun end
        end
    end
    if count >= most then redis.call('HDEL', sign_ins, oldest) end
    redis.call('HSET', sign_ins, id, cjson.encode({operator = operator, via = via, begun_ms = now,
        until_ms = now + lasts, epoch = epoch}))
    return 1
end
"""

BEGIN = Script(
    f"#!lua\n{EACH}{BEGIN_SIGN_IN}"
    "return begin_sign_in(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))"
)

FIND = Script(f"#!lua flags=no-writes\n{SIGNED_IN}return signed_in(KEYS[1], KEYS[2], KEYS[3], ARGV[1])")

# Ends an operator's sign-ins, and its links with them.
END = Script(f"#!lua flags=allow-oom\n{EACH}end_all(KEYS[2], ARGV[1])\nreturn end_all(KEYS[1], ARGV[1])")

# Removes an operator, and ends its sign-ins and links in the same step.
REMOVE = Script(
    f"#!lua flags=allow-oom\n{EACH}"
    """
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
end_all(KEYS[2], ARGV[1])
end_all(KEYS[3], ARGV[1])
return 1
"""
)


class SignIn(msgspec.Struct, frozen=True):
    """A sign-in as it is kept. `via`: `command line`, `console` or `link`. Times in milliseconds since 1970."""

    operator: str
    via: str
    begun_ms: int
    until_ms: int
    epoch: str


def identity_keys(keys: Keys) -> tuple[str, str, str]:
    """Return the keys that `signed_in` takes, in its order."""
    return keys.operators, keys.sign_ins, keys.identity_epoch


def sign_in_id(token: str) -> str:
    """Return the id under which the token's sign-in is kept: whoever reads it learns no token."""
    return hashlib.sha256(token.encode()).hexdigest()


async def begin_sign_in(pipe: CommandPipeline, keys: Keys, operator: str, via: str, lasts_ms: int = COMMAND_MS) -> str:
    """Return the token of a new sign-in; empty where there is no such operator any more. Raises BusError.

    The caller has checked who it is.
    """
    token = secrets.token_urlsafe(32)
    begun = await BEGIN.run(pipe, identity_keys(keys), sign_in_id(token), operator, via, lasts_ms, MOST)
    return token if begun else ""


async def signed_in_operator(pipe: CommandPipeline, keys: Keys, token: str) -> str:
    """Return who is signed in by the token; empty if nobody is. Raises BusError."""
    return await operator_of(pipe, keys, sign_in_id(token))


async def operator_of(pipe: CommandPipeline, keys: Keys, id_: str) -> str:
    """Return whose the sign-in is; empty if it is nobody's any more. Raises BusError."""
    found: bytes = await FIND.run(pipe, identity_keys(keys), id_)
    return found.decode()


async def sign_ins(pipe: CommandPipeline, keys: Keys) -> dict[str, SignIn]:
    """Return the sign-ins by their ids, those that are over too until another begins. A damaged record is none, as for
    `signed_in`. Raises BusError."""
    found, _ = decoded_hash(await pipe.send("HGETALL", keys.sign_ins), SignIn)
    return found


async def end_sign_in(pipe: CommandPipeline, keys: Keys, id_: str) -> bool:
    """End one sign-in by its id; return whether there was one. Raises BusError."""
    ended = bool(await pipe.send("HDEL", keys.sign_ins, id_))
    await count_step(pipe, keys)
    return ended


async def end_sign_ins_of(pipe: CommandPipeline, keys: Keys, operator: str) -> int:
    """End all sign-ins of an operator, and void its links; return how many sign-ins there were. Raises BusError."""
    ended = int(await END.run(pipe, (keys.sign_ins, keys.sign_in_links), operator))
    await count_step(pipe, keys)
    return ended


async def remove_operator(pipe: CommandPipeline, keys: Keys, name: str) -> bool:
    """Remove the operator and end its sign-ins; return whether there was one. Raises BusError."""
    removed = bool(await REMOVE.run(pipe, (keys.operators, keys.sign_ins, keys.sign_in_links), name))
    await count_step(pipe, keys)
    return removed


async def void_identities(pipe: CommandPipeline, keys: Keys) -> None:
    """Void every sign-in, and whatever else belongs to an earlier epoch. Raises BusError."""
    await pipe.send("SET", keys.identity_epoch, secrets.token_urlsafe(12))


async def count_step(pipe: CommandPipeline, keys: Keys) -> None:
    """Let the leader renew its lease, which counts a step: a copy of Redis from before is then known to be older."""
    with suppress(BusError):  # it renews every second by itself
        await pipe.send("SPUBLISH", keys.requests, LOOK_NOW)
