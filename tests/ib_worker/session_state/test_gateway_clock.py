"""The time of answers is the gateway's, where it lives at another date."""

from datetime import UTC, datetime, timedelta

from ib_worker.session_state.gateway_clock import GatewayClock

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


def test_answers_have_the_gateways_date() -> None:
    clock = GatewayClock(lambda: NOW)
    at_first = clock.now()
    clock.ahead = timedelta(days=-500)

    assert (at_first, clock.now()) == (NOW, NOW - timedelta(days=500))
