"""Commands of the operator, typed on a Redis that a worker has used, and the kill switch that they leave."""

import asyncio

from bridge.bus.access import ANY_SESSION
from bridge.bus.controls.kill_switch import read_halt
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.__main__ import main
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.redis_users import redis_users


async def led(redis: EmbeddedRedis, *sessions: str) -> None:
    """What a worker leaves in Redis once it leads."""
    async with CommandPipeline(redis.url) as pipe:
        for each in sessions:
            await pipe.send("HSET", Keys(each).heartbeat, "state", "ready")


async def typed(redis: EmbeddedRedis, *words: str) -> int:
    """Type a command as the operator's user, who has the rights that the commands need, and no more."""
    async with redis_users(redis.url, ANY_SESSION, ("operator",)) as users:
        return await asyncio.to_thread(main, [words[0], "--redis", users["operator"], *words[1:]])


async def level(redis: EmbeddedRedis, session: str) -> str | None:
    async with CommandPipeline(redis.url) as pipe:
        halt = await read_halt(pipe, Keys(session))
    return halt.level if halt else None
