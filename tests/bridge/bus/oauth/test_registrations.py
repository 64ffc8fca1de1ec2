"""Registrations: bounded by the hour and in all, and none with a grant gives way."""

import msgspec

from bridge.bus.keys import Keys
from bridge.bus.oauth import registrations
from bridge.bus.oauth.registrations import (
    ADD,
    AN_HOUR,
    HOUR_MS,
    OF_ONE,
    UNUSED_MS,
    add_registration,
    find_registration,
)
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.bus import pipe_to


async def add(pipe: CommandPipeline, keys: Keys, name: str, most: int) -> bool:
    names = (keys.oauth_registrations, keys.oauth_grants)
    return bool(await ADD.run(pipe, names, name, "{}", AN_HOUR, HOUR_MS, most, "an-address", OF_ONE, UNUSED_MS))


async def test_what_was_registered_is_found(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        added = await add_registration(pipe, keys, "one", '{"client_id": "one"}')
        found = await find_registration(pipe, keys, "one")
        await pipe.send("HSET", keys.oauth_registrations, "damaged", b"{")

        assert added
        assert found is not None
        assert found.record == '{"client_id": "one"}'
        assert await find_registration(pipe, keys, "nobody") is None
        assert await find_registration(pipe, keys, "damaged") is None


async def test_the_oldest_without_a_grant_gives_way(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        for name, at_ms in (("oldest", 1), ("older", 2), ("old", 3)):
            await pipe.send("HSET", keys.oauth_registrations, name, msgspec.json.encode({"record": "", "at_ms": at_ms}))
        await pipe.send("HSET", keys.oauth_grants, "g", msgspec.json.encode({"client_id": "oldest"}))
        added = await add(pipe, keys, "new", most=3)
        kept = sorted(name.decode() for name in await pipe.send("HKEYS", keys.oauth_registrations))

    assert added
    assert kept == ["new", "old", "oldest"]
    assert registrations.MOST > 3


async def test_registrations_that_nobody_used_make_room_within_the_hour(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await pipe.send("PING")
        began = pipe.clock.now_ms() - UNUSED_MS - 60_000
        for number in range(AN_HOUR):
            known = {"record": "", "at_ms": began + number, "origin": f"flood-{number}"}
            await pipe.send("HSET", keys.oauth_registrations, f"c{number}", msgspec.json.encode(known))
        await pipe.send("HSET", keys.oauth_grants, "g", msgspec.json.encode({"client_id": "c0"}))
        added = await add_registration(pipe, keys, "new", "{}", "another")
        kept = {name.decode() for name in await pipe.send("HKEYS", keys.oauth_registrations)}

    assert added
    assert kept == {f"c{number}" for number in range(AN_HOUR) if number != 1} | {"new"}
