"""The clients of a session and their access, in Redis. The console and the operator's command line write them; fronts
and the worker read them.

A client's access is kept by the SHA-256 of its proof, and the proof is the SHA-256 of its bearer token. So Redis has
neither: who reads Redis can make no call in a client's name.
"""

import hashlib
import re
from typing import Annotated

import msgspec

from bridge.bus.identity.json_records import decoded_hash
from bridge.bus.identity.rights import Rights
from bridge.bus.identity.sign_ins import count_step
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

MOST_ACCESS = 1_000  # entries at once, of all clients; the one that ends first gives way
OIDC_PREFIX = "oidc-"  # of the names that are made of another provider's tokens
OIDC_NAME = re.compile(rf"{OIDC_PREFIX}.*-[0-9a-f]{{8}}")  # the console's names end with six digits
BY_OPERATOR = "operator "  # of `Client.by`, before the operator's name
NEWS = b"changed"  # on the channel of clients: read them again

ClientName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._@-]{1,64}\Z")]

# Gives access until a time, if there is the client. What is over, or of another epoch, goes in the same step.
GRANT = Script("""#!lua
local clients, access, epoch = KEYS[1], KEYS[2], redis.call('GET', KEYS[3]) or ''
local id, client, lasts, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('HEXISTS', clients, client) == 0 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found, first, first_until, count = redis.call('HGETALL', access), nil, nil, 0
for i = 1, #found, 2 do
    local read, each = pcall(cjson.decode, found[i + 1])
    local over = read and type(each) == 'table' and each.epoch == epoch and tonumber(each.until_ms) or 0
    if over <= now then
        redis.call('HDEL', access, found[i])
    else
        count = count + 1
        if not first or over < first_until then first, first_until = found[i], over end
    end
end
if count >= most then redis.call('HDEL', access, first) end
redis.call('HSET', access, id, cjson.encode({client = client, until_ms = now + lasts, epoch = epoch}))
redis.call('SPUBLISH', KEYS[4], ARGV[5])
return 1
""")

# Lua for other scripts: ends a client's access, answers how many entries there were. What can't be read goes too.
_END_ALL = """
local function end_all(access, client)
    local found, ended = redis.call('HGETALL', access), 0
    for i = 1, #found, 2 do
        local read, each = pcall(cjson.decode, found[i + 1])
        local of = read and type(each) == 'table' and each.client or client
        if of == client then ended = ended + redis.call('HDEL', access, found[i]) end
    end
    return ended
end
"""

END_ALL = Script(
    f"#!lua flags=allow-oom{_END_ALL}"
    """
local ended = end_all(KEYS[1], ARGV[1])
redis.call('SPUBLISH', KEYS[2], ARGV[2])
return ended
"""
)

# Removes a client with its access in one step, so that another of that name has none of it.
REMOVE = Script(
    f"#!lua flags=allow-oom{_END_ALL}"
    """
local removed = redis.call('HDEL', KEYS[1], ARGV[1])
end_all(KEYS[2], ARGV[1])
redis.call('SPUBLISH', KEYS[3], ARGV[2])
return removed
"""
)

STORE = Script("""#!lua
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SPUBLISH', KEYS[2], ARGV[3])
return 1
""")

# Both hashes, the epoch and the server's time in ms, as of one moment.
READ = Script("""#!lua flags=no-writes
local time = redis.call('TIME')
return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]), redis.call('GET', KEYS[3]) or '',
    time[1] * 1000 + math.floor(time[2] / 1000)}
""")


class Client(msgspec.Struct, frozen=True, omit_defaults=True):
    """One that may call the tools: `name` is its principal. Times in milliseconds since 1970; `until_ms` 0: no end.

    by: the operator who gave the rights. about: who it says it is, for operators.
    """

    name: ClientName
    rights: Rights
    created_ms: int = 0
    until_ms: int = 0
    by: str = ""
    about: str = ""


class Access(msgspec.Struct, frozen=True):
    """One proof's access, valid until a time. That of another epoch is void: it changes when Redis has lost data."""

    client: str
    until_ms: int
    epoch: str


class Registry(msgspec.Struct, frozen=True):
    """The clients by name, and their access by the proof's digest, as of one moment of the server's clock."""

    clients: dict[str, Client]
    access: dict[str, Access]
    now_ms: int
    unreadable: int = 0  # records that are no client and no access


def proof_of(token: str) -> str:
    """Return what a front passes to the worker in place of the token: nobody gets the token back from it."""
    return hashlib.sha256(token.encode()).hexdigest()


def access_id(proof: str) -> str:
    """Return the name under which the proof's access is kept: who reads it learns no proof."""
    return hashlib.sha256(proof.encode()).hexdigest()


async def store_client(pipe: CommandPipeline, keys: Keys, client: Client) -> None:
    """Add the client, or replace its record: its access then has the new rights. Raises BusError."""
    record = msgspec.json.encode(client, order="sorted")
    await STORE.run(pipe, (keys.clients, keys.client_news), client.name, record, NEWS)
    await count_step(pipe, keys)


async def grant_access(pipe: CommandPipeline, keys: Keys, proof: str, client: str, lasts_ms: int) -> bool:
    """Let this proof's token act as the client for so long; return False where there is no such client. Raises
    BusError."""
    names = (keys.clients, keys.access, keys.identity_epoch, keys.client_news)
    return bool(await GRANT.run(pipe, names, access_id(proof), client, lasts_ms, MOST_ACCESS, NEWS))


async def end_access_of(pipe: CommandPipeline, keys: Keys, client: str) -> int:
    """End all access of a client, which stays; return how many entries it had. Raises BusError."""
    ended = int(await END_ALL.run(pipe, (keys.access, keys.client_news), client, NEWS))
    await count_step(pipe, keys)
    return ended


async def remove_client(pipe: CommandPipeline, keys: Keys, name: str) -> bool:
    """Remove a client with all its access; return whether there was one. Raises BusError."""
    removed = bool(await REMOVE.run(pipe, (keys.clients, keys.access, keys.client_news), name, NEWS))
    await count_step(pipe, keys)
    return removed


async def read_registry(pipe: CommandPipeline, keys: Keys) -> Registry:
    """Return the clients and the access that is valid now. A damaged record is none. Raises BusError."""
    clients, access, epoch, now_ms = await READ.run(pipe, (keys.clients, keys.access, keys.identity_epoch))
    known, client_faults = decoded_hash(clients, Client)
    allowed, access_faults = decoded_hash(access, Access)
    named = {name: each for name, each in known.items() if each.name == name}
    of_now = {id_: each for id_, each in allowed.items() if each.epoch == epoch.decode(errors="replace")}
    return Registry(named, of_now, int(now_ms), client_faults + access_faults + len(known) - len(named))
