"""Confirmation tokens in Redis: what a preview showed, kept until the order that it confirms uses it up."""

import msgspec

from bridge.bus.keys import Keys
from bridge.bus.pipe import Pipe
from bridge.bus.scripts import Script

TOKEN_S = 120


class Previewed(msgspec.Struct, frozen=True):
    """What a token stands for: one caller's one order, while the price stays between `low` and `high`."""

    caller: str
    terms: str
    low: float | None
    high: float | None


# Reading and deleting in one step makes a token single-use for all replicas.
TAKE = Script("""#!lua
local found = redis.call('GET', KEYS[1])
if found then redis.call('DEL', KEYS[1]) end
return found
""")


async def keep_preview(pipe: Pipe, keys: Keys, token: str, previewed: Previewed) -> None:
    """Raises BusError."""
    await pipe.send("SET", keys.preview(token), msgspec.json.encode(previewed), "PX", TOKEN_S * 1000)


async def take_preview(pipe: Pipe, keys: Keys, token: str) -> Previewed | None:
    """What the token stood for; None if it is unknown, used or too old. Raises BusError, and then it may be used up."""
    found = await TAKE.run(pipe, (keys.preview(token),))
    return msgspec.json.decode(found, type=Previewed) if found else None
