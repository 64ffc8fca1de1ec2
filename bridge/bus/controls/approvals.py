"""A person's approval of a live order, in Redis: requested by the worker, given outside the model's reach, used once.

The operator gives it (`cli approve`), or the person at an MCP client that can show a form. A form's answer carries the
challenge that the form was sent with, which is good for one answer. Each step writes its event into the event log.
"""

from datetime import datetime
from typing import Literal

import msgspec

from bridge.bus.controls.approval_events import approval_draft
from bridge.bus.controls.kill_switch import FIRST_EPOCH, HALT_EPOCH, halt_epoch
from bridge.bus.events.event_log import LOG_EVENTS, draft_arguments, event_keys
from bridge.bus.identity.sign_ins import SIGNED_IN, identity_keys
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script
from bridge.tool import ToolError

WAITS_MS = 15 * 60 * 1000  # an approval is for the order as the human reads it now

Answer = Literal["approve", "decline", "cancel"]
FormResult = Literal["approved", "refused", "waits", "replayed", "unknown", "other_caller", "expired", "voided"]
State = Literal["asked", "approved", "refused", "none"]


class Approval(msgspec.Struct, frozen=True):
    """One order that waits for approval, or is approved. `summary` is the server's own sentence, never the model's.

    `digest` covers the caller, the call's arguments and the order's checked terms, account included. An approval also
    counts for the order of the same `part_digest`, which covers all of that but the quantity, whose `quantity` is no
    larger. That is for closing orders alone, and empty for all others.
    """

    key: str
    digest: str
    caller: str
    summary: str
    approved_by: str = ""
    part_digest: str = ""
    quantity: str = ""


class CurrentApproval(msgspec.Struct, frozen=True):
    """An approval as it stands. `by` and `reason` are of who approved or refused, `left_ms` is how long that holds.
    `age_ms`: how long ago the order was asked about, or answered. State `none`: the order never waited, its time is
    over, or a halt has voided it."""

    state: State
    by: str
    reason: str
    summary: str
    left_ms: int
    age_ms: int = 0


# Lua: whether an approval counts. Where the session has operators, one of them gave it while signed in, and the sign-in
# lasts; or the person at the MCP client gave it by a form, where the worker allows forms. What was given under a
# sign-in needs it also where the last operator was removed since.
COUNTS = f"""{SIGNED_IN}
local function counts(names, by, sign_in, form, forms)
    if (by or '') == '' then return false end
    if forms and form == '1' then return true end
    if (sign_in or '') == '' and not has_operators(names[1]) then return true end
    return signed_in(names[1], names[2], names[3], sign_in or '') ~= ''
end
"""

# Asks for an approval, or finds it. One whose last step lies in the future, as after the server's clock was put back,
# counts no more: nobody knows how old it is. `epoch` changes with each halt and each release: what was asked or
# approved under an earlier one is void. A key that comes again with another order asks anew, unless it is a part of the
# closing order that was approved. Each asking sends out a new challenge where forms are allowed (it is empty where
# not), so that the newest form alone can be answered, and has its whole time: the human reads the summary of this
# asking.
ASK = Script(
    f"#!lua\n{HALT_EPOCH}{LOG_EVENTS}{COUNTS}"
    """
local approval, index, epoch = KEYS[1], KEYS[2], halt_epoch(KEYS[3], KEYS[4])
local identity = {KEYS[9], KEYS[10], KEYS[11]}
local key, digest, caller, summary, challenge, waits = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local part_digest, quantity = ARGV[8], ARGV[9]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HMGET', approval, 'digest', 'by', 'until', 'at', 'epoch', 'refused_by', 'reason', 'sign_in',
    'form', 'part_digest', 'quantity')
local current, approved = (found[5] or '0:') == epoch, tonumber(found[11] or '')
local good = found[1] == digest and current
local part = part_digest ~= '' and found[10] == part_digest and approved and tonumber(quantity) <= approved
local holds = found[3] and now <= tonumber(found[3]) and tonumber(found[4] or '0') <= now
if found[1] == digest and (found[6] or '') ~= '' and holds then return {'', found[6], found[7]} end
if (good or (part and current)) and holds and counts(identity, found[2], found[8], found[9], challenge ~= '') then
    return {found[2]}
end
if not good or found[2] ~= '' or (found[6] or '') ~= '' then
    redis.call('ZADD', index, time[1], key)
    log_events({KEYS[5], KEYS[6], KEYS[7], KEYS[8]}, 10)
end
redis.call('HSET', approval, 'part_digest', part_digest, 'quantity', quantity)
redis.call('HSET', approval, 'digest', digest, 'by', '', 'until', string.format('%.0f', now + waits), 'caller', caller,
    'summary', summary, 'epoch', epoch, 'challenge', challenge, 'form_until', string.format('%.0f', now + ARGV[7]),
    'at', string.format('%.0f', now), 'refused_by', '', 'reason', '', 'sign_in', '', 'form', '')
redis.call('PEXPIRE', approval, waits)
return {''}
"""
)

# Gives it, once, to exactly what was read, and by an operator who is signed in where there are operators.
GIVE = Script(
    f"#!lua\n{HALT_EPOCH}{LOG_EVENTS}{COUNTS}"
    """
local approval, index, epoch = KEYS[1], KEYS[2], halt_epoch(KEYS[3], KEYS[4])
if not counts({KEYS[9], KEYS[10], KEYS[11]}, ARGV[3], ARGV[4], '', false) then return -1 end
local found = redis.call('HMGET', approval, 'digest', 'by', 'epoch', 'refused_by')
if found[1] ~= ARGV[2] or found[2] ~= '' or (found[3] or '0:') ~= epoch or (found[4] or '') ~= '' then return 0 end
local time = redis.call('TIME')
redis.call('HSET', approval, 'by', ARGV[3], 'at', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)),
    'sign_in', ARGV[4], 'form', '')
redis.call('ZREM', index, ARGV[1])
log_events({KEYS[5], KEYS[6], KEYS[7], KEYS[8]}, 5)
return 1
"""
)

# Refuses what was read and waits, also after a halt. The refusal is kept as long as an approval is, for the call that
# comes again, and queued for the audit log. A form that is still open approves nothing from now on.
REFUSE = Script(
    f"#!lua\n{LOG_EVENTS}"
    """
local approval, index, refusals = KEYS[1], KEYS[2], KEYS[3]
local key, digest, by, reason, waits = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local found = redis.call('HMGET', approval, 'digest', 'by', 'refused_by')
if found[1] ~= digest or found[2] ~= '' or (found[3] or '') ~= '' then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', approval, 'refused_by', by, 'reason', reason, 'challenge', '', 'at', string.format('%.0f', now),
    'until', string.format('%.0f', now + waits))
redis.call('PEXPIRE', approval, waits)
redis.call('ZREM', index, key)
usable(refusals, 'list')
redis.call('RPUSH', refusals, cjson.encode({key = key, by = by, reason = reason, at_ms = now}))
log_events({KEYS[4], KEYS[5], KEYS[6], KEYS[7]}, 6)
return 1
"""
)

# Takes a form's answer. Any answer of the right caller uses the challenge up, and a refusal ends the asking. A form
# that was closed or declined before a person could read it was shown to nobody: the order goes on waiting.
ANSWER = Script(
    f"#!lua\n{HALT_EPOCH}{LOG_EVENTS}"
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
if approve ~= '1' and now - tonumber(found[6] or '0') < tonumber(ARGV[7]) then return 'waits' end
redis.call('ZREM', index, key)
log_events({KEYS[5], KEYS[6], KEYS[7], KEYS[8]}, 9)
if approve ~= '1' then
    redis.call('HDEL', approval, 'digest')
    redis.call('HSET', approval, 'refused_by', by, 'reason', ARGV[8], 'at', string.format('%.0f', now))
    return 'refused'
end
redis.call('HSET', approval, 'by', by, 'until', string.format('%.0f', now + ARGV[6]), 'at', string.format('%.0f', now),
    'form', '1')
return 'approved'
"""
)

STATE = Script(
    f"#!lua flags=no-writes\n{HALT_EPOCH}{COUNTS}"
    """
local epoch, time, identity = halt_epoch(KEYS[2], KEYS[3]), redis.call('TIME'), {KEYS[4], KEYS[5], KEYS[6]}
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HMGET', KEYS[1], 'by', 'until', 'at', 'epoch', 'refused_by', 'reason', 'summary', 'sign_in',
    'form')
local left = (tonumber(found[2] or '') or 0) - now
local age = now - tonumber(found[3] or '0')
if left < 0 or age < 0 then return {'none', '', '', '', 0, 0} end
if (found[5] or '') ~= '' then return {'refused', found[5], found[6], found[7], left, age} end
if (found[4] or '0:') ~= epoch then return {'none', '', '', '', 0, 0} end
local counted = counts(identity, found[1], found[8], found[9], ARGV[1] == '1')
return {counted and 'approved' or 'asked', counted and found[1] or '', '', found[7], left, age}
"""
)

# Takes an order that waits no more off the list, unless it was asked about anew since it was read.
FORGET = Script(
    f"#!lua\n{HALT_EPOCH}{LOG_EVENTS}"
    """
local found = redis.call('HMGET', KEYS[1], 'digest', 'epoch')
if found[1] and (found[2] or '0:') == halt_epoch(KEYS[3], KEYS[4]) then return 0 end
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
log_events({KEYS[5], KEYS[6], KEYS[7], KEYS[8]}, 2)
return 1
"""
)


def _names(keys: Keys, key: str) -> tuple[str, ...]:
    return (keys.approval(key), keys.approvals, keys.halts, keys.halt, *event_keys(keys), *identity_keys(keys))


async def ask_approval(
    pipe: CommandPipeline, keys: Keys, asked: Approval, challenge: str = "", at: datetime | None = None
) -> str:
    """Return who has approved the order; empty while nobody has, and the order then waits for approval.

    Raises ToolError approval_refused where the operator has refused it, and BusError. `at` is the time of the event, by
    this machine's clock if none is given.
    """
    form_ms = round(pipe.timing.form_s * 1000)
    part = (asked.part_digest, asked.quantity)
    arguments = (asked.key, asked.digest, asked.caller, asked.summary, challenge, WAITS_MS, form_ms, *part)
    draft = approval_draft(asked.key, "asked", asked.caller, at, summary=asked.summary)
    found: list[bytes] = await ASK.run(pipe, _names(keys, asked.key), *arguments, *draft_arguments([draft]))
    if len(found) > 1:
        raise refused_error(asked.key, found[1].decode(), found[2].decode())
    return found[0].decode()


async def give_approval(pipe: CommandPipeline, keys: Keys, key: str, digest: str, by: str, sign_in: str = "") -> bool:
    """Approve what waits under `key` if it still is what was read, and nobody has yet. For the operator alone.

    Raises PermissionError where `sign_in` is of nobody who is signed in; it may be empty where there are no operators.
    """
    draft = approval_draft(key, "approved", by)
    given = await GIVE.run(pipe, _names(keys, key), key, digest, by, sign_in, *draft_arguments([draft]))
    if given < 0:
        raise PermissionError("only an operator who is signed in can approve")
    return bool(given)


async def refuse_approval(pipe: CommandPipeline, keys: Keys, key: str, digest: str, by: str, reason: str) -> bool:
    """Refuse what waits under `key` if it still is what was read. For the operator alone."""
    names = (keys.approval(key), keys.approvals, keys.refusals, *event_keys(keys))
    draft = approval_draft(key, "refused", by, reason=reason)
    return bool(await REFUSE.run(pipe, names, key, digest, by, reason, WAITS_MS, *draft_arguments([draft])))


def refused_error(key: str, by: str, reason: str) -> ToolError:
    """Return the error of an order that the operator has refused."""
    return ToolError(
        "approval_refused",
        f"The operator ({by}) refused this order: {reason}. Nothing was sent. Do not place it again unless the person "
        "you work for wants it; another order needs a new idempotencyKey.",
        approval=key,
        by=by,
        reason=reason,
    )


async def answer_form(
    pipe: CommandPipeline,
    keys: Keys,
    key: str,
    challenge: str,
    caller: str,
    approve: bool,
    reason: str = "declined at the client",
    at: datetime | None = None,
) -> FormResult:
    """Record a form's answer and return its result. After a BusError the challenge may be used up.

    `waits`: no person can have read the form in this time, so the order waits for the operator.
    """
    by = f"{caller}, by a form in the client"
    approved_ms, read_ms = round(pipe.timing.approved_form_s * 1000), round(pipe.timing.read_form_s * 1000)
    arguments = (key, challenge, caller, "1" if approve else "0", by, approved_ms, read_ms, reason)
    draft = approval_draft(key, "approved" if approve else "declined", by, at, reason="" if approve else reason)
    word: bytes = await ANSWER.run(pipe, _names(keys, key), *arguments, *draft_arguments([draft]))
    return _WORDS[word]


_WORDS: dict[bytes, FormResult] = {
    b"approved": "approved",
    b"refused": "refused",
    b"waits": "waits",
    b"replayed": "replayed",
    b"unknown": "unknown",
    b"other_caller": "other_caller",
    b"expired": "expired",
    b"voided": "voided",
}


async def approval_state(pipe: CommandPipeline, keys: Keys, key: str, forms: bool = True) -> CurrentApproval:
    """Return the approval as it stands, without a change of it. `forms`: whether a form's answer counts. Raises
    BusError."""
    names = (keys.approval(key), keys.halts, keys.halt, *identity_keys(keys))
    state, *told, left_ms, age_ms = await STATE.run(pipe, names, "1" if forms else "0")
    by, reason, summary = (each.decode() for each in told)
    return CurrentApproval(_STATES[state], by, reason, summary, int(left_ms), int(age_ms))


_STATES: dict[bytes, State] = {b"asked": "asked", b"approved": "approved", b"refused": "refused", b"none": "none"}


async def waiting_approvals(pipe: CommandPipeline, keys: Keys) -> list[Approval]:
    """Return the orders that await approval, oldest first. Expired ones, and those voided by a halt, are deleted."""
    found: list[Approval] = []
    now = await halt_epoch(pipe, keys)
    for name in await pipe.send("ZRANGE", keys.approvals, 0, -1):
        key = name.decode()
        fields = ("digest", "caller", "summary", "by", "epoch")
        digest, caller, summary, by, epoch = await pipe.send("HMGET", keys.approval(key), *fields)
        if digest is None or (epoch or FIRST_EPOCH.encode()).decode() != now:
            ended = approval_draft(key, "expired" if digest is None else "voided")
            await FORGET.run(pipe, _names(keys, key), key, *draft_arguments([ended]))
        else:
            found.append(Approval(key, digest.decode(), caller.decode(), summary.decode(), by.decode()))
    return found
