"""The heartbeat: what the leader last said of the session, readable also when the leader is gone."""

import pytest

from bridge.bus.keys import Keys
from bridge.bus.server.server import BusServer
from bridge.tool import ToolError
from bridge.tools.session import SessionStatus
from tests.stacks.bus import Broker, front, pipe_to, serving
from tests.stacks.redis_relay import Shim
from tests.stacks.timing import PATIENT
from tests.waiting import until

DAY_MS = 24 * 3600 * 1000
READY = SessionStatus(is_connected=True, state="ready", accounts=["DU1"])


async def test_a_status_arrives_with_its_age_and_writer(redis_url: str, session: str) -> None:
    async with (
        serving(redis_url, session, Broker().handle, worker="w-7") as bus,
        front(redis_url, session) as bus_client,
    ):
        before_ms = bus.pipe.clock.now_ms()
        await bus.write_heartbeat(READY)
        heartbeat = await bus_client.status()

    assert heartbeat is not None
    assert SessionStatus.model_validate_json(heartbeat.status) == READY
    assert (heartbeat.worker, heartbeat.token, heartbeat.receivers) == ("w-7", bus.lease.token, 1)
    assert before_ms - 100 <= heartbeat.written_ms <= before_ms + 5_000
    assert 0 <= heartbeat.age_ms < 5_000


async def test_the_last_status_stays_readable_when_the_worker_is_gone(redis_url: str, session: str) -> None:
    async with front(redis_url, session) as bus_client:
        async with serving(redis_url, session, Broker().handle) as bus:
            await bus.write_heartbeat(READY)
        heartbeat = await bus_client.status()
        kept_ms = await bus_client.pipe.send("PTTL", bus_client.keys.heartbeat)
        await bus_client.pipe.send(
            "HSET", bus_client.keys.heartbeat, "written_ms", bus_client.pipe.clock.now_ms() - 90_000
        )
        later = await bus_client.status()
        await bus_client.pipe.send(
            "HSET", bus_client.keys.heartbeat, "written_ms", bus_client.pipe.clock.now_ms() + 90_000
        )
        future = await bus_client.status()

    assert heartbeat is not None
    assert heartbeat.receivers == 0
    assert 6 * DAY_MS < kept_ms <= 7 * DAY_MS
    assert later is not None
    assert 89_990 <= later.age_ms < 95_000  # two clocks are rounded
    assert future is not None
    assert 85_000 <= future.age_ms < 95_000  # the server's clock was put back: nobody has written since


async def test_a_session_that_nobody_served_has_none(redis_url: str, session: str) -> None:
    async with front(redis_url, session) as bus_client:
        assert await bus_client.status() is None


async def test_only_the_leader_writes_it(redis_url: str, session: str) -> None:
    async with (
        BusServer(redis_url, session, "standby", timing=PATIENT) as standby,
        front(redis_url, session) as bus_client,
    ):
        await standby.write_heartbeat(READY)
        assert await bus_client.status() is None
        async with serving(redis_url, session, Broker().handle) as bus:
            await bus.write_heartbeat(READY)
            await standby.write_heartbeat(SessionStatus(is_connected=False, state="failed"))
            heartbeat = await bus_client.status()

    assert heartbeat is not None
    assert heartbeat.worker == "w1"


async def test_a_beat_without_redis_is_no_error(redis_url: str, session: str) -> None:
    async with Shim(redis_url) as shim, serving(shim.url, session, Broker().handle) as bus:
        shim.refusing = True
        shim.cut()
        await bus.write_heartbeat(READY)
        shim.refusing = False
        async with pipe_to(redis_url) as pipe:
            assert await pipe.send("EXISTS", Keys(session).heartbeat) == 0
            await until(lambda: _beats(bus, pipe), "the next one is written")


async def test_without_redis_there_is_no_status(session: str, unused_port: int) -> None:
    async with front(f"redis://127.0.0.1:{unused_port}", session) as bus_client:
        with pytest.raises(ToolError, match=r"\[bus_down\]"):
            await bus_client.status()


async def _beats(bus: BusServer, pipe: object) -> bool:
    await bus.write_heartbeat(READY)
    return bool(await pipe.send("EXISTS", bus.keys.heartbeat))  # type: ignore[attr-defined]
