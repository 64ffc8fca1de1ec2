"""The last connection target survives its worker, and a Redis that lost it."""

import pytest

from bridge.bus.controls.connection_target import ConnectionTarget, read_connection_target, store_connection_target
from bridge.bus.integrity.watermark import Watermark
from bridge.bus.keys import Keys
from tests.stacks.bus import pipe_to

TARGET = ConnectionTarget("claude", "10.0.0.7", 4002)


async def test_what_was_asked_for_is_read_by_the_next_worker(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        assert await read_connection_target(pipe, keys, Watermark(session)) is None
        await store_connection_target(pipe, keys, Watermark(session), TARGET)

        assert await read_connection_target(pipe, keys, Watermark(session)) == TARGET


async def test_what_redis_lost_is_read_as_this_machine_knew_it(redis_url: str, session: str) -> None:
    keys, watermark = Keys(session), Watermark(session)
    async with pipe_to(redis_url) as pipe:
        await store_connection_target(pipe, keys, watermark, TARGET)
        await pipe.send("DEL", keys.steering)

        assert await read_connection_target(pipe, keys, watermark) == TARGET


@pytest.mark.parametrize("damage", [("SET", "{"), ("SET", '{"host":1}'), ("HSET", "by", "claude")])
async def test_what_cannot_be_read_is_as_never_asked(redis_url: str, session: str, damage: tuple[str, ...]) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await pipe.send(damage[0], keys.steering, *damage[1:])

        assert await read_connection_target(pipe, keys, Watermark(session)) is None
