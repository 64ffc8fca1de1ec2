"""A script goes out by its digest, and as text to a server that does not have it."""

import pytest

from bridge.bus.transport.connection import Refused
from bridge.bus.transport.script import Script
from tests.stacks.bus import pipe_to


@pytest.mark.fault(82)
async def test_a_script_is_loaded_when_the_server_has_forgotten_it(redis_url: str, session: str) -> None:
    script = Script("#!lua\nreturn {KEYS[1], ARGV[1]}")
    async with pipe_to(redis_url) as pipe:
        for _ in range(2):
            await pipe.send("SCRIPT", "FLUSH")
            assert await script.run(pipe, (session,), "x") == [session.encode(), b"x"]
        assert await pipe.send("SCRIPT", "EXISTS", script.sha) == [1]
        assert await script.run(pipe, (session,), "y") == [session.encode(), b"y"]


async def test_a_scripts_own_error_is_no_reason_to_run_it_again(redis_url: str, session: str) -> None:
    script = Script("#!lua\nredis.call('INCR', KEYS[1])\nreturn redis.call('INCR', KEYS[1], 'too many')")
    async with pipe_to(redis_url) as pipe:
        with pytest.raises(Refused):
            await script.run(pipe, (session,))
        first = int(await pipe.send("GET", session))
        with pytest.raises(Refused):
            await script.run(pipe, (session,))

        assert int(await pipe.send("GET", session)) == first + 1
