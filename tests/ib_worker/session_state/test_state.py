"""The session's state, what the gateway's notices do to it, its settings and its logs."""

from datetime import UTC, datetime, timedelta

import pytest

from ib_worker.session_state import state as standing
from ib_worker.session_state.state import SessionState, StateReason, StateTracker, farm_of

CAUSES = [each for each in vars(standing).values() if isinstance(each, StateReason)]
NOW = datetime(2025, 6, 11, tzinfo=UTC)


class Watch:
    """A clock, and what a record announces."""

    def __init__(self) -> None:
        self.now = NOW
        self.told: list[SessionState] = []

    def record(self) -> StateTracker:
        return StateTracker("gw", 4002, 1, lambda: self.now, self.told.append)


def test_a_session_begins_by_connecting() -> None:
    record = Watch().record()

    assert (record.standing.state, record.standing.ready) == ("connecting", False)
    assert record.standing.cause == "The worker is connecting to gw:4002."


@pytest.mark.parametrize("cause", CAUSES, ids=[each.cause[:30] for each in CAUSES])
def test_every_cause_says_what_is_wrong_and_what_to_do(cause: StateReason) -> None:
    record = Watch().record()
    record.set(cause, "the detail")

    error = record.standing.error()

    assert error.code == cause.code
    assert error.message == f"{record.standing.cause} {cause.remedy}"
    assert "{" not in error.message
    assert record.standing.remedy


def test_the_same_state_again_keeps_its_beginning() -> None:
    watch = Watch()
    record = watch.record()
    record.set(standing.UNREACHABLE, "refused")
    watch.now += timedelta(seconds=5)

    record.set(standing.UNREACHABLE, "refused")

    assert record.standing.since == NOW
    assert len(watch.told) == 1


def test_another_cause_is_a_change() -> None:
    watch = Watch()
    record = watch.record()
    record.set(standing.UNREACHABLE, "refused")
    watch.now += timedelta(seconds=5)

    record.set(standing.CLOSES)

    assert record.standing.since == watch.now
    assert len(watch.told) == 2


def test_a_ready_session_has_no_cause() -> None:
    record = Watch().record()

    record.ready()

    assert (record.standing.ready, record.standing.state, record.standing.cause, record.standing.remedy) == (
        True,
        "ready",
        None,
        None,
    )


def test_a_standing_without_a_cause_is_still_an_error() -> None:
    assert (SessionState("failed", NOW).error().code, SessionState("failed", NOW).error().message) == (
        "not_ready",
        "The session is not ready.",
    )


@pytest.mark.parametrize(
    ("text", "farm"),
    [
        ("Market data farm connection is OK:usfarm.nj", "usfarm.nj"),
        ("Market data farm connection is inactive but should be available upon demand.usfarm.nj", "usfarm.nj"),
        ("no farm", "no farm"),
        ("x:", "x:"),
    ],
)
def test_a_farm_is_named_at_the_end(text: str, farm: str) -> None:
    assert farm_of(text) == farm
