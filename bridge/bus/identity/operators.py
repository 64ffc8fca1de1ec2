"""The operators of a session, in Redis: their names, hashed passphrases and one-time codes' secrets."""

import re

import msgspec

from bridge.bus.identity.sign_ins import EACH
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")

# Adds an operator. Sign-ins, links and grants of that name are of somebody who was removed by hand: they end in the
# same step.
ADD = Script(
    f"#!lua\n{EACH}"
    """
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
for i = 2, 4 do end_all(KEYS[i], ARGV[1]) end
return 1
"""
)

# Takes a one-time code's step, unless it or a later one was taken.
TAKE_STEP = Script("""#!lua
local found = redis.call('HGET', KEYS[1], ARGV[1])
if not found then return 0 end
local operator = cjson.decode(found)
if operator.totp_step >= tonumber(ARGV[2]) then return 0 end
operator.totp_step = tonumber(ARGV[2])
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(operator))
return 1
""")


class Operator(msgspec.Struct, frozen=True):
    """A person who may approve orders and release the kill switch.

    passphrase: its argon2id hash; empty for the demo's operator, who signs in by links alone. totp: the secret of
    one-time codes, empty where none are asked for. totp_step: the newest step of time whose code was used.
    """

    name: str
    passphrase: str
    totp: str = ""
    totp_step: int = 0


def operator_name(written: str) -> str:
    """Return the name as it is kept. Raises ValueError."""
    name = written.strip().lower()
    if not _NAME.fullmatch(name):
        raise ValueError(f"an operator's name has 1-32 of a-z 0-9 _ . - and begins with a letter or digit: {name!r}")
    return name


async def add_operator(pipe: CommandPipeline, keys: Keys, new: Operator) -> bool:
    """Add the operator; return False, and change nothing, where the name is taken. Raises BusError."""
    names = (keys.operators, keys.sign_ins, keys.sign_in_links, keys.oauth_grants)
    return bool(await ADD.run(pipe, names, new.name, msgspec.json.encode(new)))


async def find_operator(pipe: CommandPipeline, keys: Keys, name: str) -> Operator | None:
    """Return the operator of that name. Raises BusError, and ValueError for a record that can't be read."""
    found: bytes | None = await pipe.send("HGET", keys.operators, name)
    return None if found is None else _read(found)


async def operator_names(pipe: CommandPipeline, keys: Keys) -> list[str]:
    """Return the names of all operators in order; those whose record is damaged too. Raises BusError."""
    return sorted(name.decode() for name in await pipe.send("HKEYS", keys.operators))


async def passphrase_holders(pipe: CommandPipeline, keys: Keys) -> list[str]:
    """Return the names of the operators who sign in with a passphrase, in order; a damaged record counts as one of
    those. Raises BusError."""
    flat: list[bytes] = await pipe.send("HGETALL", keys.operators)
    return sorted(name.decode() for name, found in zip(flat[::2], flat[1::2], strict=True) if _has_passphrase(found))


async def take_totp_step(pipe: CommandPipeline, keys: Keys, name: str, step: int) -> bool:
    """Return whether the code of this step was unused until now; it is used from now on. Raises BusError."""
    return bool(await TAKE_STEP.run(pipe, (keys.operators,), name, step))


def _read(found: bytes) -> Operator:
    try:
        return msgspec.json.decode(found, type=Operator)
    except msgspec.DecodeError as error:
        raise ValueError(
            f"the operator's record in Redis is damaged: {error}. Remove the operator and add it"
        ) from None


def _has_passphrase(found: bytes) -> bool:
    try:
        return bool(_read(found).passphrase)
    except ValueError:
        return True
