"""While something is away, the log says so once, and once that it is back."""

import asyncio
from collections import Counter

import pytest
from structlog.testing import capture_logs

from bridge.bus import lease as lease_module
from bridge.bus.answering import Answerer
from bridge.bus.asked import insist
from bridge.bus.keys import Keys
from bridge.bus.lease import Lease
from bridge.gateway import SessionStatus
from tests.bridge.pair import pipe_to, until
from tests.bridge.shim import Shim

pytestmark = pytest.mark.trial("E14")
IN_VAIN = 5  # attempts


async def test_a_lease_that_is_not_renewed_is_logged_when_that_begins_and_when_it_ends(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "RENEW_S", 0.02)
    monkeypatch.setattr(lease_module, "RETRY_S", 0.02)
    with capture_logs() as said:
        async with Shim(redis_url) as shim, Answerer(shim.url, session, "w1") as bus:
            await bus.lead()
            await bus.lease.compared.wait()
            shim.refusing = True
            shim.cut()
            tried = shim.accepted
            for _ in range(IN_VAIN):
                await bus.beat(SessionStatus(is_connected=False, state="connecting"))
            await until(lambda: shim.accepted > tried + IN_VAIN, "it was tried in vain")
            shim.refusing = False
            renewed_from = bus.lease._until
            await until(lambda: bus.lease._until > renewed_from, "it is renewed again")
            await bus.beat(SessionStatus(is_connected=False, state="connecting"))

    events = Counter(each["event"] for each in said)
    for event in ("lease_not_renewed", "heartbeat_not_written"):
        assert (events[event], events[f"{event}_over"]) == (1, 1)
    [over] = [each for each in said if each["event"] == "heartbeat_not_written_over"]
    assert over["failures"] == IN_VAIN


async def test_a_standby_and_a_repeated_step_log_an_absence_once(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "STANDBY_S", 0.02)
    monkeypatch.setattr("bridge.bus.asked.RETRY_S", 0.02)
    with capture_logs() as said:
        async with Shim(redis_url) as shim, pipe_to(shim.url) as pipe:
            shim.refusing = True
            steps = 0

            async def step() -> None:
                nonlocal steps
                steps += 1
                shim.refusing = steps < IN_VAIN
                await pipe.send("PING")

            await insist(step)
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
