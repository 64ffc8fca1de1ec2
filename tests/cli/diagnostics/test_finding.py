"""A clock that is off is a fault, and one of another date a simulator's."""

import re
import time

import pytest

from cli.diagnostics.finding import clock_findings
from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from tests.stacks.doctor import faults, stack


async def test_a_clock_that_is_minutes_off(redis_url: str, session: str) -> None:
    async with Simulator(SimulatorConfig(start=time.time() - 300)) as sim, stack(redis_url, session, sim.port) as place:
        found = await faults(place)

    assert re.search(r"-\d+ s from this machine's", found["clock"].told)
    assert "NTP" in found["clock"].cure


@pytest.mark.parametrize(
    ("ahead_s", "kind", "told"),
    [
        (5.1, "fault", "+5 s from"),
        (-90.0, "fault", "-90 s from"),
        (86_400.0, "fault", "+86400 s from"),
        (-2 * 86_400.0, "note", "2.0 days behind"),
        (86_401.0, "note", "1.0 days ahead"),
    ],
)
def test_seconds_are_a_fault_and_days_are_a_simulators(ahead_s: float, kind: str, told: str) -> None:
    (found,) = clock_findings("the machine", ahead_s)

    assert (found.kind, told in found.told) == (kind, True)
    assert bool(found.cure) == (kind == "fault")


@pytest.mark.parametrize("ahead_s", [0.0, 5.0, -5.0])
def test_a_few_seconds_are_nothing(ahead_s: float) -> None:
    assert list(clock_findings("the machine", ahead_s)) == []
