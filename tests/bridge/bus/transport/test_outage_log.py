"""While something is away, the log says so once, and once that it is back."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from bridge.bus.client.client import BusClient
from bridge.bus.keys import Keys
from bridge.bus.leadership.lease import Lease
from bridge.bus.server.request import retry_until_answered
from bridge.bus.server.server import BusServer
from bridge.bus.timing import BusTiming
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.outage_log import RepeatedError
from bridge.tools.session import SessionStatus
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.bus import pipe_to
from tests.stacks.redis_relay import Shim
from tests.waiting import until

pytestmark = pytest.mark.trial("E14")
IN_VAIN = 5  # attempts


async def test_a_lease_that_is_not_renewed_is_logged_when_that_begins_and_when_it_ends(
    redis_url: str, session: str
) -> None:
    often = BusTiming(renew_s=0.02, renew_again_s=0.02)
    with capture_logs() as said:
        async with Shim(redis_url) as shim, BusServer(shim.url, session, "w1", timing=often) as bus:
            await bus.lead()
            await bus.lease.compared.wait()
            shim.refusing = True
            shim.cut()
            tried = shim.accepted
            for _ in range(IN_VAIN):
                await bus.write_heartbeat(SessionStatus(is_connected=False, state="connecting"))
            await until(lambda: shim.accepted > tried + IN_VAIN, "it was tried in vain")
            shim.refusing = False
            renewed_from = bus.lease._until
            await until(lambda: bus.lease._until > renewed_from, "it is renewed again")
            await bus.write_heartbeat(SessionStatus(is_connected=False, state="connecting"))

    events = Counter(each["event"] for each in said)
    for event in ("lease_not_renewed", "heartbeat_not_written"):
        assert (events[event], events[f"{event}_over"]) == (1, 1)
    [over] = [each for each in said if each["event"] == "heartbeat_not_written_over"]
    assert over["failures"] == IN_VAIN


async def test_a_standby_and_a_repeated_step_log_an_absence_once(redis_url: str, session: str) -> None:
    with capture_logs() as said:
        async with Shim(redis_url) as shim, pipe_to(shim.url, BusTiming(standby_s=0.02)) as pipe:
            shim.refusing = True
            steps = 0

            async def step() -> None:
                nonlocal steps
                steps += 1
                shim.refusing = steps < IN_VAIN
                await pipe.send("PING")

            await retry_until_answered(step, pause_s=0.02)
            shim.refusing = True
            shim.cut()
            tried = shim.accepted
            acquiring = asyncio.create_task(Lease(pipe, Keys(session)).acquire())
            await until(lambda: shim.accepted > tried + IN_VAIN, "a standby has asked in vain")
            shim.refusing = False
            await acquiring

    events = Counter(each["event"] for each in said)
    for event in ("bus_step_repeated", "lease_unreachable"):
        assert (events[event], events[f"{event}_over"]) == (1, 1), event


async def test_a_server_that_stays_a_replica_is_logged_once(own_redis: EmbeddedRedis, session: str) -> None:
    with capture_logs() as said:
        async with pipe_to(own_redis.url) as pipe, BusClient(own_redis.url, session, "f1") as bus_client:
            await bus_client.halted()
            await pipe.send("REPLICAOF", "127.0.0.1", "1")
            for _ in range(IN_VAIN):
                for each in (pipe, bus_client.pipe):
                    with pytest.raises(BusError):
                        await each.send("SET", session, "x")
                with suppress(BusError):
                    await bus_client._replies.ready()  # it listens again, at the same server

    events = Counter(each["event"] for each in said)
    assert events["server_demoted"] == 2  # one of each connection
    assert events["bus_interrupted"] <= 1


def test_what_is_told_otherwise_is_a_line_of_its_own() -> None:
    repeated = RepeatedError("bus_interrupted")
    with capture_logs() as said:
        for error in ("a", "a", "a", "b", "b"):
            repeated.happened(error=error)

    assert [(each["error"], each["times"]) for each in said] == [("a", 1), ("b", 3)]
