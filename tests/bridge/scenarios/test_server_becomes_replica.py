"""A server that became a replica takes no writes: whoever uses it leaves."""

from contextlib import suppress
from pathlib import Path

import pytest

from bridge.bus.transport.connection import Refused
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.bus import Broker, ask, front, pipe_to, serving
from tests.stacks.redis_relay import Shim
from tests.waiting import until


async def test_a_server_that_became_a_replica_is_left(own_redis: EmbeddedRedis, tmp_path: Path, session: str) -> None:
    """Its name leads to the new primary by then, and it would keep its connections for ever."""
    async with EmbeddedRedis(tmp_path / "next") as other, Shim(own_redis.url) as shim, pipe_to(shim.url) as pipe:
        await pipe.send("SET", session, "x")
        await pipe.send("REPLICAOF", "127.0.0.1", "1")
        shim.lead_to(other.url)
        with pytest.raises(Refused, match="read only replica"):
            await pipe.send("SET", session, "y")

        assert await pipe.send("SET", session, "z") == b"OK"


async def test_who_listens_at_a_server_that_became_a_replica_leaves_it_too(
    own_redis: EmbeddedRedis, tmp_path: Path, session: str
) -> None:
    broker = Broker()
    async with (
        EmbeddedRedis(tmp_path / "next") as other, Shim(own_redis.url) as shim, front(shim.url, session) as bus_client,
        serving(other.url, session, broker.handle),
    ):  # fmt: skip
        with pytest.raises(ToolError, match="no_worker"):
            await ask(bus_client)
        await bus_client.pipe.send("REPLICAOF", "127.0.0.1", "1")
        shim.lead_to(other.url)
        with pytest.raises(ToolError, match="read only replica"):
            await bus_client.halt("anna", "test")
        with suppress(ToolError):  # what is under way is told to ask again
            await ask(bus_client, deadline_s=5)

        assert await ask(bus_client, deadline_s=5) == broker.answer


async def test_a_worker_that_listens_at_a_server_that_became_a_replica_leaves_it_too(
    own_redis: EmbeddedRedis, tmp_path: Path, session: str
) -> None:
    broker = Broker()
    async with (
        EmbeddedRedis(tmp_path / "next") as other, Shim(own_redis.url) as shim,
        serving(shim.url, session, broker.handle) as bus, front(other.url, session) as bus_client,
    ):  # fmt: skip
        await bus.pipe.send("REPLICAOF", "127.0.0.1", "1")
        shim.lead_to(other.url)
        await until(lambda: bus_client._replies.receivers(), "the worker listens at the new primary")

        assert await ask(bus_client, deadline_s=5) == broker.answer
