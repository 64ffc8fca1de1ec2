"""What ibkr_disconnect and ibkr_connect asked for outlives the worker that carried it out."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.controls.connection_target import ConnectionTarget, store_connection_target
from bridge.bus.integrity.watermark import Watermark
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.handlers import session as handler
from ib_worker.tws.endpoint import Endpoint
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.worker import caller, loses_all, trading, worker
from tests.waiting import until


@pytest.mark.trial("B15")
async def test_a_session_that_was_disconnected_stays_so_over_a_restart_until_it_is_asked(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.ask("disconnect")
        earlier = (await front.status())["worker"]
    connections = len(sim.journal.entries("in"))
    async with worker(redis_url, session, sim.port), caller(redis_url, session) as front:

        async def serves() -> bool:
            beat = await front.bus_client.status()
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


@pytest.mark.trial("B15")
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


@pytest.mark.trial("B15")
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
            return await front.bus_client.pipe.send("GET", front.bus_client.keys.steering) is not None

        await until(stored, "Redis has it again")


@pytest.mark.trial("B15")
async def test_a_release_that_writes_more_is_understood(redis_url: str, session: str, sim: Simulator) -> None:
    async with caller(redis_url, session) as front:
        keys = front.bus_client.keys
        await store_connection_target(front.bus_client.pipe, keys, Watermark(session), ConnectionTarget("claude"))
        await front.bus_client.pipe.send("SET", keys.steering, b'{"by": "claude", "why": "a later field"}')
        async with worker(redis_url, session, sim.port):
            await front.reaches("disconnected")


async def test_connecting_to_where_the_session_is_says_so(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        plain = await front.ask("connect")
        named = await front.ask("connect", host="127.0.0.1", port=sim.port, clientId=7)

        assert (plain["status"], plain["port"], plain["clientId"], plain["serverVersion"]) == (
            "connected",
            sim.port,
            1,
            178,
        )
        assert plain["accounts"] == ["DU1234567"]
        assert "connected already" in plain["message"]
        assert "7 was not used" in named["message"]
        assert len(sim.journal.entries("in", 71)) == 1


async def test_a_gateway_that_is_not_allowed_is_refused_with_the_list(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, gateway_allowed="10.0.0.1:4001") as front:
        error = await front.refused("connect", host="192.168.0.1")

        assert error.code == "host_not_allowed"
        assert error.details["allowed"] == [f"127.0.0.1:{sim.port}", "10.0.0.1:4001"]


@pytest.mark.trial("D24")
@pytest.mark.parametrize(
    "named",
    [
        {"host": "127.0.0.1", "port": 7496, "clientId": 1},  # as the API's reference has it
        {"host": "localhost", "port": 4002},
        {"host": "127.0.0.1"},
    ],
)
async def test_loopback_means_the_sessions_gateway_where_that_is_on_another_host(
    redis_url: str, session: str, named: dict[str, Any]
) -> None:
    async with (
        Simulator(SimulatorConfig(host="127.0.0.2")) as sim,
        trading(redis_url, session, sim, gateway_host="127.0.0.2") as front,
    ):
        answer = await front.ask("connect", **named)
        elsewhere = await front.refused("connect", host="127.0.0.1", port=6379)

    assert (answer["status"], answer["host"], answer["port"]) == ("connected", "127.0.0.2", sim.port)
    assert f"Its gateway is 127.0.0.2:{sim.port}" in answer["message"]
    assert elsewhere.code == "host_not_allowed"


@pytest.mark.trial("D24")
async def test_another_port_of_the_gateways_own_machine_is_another_gateway(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        assert (await front.refused("connect", host="127.0.0.1", port=7496)).code == "host_not_allowed"


async def test_a_change_of_gateway_waits_until_others_are_done(redis_url: str, session: str, sim: Simulator) -> None:
    async with Simulator() as other:
        allowed = f"127.0.0.1:{other.port}"
        async with trading(redis_url, session, sim, gateway_allowed=allowed) as front:
            async with caller(redis_url, session, "cursor") as second:
                await second.ask("get_positions")
            refused = await front.refused("connect", port=other.port)
            assert (refused.code, refused.details["clients"]) == ("in_use", ["cursor"])

    async with Simulator() as other:
        allowed = f"127.0.0.1:{other.port}"
        async with trading(redis_url, f"{session}b", sim, gateway_allowed=allowed) as front:
            changed = await front.ask("connect", port=other.port)
            assert changed["port"] == other.port


async def test_connecting_fails_with_what_is_wrong(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.ask("disconnect")
        sim.fault("door slam")

        error = await front.refused("connect")

        assert error.code == "gateway_unreachable"


async def test_a_disconnect_is_felt_by_all_and_says_by_whom(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        async with caller(redis_url, session, "cursor") as second:
            await second.ask("get_positions")
        told = await front.ask("disconnect")

        status = await front.reaches("disconnected")
        assert (told["status"], told["recent_clients"]) == ("disconnected", ["cursor"])
        assert "claude" in status["cause"]
        assert (await front.refused("get_positions")).code == "not_ready"
        assert (await front.ask("connect"))["status"] == "connected"
        assert await front.ask("get_positions")


async def test_the_status_names_who_uses_the_session(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.ask("get_positions")

        async def named() -> bool:
            return bool((await front.status())["recent_clients"] == ["claude"])

        await until(named, "the caller is named")
        status = await front.status()
        assert (status["is_connected"], status["mode"], status["worker_version"]) == (True, "paper", "0.1.0")
        assert datetime.fromisoformat(status["since"]).tzinfo is not None


async def test_the_gateways_time_is_told_with_its_distance_from_the_workers_clock(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("get_server_time")
        again = await front.ask("get_server_time")
        asked = [entry for entry in sim.journal.entries("in") if entry.fields[0] == "49"]
        status = await front.status()

    ahead_s = (datetime.fromisoformat(told["time"]) - datetime.fromisoformat(status["gateway_time"])).total_seconds()
    assert abs(ahead_s) < 5
    assert told["simulated"] is True
    assert told["clock_ahead_s"] == again["clock_ahead_s"]
    assert len(asked) == 1  # TWS ignores a second question within a second
    assert 0 <= told["age_s"] <= again["age_s"] < 2


async def test_a_gateway_that_does_not_tell_its_time_is_an_error(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "CLOCK_S", 0.3)
    sim.fault("on reqCurrentTime ignore")
    async with trading(redis_url, session, sim) as front:
        silent = await front.refused("get_server_time")
        await front.ask("disconnect")
        lost = await front.refused("get_server_time")

    assert silent.code == "timeout"
    assert lost.code == "not_ready"
