"""Grants of operators to OAuth clients, in Redis: one record from the consent to the last refresh token.

Codes and refresh tokens are `<name>.<secret>`. The grant is kept by the SHA-256 of the name and has that of the newest
token, so who reads Redis can redeem nothing. Whoever has the name has had a token of the grant: one that is not its
newest was used before or is made up, and voids the grant.
"""

import hashlib
import secrets
from contextlib import suppress
from typing import Literal

import msgspec

from bridge.bus.identity.clients import remove_client
from bridge.bus.identity.json_records import decoded_hash
from bridge.bus.identity.sign_ins import SIGNED_IN, identity_keys
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

CODE_MS = 60 * 1000  # from the consent to its exchange
UNUSED_MS = 30 * 24 * 60 * 60 * 1000  # a refresh token that is not used for so long is over
MOST = 200  # grants at once; more must be revoked by a person

Redeemed = Literal["done", "unknown", "replayed"]
OUTCOMES: dict[int, Redeemed] = {1: "done", 0: "unknown", -1: "replayed"}

# Lua: a grant that stands. Those of another epoch are void: it changes when Redis has lost data. So are those of an
# operator who is there no more, removed by a command or by hand.
_STANDS = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function standing(written, epoch, operators)
    local read, grant = pcall(cjson.decode, written or '')
    if not read or type(grant) ~= 'table' or grant.epoch ~= epoch then return nil end
    if redis.pcall('HEXISTS', operators, tostring(grant.operator)) ~= 1 then return nil end
    local over = tonumber(grant.until_ms) or 0
    if not grant.refresh or grant.refresh == '' then over = tonumber(grant.code_until_ms) or 0 end
    if over <= now or (tonumber(grant.refresh_until_ms) or 0) <= now then return nil end
    return grant
end
"""

# Keeps a new grant of an operator who is signed in: -1 where nobody is, 0 where there are too many. Those that are over
# go in the same step.
BEGIN = Script(
    f"#!lua\n{SIGNED_IN}{_STANDS}"
    """
local grants, epoch = KEYS[1], redis.call('GET', KEYS[4]) or ''
if signed_in(KEYS[2], KEYS[3], KEYS[4], ARGV[3]) == '' then return -1 end
local found, count = redis.call('HGETALL', grants), 0
for i = 1, #found, 2 do
    if standing(found[i + 1], epoch, KEYS[2]) then count = count + 1 else redis.call('HDEL', grants, found[i]) end
end
if count >= tonumber(ARGV[5]) then return 0 end
local grant = cjson.decode(ARGV[2])
grant.epoch, grant.begun_ms, grant.until_ms = epoch, now, now + tonumber(ARGV[6])
grant.code_until_ms, grant.refresh_until_ms = now + tonumber(ARGV[4]), grant.until_ms
redis.call('HSET', grants, ARGV[1], cjson.encode(grant))
return 1
"""
)

FIND = Script(
    f"#!lua flags=no-writes\n{_STANDS}"
    """
local written = redis.call('HGET', KEYS[1], ARGV[1])
return written and standing(written, redis.call('GET', KEYS[2]) or '', KEYS[3]) and written or ''
"""
)

# Exchanges a code or the newest refresh token for the next one: 1, 0 where the grant is none, -1 where it was replayed.
REDEEM = Script(
    f"#!lua\n{_STANDS}"
    """
local written = redis.call('HGET', KEYS[1], ARGV[1])
local grant = written and standing(written, redis.call('GET', KEYS[2]) or '', KEYS[3])
if not grant then return 0 end
local newest = grant.refresh ~= '' and grant.refresh or grant.code
if newest ~= ARGV[2] then return -1 end
grant.refresh, grant.refreshed_ms = ARGV[3], now
grant.refresh_until_ms = math.min(tonumber(grant.until_ms), now + tonumber(ARGV[4]))
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(grant))
return 1
"""
)


class ClientGrant(msgspec.Struct, frozen=True):
    """One operator's grant to one registered client. Times in milliseconds since 1970.

    client: its name as a principal. about: who it says it is. rights: as JSON. explicit: whether the request named its
    redirect_uri. challenge: PKCE's. code, refresh: SHA-256 of the code, and of the newest refresh token, empty before
    the code's exchange.
    """

    client_id: str
    client: str
    about: str
    operator: str
    scopes: str
    resource: str
    redirect_uri: str
    explicit: bool
    challenge: str
    rights: str
    code: str = ""
    refresh: str = ""
    epoch: str = ""
    begun_ms: int = 0
    until_ms: int = 0
    code_until_ms: int = 0
    refresh_until_ms: int = 0
    refreshed_ms: int = 0


def digest(secret: str) -> str:
    """Return what is kept in place of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def grant_id(token: str) -> str:
    """Return the id of the grant that a code or refresh token names."""
    return digest(token.partition(".")[0])


async def begin_grant(pipe: CommandPipeline, keys: Keys, grant: ClientGrant, sign_in: str, lasts_ms: int) -> str:
    """Return the code of a new grant that lasts so long, empty where there are too many. Raises BusError, and
    PermissionError where the sign-in is over."""
    code = f"{secrets.token_urlsafe(24)}.{secrets.token_urlsafe(32)}"
    record = msgspec.json.encode(msgspec.structs.replace(grant, code=digest(code)))
    names = (keys.oauth_grants, *identity_keys(keys))
    begun = await BEGIN.run(pipe, names, grant_id(code), record, sign_in, CODE_MS, MOST, lasts_ms)
    if begun == -1:
        raise PermissionError(grant.operator)
    return code if begun else ""


async def find_grant(pipe: CommandPipeline, keys: Keys, id_: str) -> ClientGrant | None:
    """Return the grant that stands under the id. Raises BusError."""
    found: bytes = await FIND.run(pipe, _names(keys), id_)
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(found, type=ClientGrant) if found else None
    return None


async def redeem(pipe: CommandPipeline, keys: Keys, token: str) -> tuple[Redeemed, str]:
    """Exchange a code or refresh token; return the next refresh token with `done`. What is `replayed` the caller voids.
    Raises BusError."""
    following = f"{token.partition('.')[0]}.{secrets.token_urlsafe(32)}"
    done = await REDEEM.run(pipe, _names(keys), grant_id(token), digest(token), digest(following), UNUSED_MS)
    return OUTCOMES[done], following if done == 1 else ""


def _names(keys: Keys) -> tuple[str, ...]:
    return keys.oauth_grants, keys.identity_epoch, keys.operators


async def grants(pipe: CommandPipeline, keys: Keys) -> dict[str, ClientGrant]:
    """Return the grants by their ids, those that are over too until another begins. Raises BusError."""
    found, _ = decoded_hash(await pipe.send("HGETALL", keys.oauth_grants), ClientGrant)
    return found


async def end_grant(pipe: CommandPipeline, keys: Keys, id_: str) -> bool:
    """End a grant; return whether there was one. Raises BusError."""
    return bool(await pipe.send("HDEL", keys.oauth_grants, id_))


async def end_grants_of(pipe: CommandPipeline, keys: Keys, operator: str) -> list[str]:
    """End the grants that an operator gave, and their clients' rights; return the clients' names. A client to which
    another operator has given rights since keeps those. Raises BusError."""
    found = await grants(pipe, keys)
    given = {id_: each.client for id_, each in found.items() if each.operator == operator}
    ended = sorted(set(given.values()) - {each.client for each in found.values() if each.operator != operator})
    for id_ in given:
        await end_grant(pipe, keys, id_)
    for client in ended:
        await remove_client(pipe, keys, client)
    return ended
