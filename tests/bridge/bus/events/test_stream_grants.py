"""Grants of streams in Redis: kept by client and stream, and made of an earlier release's handles once."""

import pytest

from bridge.bus.events.stream_grants import StreamGrant, add_grant, adopt_handles, drop_grants, field_of, read_grants
from bridge.bus.events.stream_handles import StreamHandle
from bridge.bus.keys import Keys
from bridge.bus.transport.errors import Fenced
from tests.stacks.bus import pipe_to

GRANT = StreamGrant("claude", "quotes", "quotes-1", {"conId": 1, "strike": 400.5})


def handle(principal: str) -> StreamHandle:
    return StreamHandle("s-1", principal, "account", "account-DU1", "DU1", {"account": "DU1"}, "0.0-0", 5, 5)


async def test_a_grant_is_kept_until_it_is_dropped(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await pipe.send("PING")  # the clock is known from then on
        await add_grant(pipe, keys, GRANT)
        await pipe.send("HSET", keys.stream_grants, "damaged", "{")
        kept = await read_grants(pipe, keys)
        await drop_grants(pipe, keys, [])
        await drop_grants(pipe, keys, [GRANT.field])

        assert list(kept) == [field_of("claude", "quotes-1")]
        assert (kept[GRANT.field].kind, kept[GRANT.field].arguments) == (GRANT.kind, GRANT.arguments)
        assert await read_grants(pipe, keys) == {}


async def test_handles_of_an_earlier_release_are_granted_once_and_by_the_leader(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await pipe.send("SET", keys.lease, "7")
        with pytest.raises(Fenced):
            await adopt_handles(pipe, keys, 6, [handle("claude")])
        for each in ("claude", "made up later"):
            await adopt_handles(pipe, keys, 7, [handle(each)])
        await drop_grants(pipe, keys, await read_grants(pipe, keys))
        await adopt_handles(pipe, keys, 7, [handle("made up when none was left")])
        none = await read_grants(pipe, keys)

    assert none == {}
