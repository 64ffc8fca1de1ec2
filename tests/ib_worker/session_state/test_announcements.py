"""Announcements of the gateway: what asks somebody to act by a day is a warning until it is no longer sent."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ib_worker.session.warnings import session_warnings
from ib_worker.session_state.announcements import Announcements, announcement, announcement_text, remedy
from ib_worker.tws.endpoint import Endpoint
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import ready_session
from tests.waiting import until

NOW = datetime(2026, 11, 29, 18, 0, tzinfo=UTC)
TEXT = "Your version of TWS/IB Gateway will be desupported on 20261215. Minimum supported version is 1050.1"

pytestmark = pytest.mark.trial("D21")


def test_a_release_that_ends_is_told_with_its_day_and_the_oldest_one_that_stays() -> None:
    found = announcement(2172, TEXT, NOW)

    assert found is not None
    assert (found.due, found.release) == (date(2026, 12, 15), "10.50.1")
    assert announcement_text(found, NOW) == f'TWS said (2172): "{TEXT}". That is 15 December 2026, in 16 days.'
    assert "to 10.50.1 or newer before 2026-12-15" in remedy(found)
    assert "has passed" in announcement_text(found, NOW + timedelta(days=17))


@pytest.mark.parametrize(
    ("code", "text", "due", "release"),
    [
        (2172, "something new about this release", None, None),
        (503, "The TWS is out of date and must be upgraded.", None, None),
        (2175, "No longer supported after 2027-03-31, please upgrade to 10.52.1c", date(2027, 3, 31), "10.52.1c"),
        (10555, "Please update before January 5, 2027.", date(2027, 1, 5), None),
        (2160, "Your password expires on 31 Dec 2026", date(2026, 12, 31), None),
        (2999, "Market data subscriptions will be cancelled on 12/20/2026", date(2026, 12, 20), None),
        (2173, "will be desupported on 20261399", None, None),
    ],
)  # fmt: skip
def test_what_asks_for_an_upgrade_or_ends_on_a_day_is_an_announcement(
    code: int, text: str, due: date | None, release: str | None
) -> None:
    found = announcement(code, text, NOW)

    assert found is not None
    assert (found.due, found.release) == (due, release)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (2104, "Market data farm connection is OK:usfarm"),
        (1100, "Connectivity between IB and TWS has been lost until 20270101"),
        (1102, "restored - data maintained. from 2027-01-01"),
        (2100, "API client has been unsubscribed from account data."),
        (2999, "The statement of 20261101 is ready"),
        (321, "Error validating request.-'bW' : cause - 20270101"),
    ],
)
def test_other_notices_are_none(code: int, text: str) -> None:
    assert announcement(code, text, NOW) is None


def test_one_that_is_not_repeated_for_a_day_is_dropped() -> None:
    kept = Announcements()
    assert kept.hear(2172, TEXT, NOW)
    assert kept.hear(2172, TEXT, NOW + timedelta(hours=20))

    assert [each.code for each in kept.current(NOW + timedelta(hours=44))] == [2172]
    assert kept.current(NOW + timedelta(hours=46)) == []


async def test_the_status_warns_also_after_a_reset_and_not_of_another_gateway(sim: Simulator) -> None:
    async with ready_session(sim) as stand, Simulator() as other:
        session = stand.session
        sim.fault(f"error 2172 {TEXT} x3")
        await until(lambda: session_warnings(session, NOW), "the status warns")
        sim.fault("reset")
        await stand.reaches("connecting")
        await stand.ready()

        told = [each for each in session_warnings(session, datetime.now(UTC)) if "2172" in each.what]
        assert [(each.due, "upgrading" in each.remedy) for each in told] == [(date(2026, 12, 15), True)]

        await stand.session.connection.connect(Endpoint("127.0.0.1", other.port))
        await stand.ready()
        assert not any("2172" in each.what for each in session_warnings(session, datetime.now(UTC)))
