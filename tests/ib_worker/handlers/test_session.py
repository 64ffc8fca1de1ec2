"""What ibkr_disconnect and ibkr_connect asked for outlives the worker that carried it out."""

from pathlib import Path
from typing import Any

import pytest

from bridge.bus.controls.connection_target import ConnectionTarget, store_connection_target
from bridge.bus.integrity.watermark import Watermark
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.settings import Endpoint
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import caller, loses_all, trading, worker
from tests.waiting import until

pytestmark = pytest.mark.trial("B15")


async def test_a_session_that_was_disconnected_stays_so_over_a_restart_until_it_is_asked(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.ask("disconnect")
        earlier = (await front.status())["worker"]
    connections = len(sim.journal.entries("in"))
    async with worker(redis_url, session, sim.port), caller(redis_url, session) as front:

        async def serves() -> bool:
            beat = await front.asker.status()
            return beat is not None and beat.worker != earlier and beat.receivers > 0

        await until(serves, "the next worker serves")
        status = await front.reaches("disconnected")
        silent = len(sim.journal.entries("in")) == connections
        connected = await front.ask("connect")
        await front.reaches("ready")
    async with worker(redis_url, session, sim.port), caller(redis_url, session) as front:
        await front.reaches("ready")  # asked to connect, it does so again by itself

    assert "claude" in status["cause"]
    assert silent
    assert connected["status"] == "connected"


@pytest.mark.parametrize("allowed", [True, False])
async def test_another_gateway_that_was_chosen_is_chosen_again_while_it_is_allowed(
    redis_url: str, session: str, sim: Simulator, allowed: bool
) -> None:
    async with Simulator() as other:
        there = Endpoint("127.0.0.1", other.port)
        async with trading(redis_url, session, sim, gateway_allowed=(there,)) as front:
            await front.ask("connect", port=other.port)
        more: dict[str, Any] = {"gateway_allowed": (there,)} if allowed else {}
        async with worker(redis_url, session, sim.port, **more), caller(redis_url, session) as front:
            status = await front.reaches("ready")

    assert status["port"] == (other.port if allowed else sim.port)


async def test_what_redis_has_lost_the_workers_file_knows(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    file = tmp_path / "watermark"
    async with trading(own_redis.url, session, sim, watermark_file=file) as front:
        await front.ask("disconnect")
    await loses_all(own_redis, tmp_path)
    async with worker(own_redis.url, session, sim.port, watermark_file=file), caller(own_redis.url, session) as front:
        await front.reaches("disconnected")

        async def stored() -> bool:
            return await front.asker.pipe.send("GET", front.asker.keys.steering) is not None

        await until(stored, "Redis has it again")


async def test_a_release_that_writes_more_is_understood(redis_url: str, session: str, sim: Simulator) -> None:
    async with caller(redis_url, session) as front:
        keys = front.asker.keys
        await store_connection_target(front.asker.pipe, keys, Watermark(session), ConnectionTarget("claude"))
        await front.asker.pipe.send("SET", keys.steering, b'{"by": "claude", "why": "a later field"}')
        async with worker(redis_url, session, sim.port):
            await front.reaches("disconnected")
