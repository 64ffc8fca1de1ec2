"""Watched times, by the clock of the session's answers."""

from datetime import datetime, timedelta

from ibgateway.simulator.server.server import Simulator
from tests.stacks.alerts import alerts, fired, watch
from tests.stacks.worker import trading


async def test_a_time_fires_when_it_comes(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        now = datetime.fromisoformat((await front.status())["gateway_time"])
        soon = (now + timedelta(seconds=3)).replace(microsecond=0)
        await watch(front, event="time", at=f"{soon:%H:%M:%S}", timeZone="Etc/UTC")
        assert await alerts(front) == []
        (event,) = await fired(front)

    assert datetime.fromisoformat(event.details["due"]) == soon
    assert timedelta(0) <= datetime.fromisoformat(event.time) - soon < timedelta(seconds=2)


async def test_a_session_is_open_or_closed_and_one_of_both_fires(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await watch(front, event="session_open", symbol="SPY")
        await watch(front, event="session_close", symbol="SPY")
        (event,) = await fired(front)

    expected = {"session_open": True, "session_close": False}[event.details["event"]]
    assert (event.details["trading"] == "open") is expected
    assert event.details["liquidHours"]
