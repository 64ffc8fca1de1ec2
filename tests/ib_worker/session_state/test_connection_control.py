"""The wanted gateway: who asks for it, who gives it up, and for how long it is lent."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bridge.bus.controls.connection_target import ConnectionTarget
from ib_worker.session_state.connection_control import ConnectionControl
from ib_worker.session_state.state import StateTracker
from ib_worker.tws.endpoint import Endpoint

HERE, THERE = Endpoint("gw", 4002), Endpoint("other", 4002)
NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


class Gateway:
    """A connection that stands as the test says, and the changes of its target."""

    def __init__(self) -> None:
        self.connected = False
        self.changes = 0
        self.state = StateTracker(*HERE, 1, lambda: NOW, lambda _: None)
        self.control = ConnectionControl(HERE, self.state, lambda: self.connected, self.changed, lambda: NOW)

    def changed(self) -> None:
        self.changes += 1


async def test_who_connects_a_session_that_stands_waits_for_nothing() -> None:
    gateway = Gateway()
    gateway.connected = True
    gateway.state.ready()

    await gateway.control.connect(HERE)

    assert (gateway.changes, gateway.control.wake.is_set()) == (0, False)


async def test_another_gateway_ends_the_present_connection_and_is_waited_for() -> None:
    gateway = Gateway()
    call = asyncio.create_task(gateway.control.connect(THERE))
    await asyncio.sleep(0)
    early = call.done()
    gateway.control.attempt_ended()
    await call

    assert (early, gateway.control.target, gateway.changes) == (False, THERE, 1)
    assert gateway.control.stop.is_set()


async def test_a_loan_that_is_stored_goes_on_and_one_that_is_over_does_not() -> None:
    lent, over = Gateway(), Gateway()
    until = NOW + timedelta(minutes=5)
    lent.control.begin_as(ConnectionTarget("anna", until_ms=round(until.timestamp() * 1000)), [HERE])
    over.control.begin_as(ConnectionTarget("anna", until_ms=round(NOW.timestamp() * 1000)), [HERE])
    lent_until = lent.control.lent_until
    lent.control.end_loan()

    assert (lent_until, lent.control.wanted.is_set()) == (until, False)
    assert (over.control.lent_until, over.control.wanted.is_set()) == (None, True)


@pytest.mark.parametrize(("allowed", "target"), [([HERE, THERE], THERE), ([HERE], HERE)])
async def test_a_stored_gateway_is_wanted_as_long_as_it_is_allowed(allowed: list[Endpoint], target: Endpoint) -> None:
    gateway = Gateway()
    gateway.control.begin_as(ConnectionTarget("claude", *THERE), allowed)

    assert gateway.control.target == target
