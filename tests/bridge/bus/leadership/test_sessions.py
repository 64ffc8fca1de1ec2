"""Which sessions a Redis knows: by the marks that a worker leaves, and by nothing else."""

import asyncio

import pytest

from bridge.bus.keys import Keys
from bridge.bus.leadership.sessions import is_known, known_sessions
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.bus import pipe_to


@pytest.mark.parametrize("mark", ["epoch", "heartbeat", "generation"])
async def test_a_session_is_known_by_each_mark_of_a_worker(redis_url: str, session: str, mark: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        assert not await is_known(pipe, keys)
        await pipe.send("SET", getattr(keys, mark), "1")

        assert await is_known(pipe, keys)
        assert session in await known_sessions(pipe)


async def test_sessions_are_named_once_and_in_order_beside_what_is_others(own_redis: EmbeddedRedis) -> None:
    async with pipe_to(own_redis.url) as pipe:
        # More than one step of a scan.
        await asyncio.gather(*(pipe.send("SET", f"others:{number}", "1") for number in range(1500)))
        for name in ("paper", "live"):
            await pipe.send("SET", Keys(name).epoch, "1")
            await pipe.send("SET", Keys(name).generation, "1")
        await pipe.send("SET", Keys("asked").halt, "1")  # a switch set under a wrong name is no session

        assert await known_sessions(pipe) == ["live", "paper"]
