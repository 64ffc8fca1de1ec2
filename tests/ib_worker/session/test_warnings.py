"""What leaves the session ready and still matters, and when the weekly login is due."""

from datetime import UTC, datetime

import pytest

from ib_worker.session.warnings import session_warnings
from ib_worker.session_state.gateway_login import is_weekly_login, weekly_login
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.sent_orders import place
from tests.stacks.worker import ready_session
from tests.waiting import until


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_the_weekly_login_is_due_on_sunday_at_one_in_new_york() -> None:
    assert weekly_login(at("2025-06-11T10:00-04:00")) == at("2025-06-15T01:00-04:00")
    assert weekly_login(at("2025-06-15T00:59-04:00")) == at("2025-06-15T01:00-04:00")
    assert weekly_login(at("2025-06-15T01:00-04:00")) == at("2025-06-22T01:00-04:00")
    assert weekly_login(at("2025-11-01T10:00-04:00")) == at("2025-11-02T01:00-04:00")  # the night of the clock change


def test_a_login_that_waits_on_sunday_is_the_weekly_one() -> None:
    assert is_weekly_login(at("2025-06-15T06:00-04:00"))
    assert not is_weekly_login(at("2025-06-14T06:00-04:00"))
    assert not is_weekly_login(at("2025-06-17T06:00-04:00"))


async def test_what_leaves_the_session_ready_is_told_with_its_cure(sim: Simulator) -> None:
    midweek = at("2025-06-11T10:00-04:00")
    async with ready_session(sim) as stand:
        assert session_warnings(stand.session, midweek) == []
        assert set(stand.status.as_of) == {"positions", "open orders", "completed orders", "executions"}

        sim.fault("farm broken usfarm")
        await until(lambda: "broken" in stand.session.link.farms.values(), "the farm is broken")

        assert "usfarm" in session_warnings(stand.session, midweek)[0].what
        assert "Saturday" not in str(session_warnings(stand.session, at("2025-06-14T10:00-04:00")))
        assert "Sunday 01:00" in session_warnings(stand.session, at("2025-06-14T10:00-04:00"))[1].what


async def test_a_read_only_api_is_a_concern() -> None:
    faults = "on reqOpenOrders each answer 321 The API interface is currently in Read-Only mode."
    async with Simulator(SimulatorConfig(faults=faults)) as sim, ready_session(sim) as stand:
        told = session_warnings(stand.session, at("2025-06-11T10:00-04:00"))

        assert ["read-only" in each.what for each in told] == [True]


@pytest.mark.trial("A16")
@pytest.mark.parametrize("again", ["reset", "link lost"])
async def test_a_session_that_is_read_again_warns_of_an_end_that_is_contradicted(sim: Simulator, again: str) -> None:
    async with ready_session(sim) as stand:
        entry = place(stand)
        await entry.until(lambda each: each.status == "Submitted")
        sim.fault(f"status {entry.state.orderId} Filled")
        await entry.until(lambda each: each.done)
        sim.fault(again)

        await entry.until(lambda each: not each.done)

        told = [
            each for each in session_warnings(stand.session, datetime.now(UTC)) if str(entry.state.orderId) in each.what
        ]
        assert ["was reported as Filled" in each.what for each in told] == [True]
