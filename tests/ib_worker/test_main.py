"""The worker as a process: it starts, says it lives, stops cleanly, and stands by for another."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker import __version__
from ib_worker.__main__ import main, work
from ib_worker.settings import WorkerSettings
from ibgateway.simulator.server.server import Simulator
from tests.busy import BUSY_S
from tests.stacks.ib_worker_process import START_S, python, running
from tests.stacks.worker import caller, order, worker
from tests.waiting import until

pytestmark = pytest.mark.timeout(180)


@pytest.mark.fault(69)
async def test_a_worker_stops_cleanly_on_sigterm(redis_url: str, session: str, sim: Simulator, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    async with running(redis_url, session, sim, beat) as process, caller(redis_url, session) as front:
        await front.writable(START_S)
        await front.ask("open_market_data", symbol="SPY")
        alive = await python("ib_worker.probe", BEAT_FILE=str(beat))
        assert await alive.wait() == 0

        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(12):
            assert await process.wait() == 0

        status = await front.status()
        assert (status["state"], status["cause"]) == ("disconnected", "The worker was stopped.")
        assert len(sim.journal.entries("in", 2)) == 1
        assert not sim.gateway.connections
        assert (await front.refused("get_positions")).code == "no_worker"
        dead = await python("ib_worker.probe", BEAT_FILE=str(beat))
        assert await dead.wait() == 1


@pytest.mark.fault(67)
async def test_a_second_worker_stands_by_and_takes_over(
    redis_url: str, session: str, sim: Simulator, tmp_path: Path
) -> None:
    async with running(redis_url, session, sim, tmp_path / "one") as leader, caller(redis_url, session) as front:
        await front.writable(START_S)
        first = (await front.status())["worker"]
        async with running(redis_url, session, sim, tmp_path / "two") as standby:
            await until((tmp_path / "two").exists, "the standby lives", START_S)
            assert len(sim.gateway.connections) == 1

            leader.send_signal(signal.SIGTERM)
            await leader.wait()

            async def taken_over() -> bool:
                status = await front.status()
                return bool(status["is_connected"] and status["worker"] != first)

            await until(taken_over, "the standby leads", START_S)
            assert await front.ask("get_positions")
            standby.send_signal(signal.SIGTERM)
            assert await standby.wait() == 0


async def test_a_standby_stops_at_once(redis_url: str, session: str, sim: Simulator, tmp_path: Path) -> None:
    async with worker(redis_url, session, sim.port), running(redis_url, session, sim, tmp_path / "two") as standby:
        await until((tmp_path / "two").exists, "the standby lives", START_S)

        standby.send_signal(signal.SIGTERM)

        async with asyncio.timeout(5 + BUSY_S):
            assert await standby.wait() == 0


async def test_wrong_settings_are_named_at_the_start() -> None:
    process = await python("ib_worker", GATEWAY_PORT="no", TRADING_MODE="live")

    _, told = await process.communicate()

    assert process.returncode == 2
    assert "GATEWAY_PORT" in told.decode()


async def test_a_worker_without_redis_waits_for_it(sim: Simulator, tmp_path: Path, session: str) -> None:
    redis = EmbeddedRedis(tmp_path / "redis")
    async with redis:
        url = redis.url
    async with running(url, session, sim, tmp_path / "beat") as process:
        await until((tmp_path / "beat").exists, "the worker lives", START_S)
        async with EmbeddedRedis(tmp_path / "redis"), caller(url, session) as front:
            await front.writable(START_S)
            assert process.returncode is None


@pytest.mark.fault(68)
async def test_a_leader_that_loses_its_lease_gives_the_gateway_up(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    async with (
        running(own_redis.url, session, sim, tmp_path / "beat") as process,
        caller(own_redis.url, session) as front,
    ):
        await front.writable(START_S)
        await front.submit("place_order", **order())
        await front.bus_client.pipe.send("SET", front.bus_client.keys.lease, "another")

        await until(lambda: not sim.gateway.connections, "the gateway has lost its client", START_S)
        assert process.returncode is None
        await front.bus_client.pipe.send("DEL", front.bus_client.keys.lease)

        async def leads_again() -> bool:
            try:
                return len(await front.ask("get_executions")) == 1
            except ToolError as error:
                if error.code not in ("no_worker", "not_ready"):
                    raise
                return False

        await until(leads_again, "the worker leads again", START_S)


async def test_a_worker_leads_and_stops_in_this_process_too(
    redis_url: str, session: str, sim: Simulator, tmp_path: Path
) -> None:
    beat = tmp_path / "beat"
    settings = WorkerSettings(redis_url=redis_url, ibkr_session=session, gateway_port=sim.port, beat_file=beat)
    working = asyncio.create_task(work(settings))
    async with caller(redis_url, session) as front:
        await front.writable(START_S)

        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(12):
            await working

        assert (await front.status())["state"] == "disconnected"
    assert not beat.exists()


def test_settings_that_are_none_end_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "no")
    monkeypatch.setenv("CONNECT_TIMEOUT_S", "-1")

    assert main() == 2

    told = capsys.readouterr().err
    assert "GATEWAY_PORT: " in told
    assert "CONNECT_TIMEOUT_S: " in told


def test_the_workers_version_is_the_projects() -> None:
    assert f'version = "{__version__}"' in (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
