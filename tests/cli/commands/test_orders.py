"""`orders`: what the order records say, and that a key without one is named."""

import pytest

from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.bus import KEY, Broker, front, serving, submit
from tests.stacks.operator_commands import typed


async def test_what_became_of_a_key_is_told(
    own_redis: EmbeddedRedis, session: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(own_redis.url, session, Broker().handle), front(own_redis.url, session) as bus_client:
        await submit(bus_client)
    capsys.readouterr()  # the worker's log

    assert await typed(own_redis, "orders", "--session", session, "--force", KEY, "never-used") == 0
    lines = capsys.readouterr().out.splitlines()

    assert lines[0].startswith(f"{KEY}  place_order  done  ok  by claude")
    assert lines[1] == "never-used  no record: never used, withdrawn, or over seven days old"


async def test_what_is_in_flight_is_listed_without_a_key(
    own_redis: EmbeddedRedis, session: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with CommandPipeline(own_redis.url) as pipe:
        await pipe.send("HSET", Keys(session).heartbeat, "state", "ready")

    assert await typed(own_redis, "orders", "--session", session) == 0
    assert "0 orders are accepted and not answered" in capsys.readouterr().out
