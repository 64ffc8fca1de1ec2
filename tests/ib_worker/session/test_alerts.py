"""Alerts: when one is due, that it repeats and ends, and that it reaches a webhook without telling an account."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from structlog.typing import EventDict

from bridge.tasks import run_until_first_ends
from ib_worker.session.alerts import Alert, AlertSchedule, run_alerts
from ib_worker.session_state.state import SessionState
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.worker import session_at
from tests.waiting import until

NOON = datetime(2025, 6, 11, 12, tzinfo=UTC)
READY = SessionState("ready", NOON)


def red(state: str = "failed", at: datetime = NOON) -> SessionState:
    return SessionState(state, at, "code", "The gateway is gone.", "Start it.")  # type: ignore[arg-type]


def minutes(alarm: AlertSchedule, standing: SessionState, upto: int) -> dict[int, Alert]:
    """What is told in each minute from noon on."""
    looks = {minute: alarm.look(standing, NOON + timedelta(minutes=minute)) for minute in range(upto)}
    return {minute: alert for minute, alert in looks.items() if alert is not None}


def test_an_alert_comes_after_a_while_and_again_as_long_as_it_lasts() -> None:
    told = minutes(AlertSchedule("live", after_s=120, every_s=600), red(), 30)

    assert list(told) == [2, 12, 22]
    assert told[12].text == "Session live has not been ready for 12 minutes: The gateway is gone. Start it."
    assert not told[12].over


def test_another_state_that_is_not_ready_is_the_same_trouble() -> None:
    alarm = AlertSchedule("live", after_s=120, every_s=600)
    minutes(alarm, red("failed"), 3)

    told = alarm.look(red("login_pending", NOON + timedelta(minutes=12)), NOON + timedelta(minutes=12))

    assert told is not None
    assert (told.state, told.since) == ("login_pending", NOON.isoformat())


def test_the_end_is_told_once_and_only_of_what_was_told() -> None:
    alarm = AlertSchedule("live", after_s=120, every_s=600)
    assert minutes(alarm, red(), 1) | minutes(alarm, READY, 1) == {}
    minutes(alarm, red(), 3)

    over = alarm.look(READY, NOON + timedelta(minutes=7))

    assert over is not None
    assert (over.over, over.text) == (True, "Session live is ready again, after 7 minutes.")
    assert alarm.look(READY, NOON + timedelta(minutes=8)) is None


def test_a_session_that_was_disconnected_on_request_worries_nobody() -> None:
    assert minutes(AlertSchedule("live", after_s=0, every_s=60), SessionState("disconnected", NOON), 10) == {}


@asynccontextmanager
async def webhook(status: str) -> AsyncIterator[tuple[str, list[dict[str, object]]]]:
    """A server that takes alerts; its address, and what it got."""
    got: list[dict[str, object]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        got.append(json.loads(await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/secret", got


@pytest.mark.fault(22)
async def test_a_webhook_hears_again_and_again(logs: list[EventDict]) -> None:
    async with (
        webhook("500 No") as (url, got),
        Simulator(SimulatorConfig(accounts=("U1234567",))) as sim,
        session_at(sim.port, alert_webhook=url, alert_after_s=0, alert_every_s=0.5) as stand,
    ):
        watching = asyncio.create_task(run_until_first_ends(run_alerts(stand.session)))
        await until(lambda: len(got) >= 2, "two alerts have come")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    assert "U***567" in str(got)
    assert "U1234567" not in f"{got} {logs}"
    assert "secret" not in str(logs)
    alerts = [each["text"] for each in logs if each["event"] == "alert"]
    assert alerts[0].startswith("Session paper has not been ready")


async def test_a_webhook_that_speaks_no_http_ends_nothing(logs: list[EventDict]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.example.com ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/secret"
    async with (
        server,
        Simulator(SimulatorConfig(accounts=("U1234567",))) as sim,
        session_at(sim.port, alert_webhook=url, alert_after_s=0, alert_every_s=0.1) as stand,
    ):
        watching = asyncio.create_task(run_until_first_ends(run_alerts(stand.session)))
        await until(lambda: str(logs).count("webhook_failed") >= 2, "two alerts were tried")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    assert "BadStatusLine" in str(logs)
