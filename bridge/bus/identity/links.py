"""Links that sign an operator in once, at the console: by the SHA-256 of a token, for ten minutes.

The token is in the address's fragment, which browsers send to no server. So neither a proxy's log nor a chat program
that opens links by itself has it.
"""

import secrets

from bridge.bus.identity.sign_ins import (
    BEGIN,
    BEGIN_SIGN_IN,
    EACH,
    MOST,
    SIGNED_IN,
    count_step,
    sign_in_id,
)
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

LASTS_MS = 10 * 60 * 1000
MOST_LINKS = 20  # at once; the oldest gives way
VIA = "link"
PATH = "/link"

# Uses up a link and begins a sign-in in the same step. Answers whose it was, empty for a link that is not good.
USE = Script(
    f"#!lua\n{SIGNED_IN}{EACH}{BEGIN_SIGN_IN}"
    """
local operator = signed_in(KEYS[1], KEYS[4], KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[4], ARGV[1])
if operator == '' then return '' end
begin_sign_in(KEYS[1], KEYS[2], KEYS[3], ARGV[2], operator, ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))
return operator
"""
)


async def make_link(pipe: CommandPipeline, keys: Keys, operator: str, console: str, lasts_ms: int = LASTS_MS) -> str:
    """Return a link to the console at that address; empty where there is no such operator. Raises BusError.

    The caller has checked who it is. A link is kept as a sign-in is, in a hash of its own.
    """
    token = secrets.token_urlsafe(32)
    names = (keys.operators, keys.sign_in_links, keys.identity_epoch)
    made = await BEGIN.run(pipe, names, sign_in_id(token), operator, VIA, lasts_ms, MOST_LINKS)
    return f"{console}{PATH}#{token}" if made else ""


async def use_link(pipe: CommandPipeline, keys: Keys, link_token: str, lasts_ms: int) -> tuple[str, str]:
    """Return the token of a new sign-in, and whose it is; both empty for a link that was used, is too old, or was void
    by a loss of data. Raises BusError."""
    token = secrets.token_urlsafe(32)
    names = (keys.operators, keys.sign_ins, keys.identity_epoch, keys.sign_in_links)
    found: bytes = await USE.run(pipe, names, sign_in_id(link_token), sign_in_id(token), VIA, lasts_ms, MOST)
    if not found:
        return "", ""
    await count_step(pipe, keys)  # a copy of Redis that has the link unused is an older one
    return token, found.decode()
