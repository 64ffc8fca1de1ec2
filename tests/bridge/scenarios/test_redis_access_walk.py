"""Every command of the server on every key and channel of a session, by the front's user: what it can see and change.

SECURITY.md and docs/operations.md say what each of these lets a front do that was taken over. A right that is added
here has to be named there.
"""

import asyncio
from collections import defaultdict
from typing import Any

from bridge.bus.keys import Keys
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.bus import pipe_to
from tests.stacks.redis_users import redis_users

CHANGES = {
    "req": {"spublish"},  # requests: the worker checks each, and believes no front's word for who calls
    "fronts": {"spublish"},  # ends other fronts' running reads
    "calls": {"spublish"},  # makes up calls on the tape, which decides nothing
    "seal": {"setnx"},
    "halt": {"hsetnx"},  # sets the kill switch
    "switched": {"rpush"},  # in anybody's name
    "streams": {"hdel", "hset", "pexpire", "unlink"},  # handles, of which each needs the worker's grant
    "op:ANY": {"del", "hset", "pexpire"},  # what was asked for: keeps a key from being used
}
READS = {
    "generation": {"get", "hmget"},
    "lease": {"get", "hmget"},
    "heartbeat": {"get", "hmget"},
    "owned": {"get", "hmget"},
    "own:ANY": {"get", "hmget"},
    "identity_epoch": {"get", "hgetall"},
    "clients": {"get", "hgetall"},
    "access": {"get", "hgetall"},  # digests of proofs, which are no proofs
    "seal": {"get"},
    "halt": {"hget", "hmget"},
    "events": {"xrange", "xrevrange"},
    "kept:ANY": {"xrange", "xrevrange"},
    "streams": {"hexists", "hget", "hgetall", "type"},
    "op:ANY": {"hget", "hmget"},
    "fronts": {"ssubscribe"},
    "client_news": {"ssubscribe"},
    "event_news": {"ssubscribe"},
    "stream_news": {"ssubscribe"},
    "rep:ANY": {"ssubscribe"},  # what the worker answers to any front
    "tick:ANY": {"ssubscribe"},
}
# Commands without a key. Scripts run with the user's rights, command by command.
KEYLESS = {
    "asking", "auth", "command", "echo", "eval", "evalsha", "hello", "info", "ping", "pubsub|shardnumsub", "quit",
    "readonly", "readwrite", "reset", "select", "time", "wait", "waitaof",
}  # fmt: skip
ALWAYS = {"sunsubscribe"}  # a connection's own


async def commands_of(pipe: CommandPipeline) -> dict[str, tuple[int, int]]:
    """Return the server's commands with their least number of words and the place of their first key, 0 for none."""
    found: dict[str, tuple[int, int]] = {}

    def add(rows: list[Any]) -> None:
        for name, arity, _, first, *more in rows:
            found[name.decode()] = (abs(arity), first)
            add(more[5] if len(more) > 5 else [])

    add(await pipe.send("COMMAND"))
    return found


def names_of(keys: Keys) -> dict[str, str]:
    """Return every key and channel of the session, one of each family, by what comes after the session's name."""
    families = (
        keys.replies, keys.ticks, keys.kept, keys.history, keys.history_times, keys.duplicate, keys.preview,
        keys.preview_user, keys.placed_by, keys.approval, keys.order, keys.answer,
    )  # fmt: skip
    prefix = keys.seal.removesuffix("seal")
    single = [each for name, each in vars(keys).items() if not name.startswith("_") and each.startswith(prefix)]
    return {each.removeprefix(prefix): each for each in [*single, *(family("ANY") for family in families)]}


async def test_a_fronts_user_can_change_what_is_named_and_nothing_else(redis_url: str, session: str) -> None:
    async with redis_users(redis_url, session, ("front",)), pipe_to(redis_url) as pipe:
        commands, names = await commands_of(pipe), names_of(Keys(session))

        async def may(command: str, key: str = "") -> bool:
            arity, first = commands[command]
            words = command.split("|")
            words += ["1"] * (max(arity, first + 1) - len(words))
            if key:
                words[first] = key
            try:
                return bool(await pipe.send("ACL", "DRYRUN", f"{session}-front", *words) == b"OK")
            except Refused:  # a command that is only a group of others
                return False

        allowed: dict[str, set[str]] = defaultdict(set)
        keyed = [each for each, (_, first) in commands.items() if first]
        for name, key in names.items():
            answers = await asyncio.gather(*(may(each, key) for each in keyed))
            allowed[name] = {each for each, yes in zip(keyed, answers, strict=True) if yes} - ALWAYS
        keyless = {each for each, (_, first) in commands.items() if not first and await may(each)}

    assert len(names) > 50
    assert {name: found for name, found in allowed.items() if found} == {
        name: CHANGES.get(name, set()) | READS.get(name, set()) for name in {*CHANGES, *READS}
    }
    own = {each for each in keyless if each.startswith(("client|", "command|"))}  # of the connection, or of no data
    assert keyless - own <= KEYLESS  # a server may lack some
    assert not own & {"client|kill", "client|list", "client|pause", "client|tracking", "client|unblock"}
