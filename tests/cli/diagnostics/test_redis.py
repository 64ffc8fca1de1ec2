"""The doctor's check of Redis: it is judged where it is this stack's, and may not lose orders."""

from dataclasses import replace
from pathlib import Path

import pytest

from bridge.bus.transport.pipeline import CommandPipeline
from cli.diagnostics.checks import examine
from cli.diagnostics.finding import Place
from cli.local_stack.embedded_redis import EmbeddedRedis
from cli.operator import redis_target
from ibgateway.simulator.server.server import Simulator
from tests.stacks.doctor import faults, stack
from tests.stacks.front import serving
from tests.stacks.worker import caller


async def test_no_redis(own_redis: EmbeddedRedis, session: str) -> None:
    async with serving(own_redis.url, session) as front:
        await own_redis.stop()
        found = await faults(Place(front.endpoint, None, None, own_redis.url, "none"))

    assert "Start Redis" in found["redis"].cure


@pytest.fixture
def usual_redis(own_redis: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddedRedis:
    """On the port where it is looked for when none is named."""
    monkeypatch.setattr(redis_target, "DEMO_SOCKET", tmp_path / "none")
    monkeypatch.setattr(redis_target, "USUAL", own_redis.url)
    return own_redis


async def test_a_strangers_redis_is_not_judged(redis_url: str, session: str, usual_redis: EmbeddedRedis) -> None:
    async with CommandPipeline(usual_redis.url) as pipe:
        await pipe.send("CONFIG", "SET", "appendonly", "no")
    async with Simulator() as sim, stack(redis_url, session, sim.port) as place:
        (told,) = [each for each in await examine(replace(place, redis=None)) if each.part == "redis"]

    assert (told.kind, "not reachable from here" in told.told) == ("note", True)


async def test_the_stacks_own_redis_is_found_where_nobody_named_it(session: str, usual_redis: EmbeddedRedis) -> None:
    async with CommandPipeline(usual_redis.url) as pipe:
        await pipe.send("CONFIG", "SET", "appendfsync", "everysec")
    async with Simulator() as sim, stack(usual_redis.url, session, sim.port) as place:
        found = await faults(replace(place, redis=None))

    assert "appendfsync is everysec" in found["redis"].told


async def test_a_redis_that_could_lose_orders(own_redis: EmbeddedRedis, session: str) -> None:
    async with caller(own_redis.url, session) as front, serving(own_redis.url, session) as serves:
        await front.bus_client.pipe.send("CONFIG", "SET", "appendfsync", "everysec")
        found = await faults(Place(serves.endpoint, None, None, own_redis.url, "none"))

    assert "appendfsync is everysec" in found["redis"].told
    assert "--appendfsync always" in found["redis"].cure
