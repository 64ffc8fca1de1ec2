"""A person's approval of a live order, in Redis: requested by the worker, given outside the model's reach, used once.

The operator gives it (`cli approve`), or the person at an MCP client that can show a form. A form's answer carries the
challenge that the form was sent with, which is good for one answer.
"""

from typing import Literal

import msgspec

from bridge.bus.controls.kill_switch import FIRST_EPOCH, HALT_EPOCH, halt_epoch
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

WAITS_MS = 15 * 60 * 1000  # an approval is for the order as the human reads it now

Answer = Literal["approve", "decline", "cancel"]
FormResult = Literal["approved", "refused", "replayed", "unknown", "other_caller", "expired", "voided"]


class Approval(msgspec.Struct, frozen=True):
    """One order that waits for approval, or is approved. `summary` is the server's own sentence, never the model's.

    `digest` covers the caller, the call's arguments and the order's checked terms, account included.
    """

    key: str
    digest: str
    caller: str
    summary: str
    approved_by: str = ""


# Asks for an approval, or finds it. One whose last step lies in the future, as after the server's clock was put back,
# counts no more: nobody knows how old it is. `epoch` changes with each halt and each release: what was asked or
# approved under an earlier one is void. A key that comes again with another order asks anew. Each asking sends out a
# new challenge where forms are allowed (it is empty where not), so that the newest form alone can be answered, and
# has its whole time: the human reads the summary of this asking.
ASK = Script(
    f"#!lua\n{HALT_EPOCH}"
    """
local approval, index, epoch = KEYS[1], KEYS[2], halt_epoch(KEYS[3], KEYS[4])
local key, digest, caller, summary, challenge, waits = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HMGET', approval, 'digest', 'by', 'until', 'at', 'epoch')
local good = found[1] == digest and (found[5] or '0:') == epoch
local holds = found[3] and now <= tonumber(found[3]) and tonumber(found[4] or '0') <= now
if good and found[2] ~= '' and holds then return found[2] end
if not good or found[2] ~= '' then redis.call('ZADD', index, time[1], key) end
redis.call('HSET', approval, 'digest', digest, 'by', '', 'until', string.format('%.0f', now + waits), 'caller', caller,
    'summary', summary, 'epoch', epoch, 'challenge', challenge, 'form_until', string.format('%.0f', now + ARGV[7]),
    'at', string.format('%.0f', now))
redis.call('PEXPIRE', approval, waits)
return ''
"""
)

# Gives it, once, to exactly what was read.
GIVE = Script(
    f"#!lua\n{HALT_EPOCH}"
    """
local approval, index, epoch = KEYS[1], KEYS[2], halt_epoch(KEYS[3], KEYS[4])
local found = redis.call('HMGET', approval, 'digest', 'by', 'epoch')
if found[1] ~= ARGV[2] or found[2] ~= '' or (found[3] or '0:') ~= epoch then return 0 end
local time = redis.call('TIME')
redis.call('HSET', approval, 'by', ARGV[3], 'at', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
redis.call('ZREM', index, ARGV[1])
return 1
"""
)

# Takes a form's answer. Any answer of the right caller uses the challenge up, and a refusal ends the asking.
ANSWER = Script(
    f"#!lua\n{HALT_EPOCH}"
    """
local approval, index, epoch = KEYS[1], KEYS[2], halt_epoch(KEYS[3], KEYS[4])
local key, challenge, caller, approve, by = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local found = redis.call('HMGET', approval, 'challenge', 'answered', 'caller', 'form_until', 'by', 'at', 'epoch')
if found[2] == challenge then return 'replayed' end
if challenge == '' or found[1] ~= challenge or found[5] ~= '' then return 'unknown' end
if found[3] ~= caller then return 'other_caller' end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', approval, 'answered', challenge, 'challenge', '')
if now > tonumber(found[4]) or now < tonumber(found[6] or '0') then return 'expired' end
if (found[7] or '0:') ~= epoch then return 'voided' end
redis.call('ZREM', index, key)
if approve ~= '1' then
    redis.call('HDEL', approval, 'digest')
    return 'refused'
end
redis.call('HSET', approval, 'by', by, 'until', string.format('%.0f', now + ARGV[6]), 'at', string.format('%.0f', now))
return 'approved'
"""
)


async def ask_approval(pipe: CommandPipeline, keys: Keys, asked: Approval, challenge: str = "") -> str:
    """Return who has approved the order; empty while nobody has, and the order then waits for approval. Raises
    BusError."""
    form_ms = round(pipe.timing.form_s * 1000)
    arguments = (asked.key, asked.digest, asked.caller, asked.summary, challenge, WAITS_MS, form_ms)
    names = (keys.approval(asked.key), keys.approvals, keys.halts, keys.halt)
    return str((await ASK.run(pipe, names, *arguments)).decode())


async def give_approval(pipe: CommandPipeline, keys: Keys, key: str, digest: str, by: str) -> bool:
    """Approve what waits under `key` if it still is what was read, and nobody has yet. For the operator alone."""
    names = (keys.approval(key), keys.approvals, keys.halts, keys.halt)
    return bool(await GIVE.run(pipe, names, key, digest, by))


async def answer_form(
    pipe: CommandPipeline, keys: Keys, key: str, challenge: str, caller: str, approve: bool
) -> FormResult:
    """Record a form's answer and return its result. After a BusError the challenge may be used up."""
    by = f"{caller}, by a form in the client"
    approved_ms = round(pipe.timing.approved_form_s * 1000)
    arguments = (key, challenge, caller, "1" if approve else "0", by, approved_ms)
    word: bytes = await ANSWER.run(pipe, (keys.approval(key), keys.approvals, keys.halts, keys.halt), *arguments)
    return _WORDS[word]


_WORDS: dict[bytes, FormResult] = {
    b"approved": "approved",
    b"refused": "refused",
    b"replayed": "replayed",
    b"unknown": "unknown",
    b"other_caller": "other_caller",
    b"expired": "expired",
    b"voided": "voided",
}


async def waiting_approvals(pipe: CommandPipeline, keys: Keys) -> list[Approval]:
    """Return the orders that await approval, oldest first. Expired ones, and those voided by a halt, are deleted."""
    found: list[Approval] = []
    now = await halt_epoch(pipe, keys)
    for name in await pipe.send("ZRANGE", keys.approvals, 0, -1):
        key = name.decode()
        fields = ("digest", "caller", "summary", "by", "epoch")
        digest, caller, summary, by, epoch = await pipe.send("HMGET", keys.approval(key), *fields)
        if digest is None or (epoch or FIRST_EPOCH.encode()).decode() != now:
            await pipe.send("ZREM", keys.approvals, key)
        else:
            found.append(Approval(key, digest.decode(), caller.decode(), summary.decode(), by.decode()))
    return found
