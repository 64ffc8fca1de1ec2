"""The clock of Redis' host as this process knows it, and the machine's own."""

import pytest

from bridge.bus.transport import clock as clock_module
from bridge.bus.transport.clock import ServerClock, boottime


def test_the_servers_clock_is_asked_first() -> None:
    clock = ServerClock()
    assert not clock.known
    with pytest.raises(RuntimeError, match="before the first answer"):
        clock.now_ms()


def test_the_servers_clock_is_taken_at_the_middle_of_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ServerClock()
    clock.measured(1_000.5, before=10.0, after=12.0)
    monkeypatch.setattr(clock_module, "boottime", lambda: 13.25)

    assert clock.known
    assert clock.measured_at == 12.0
    assert clock.now_ms() == 1_002_750


def test_boottime_goes_on() -> None:
    assert boottime() <= boottime()
