"""ibkr_get_status always answers, and says what is missing and what to do."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.envelopes import Heartbeat
from bridge.gateway import SessionStatus
from cli.embedded_redis import EmbeddedRedis, free_port
from mcp_front.status import STALE_MS, status_of
from tests.busy import BUSY_S
from tests.front.stack import ERAS, READY, serving, worker

STATUS = json.loads(READY.model_dump_json())


def beat(age_ms: int, receivers: int) -> Heartbeat:
    return Heartbeat("worker-7", 1, 1_750_000_000_000, age_ms, receivers, READY.model_dump_json().encode())


@pytest.mark.parametrize("era", ERAS)
async def test_ready_session_is_shown_as_its_worker_wrote_it(redis_url: str, session: str, era: str) -> None:
    async with worker(redis_url, session, {}), serving(redis_url, session) as front:
        result = await front.raw(era).call("ibkr_get_status")

    shown = result["structuredContent"]
    assert 0 <= shown.pop("heartbeat_age_ms") < 5000
    assert shown == {name: value for name, value in STATUS.items() if name != "heartbeat_age_ms"}


async def test_session_that_nobody_ever_served_has_no_worker(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front:
        status = (await front.raw().call("ibkr_get_status"))["structuredContent"]

    assert (status["is_connected"], status["state"]) == (False, "no_worker")
    assert "ib_worker" in status["remedy"]


async def test_worker_that_went_is_named_with_when_and_who_was_using_it(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {}) as bus:
        name = bus.worker_id
    async with serving(redis_url, session) as front:
        status = (await front.raw().call("ibkr_get_status"))["structuredContent"]

    assert (status["state"], status["worker"], status["recent_clients"]) == ("no_worker", name, ["claude"])
    assert name in status["cause"]
    assert status["since"]
    SessionStatus.model_validate(status)


def test_worker_that_listens_but_is_silent_is_not_ready() -> None:
    assert status_of(beat(STALE_MS - 1, receivers=1))["state"] == "ready"

    status = status_of(beat(STALE_MS, receivers=1))
    assert (status["is_connected"], status["state"]) == (False, "no_worker")
    assert "hangs" in status["cause"]


def test_status_of_a_newer_worker_with_more_fields_is_passed_on() -> None:
    newer = Heartbeat("w", 1, 0, 0, 1, json.dumps({"is_connected": True, "state": "ready", "moon": "full"}).encode())

    status = status_of(newer)
    assert (status["state"], status["accounts"]) == ("ready", [])
    assert "moon" not in status


async def test_status_answers_in_time_when_redis_is_frozen(tmp_path: Path, session: str) -> None:
    async with EmbeddedRedis(tmp_path, free_port()) as redis, serving(redis.url, session) as front:
        await front.raw().call("ibkr_get_status")
        assert redis.process is not None
        redis.process.send_signal(19)  # SIGSTOP
        async with asyncio.timeout(2 + BUSY_S):
            status: dict[str, Any] = (await front.raw().call("ibkr_get_status"))["structuredContent"]

    assert status["state"] == "bus_down"
    assert status["remedy"]
