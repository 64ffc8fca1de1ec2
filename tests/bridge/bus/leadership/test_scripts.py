"""The scripts of the lease: its token rises, and only its holder renews or releases it."""

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.bus.keys import Keys
from bridge.bus.leadership.lease import Lease, LeaseLost
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.bus import pipe_to


@pytest_asyncio.fixture
async def pipe(redis_url: str) -> AsyncIterator[CommandPipeline]:
    async with pipe_to(redis_url) as pipe:
        yield pipe


async def test_tokens_rise_also_when_redis_has_lost_the_counter(pipe: CommandPipeline, session: str) -> None:
    keys = Keys(session)
    tokens = []
    for _ in range(3):
        lease = Lease(pipe, keys)
        tokens.append(await lease.acquire())
        await lease.release()
    await pipe.send("SET", keys.epoch, tokens[-1] + 5_000)
    ahead = Lease(pipe, keys)
    assert await ahead.acquire() == tokens[-1] + 5_001
    await pipe.send("DEL", keys.epoch, keys.lease)
    again = Lease(pipe, keys)

    assert tokens == sorted(set(tokens))
    assert abs(tokens[0] - time.time()) < 60
    assert await again.acquire() >= tokens[0]


async def test_whoever_was_overtaken_does_not_take_it_back(pipe: CommandPipeline, session: str) -> None:
    """The successor's lease has lapsed, too, but its token is above ours."""
    lease = Lease(pipe, Keys(session))
    await lease.acquire()
    await pipe.send("DEL", Keys(session).lease)
    await pipe.send("INCR", Keys(session).epoch)

    with pytest.raises(LeaseLost, match="another worker"):
        await lease.keep()
    assert await pipe.send("GET", Keys(session).lease) is None


async def test_releasing_does_not_take_it_from_another(pipe: CommandPipeline, session: str) -> None:
    first, second = Lease(pipe, Keys(session)), Lease(pipe, Keys(session))
    await first.acquire()
    await pipe.send("DEL", Keys(session).lease)
    await second.acquire()
    await first.release()

    assert await pipe.send("GET", Keys(session).lease) == str(second.token).encode()
