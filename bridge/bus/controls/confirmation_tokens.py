"""Confirmation tokens in Redis: the order that a preview showed, kept until the order that it confirms uses the
token."""

import msgspec

from bridge.bus.controls.kill_switch import FIRST_EPOCH, HALT_EPOCH, halt_epoch
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

TOKEN_S = 120
USED_S = 15 * 60  # its order may wait so long for a human, and comes again with it


class TokenGrant(msgspec.Struct, frozen=True):
    """The order that a token confirms: one caller's, once, while the price stays between `low` and `high`."""

    caller: str
    terms: str
    low: float | None
    high: float | None
    epoch: str = FIRST_EPOCH  # of the kill switch: a halt or a release voids the token


# A token that would live longer than it may was given before the server's clock was put back: it confirms nothing.
# A token is used up by one idempotencyKey, which places once at most: it may come again, as after a human's approval.
TAKE = Script(
    f"#!lua\n{HALT_EPOCH}"
    """
local preview, user, epoch = KEYS[1], KEYS[2], halt_epoch(KEYS[3], KEYS[4])
local found = redis.call('GET', preview)
if not found then return false end
if (cjson.decode(found)['epoch'] or '0:') ~= epoch then return false end
local by = redis.call('GET', user)
if by and by ~= ARGV[1] then return false end
if redis.call('PTTL', preview) > tonumber(by and ARGV[2] or ARGV[3]) then return false end
redis.call('SET', user, ARGV[1], 'PX', ARGV[2])
redis.call('PEXPIRE', preview, ARGV[2])
return found
"""
)


async def store_preview(pipe: CommandPipeline, keys: Keys, token: str, previewed: TokenGrant) -> None:
    """Store the grant of a token, which a halt ends. Raises BusError."""
    kept = msgspec.json.encode(msgspec.structs.replace(previewed, epoch=await halt_epoch(pipe, keys)))
    await pipe.send("SET", keys.preview(token), kept, "PX", TOKEN_S * 1000)


async def take_preview(pipe: CommandPipeline, keys: Keys, token: str, key: str) -> TokenGrant | None:
    """Return the token's grant and reserve the token for this key. None if the token is unknown, expired, used under
    another key, or from before a halt. Raises BusError."""
    names = (keys.preview(token), keys.preview_user(token), keys.halts, keys.halt)
    found = await TAKE.run(pipe, names, key, USED_S * 1000, TOKEN_S * 1000)
    return msgspec.json.decode(found, type=TokenGrant) if found else None
