"""ibkr_get_status always answers, and says what is missing and what to do."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.identity.rights import EVERYTHING, Rights
from bridge.bus.keys import Keys
from bridge.bus.messages import Heartbeat
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tools.session import SessionStatus
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from mcp_front.tools.status import STALE_MS, of_rights, status_of, without_blanks
from tests.busy import BUSY_S
from tests.stacks.front import ERAS, READY, plain_http, serving, worker

Damage = Callable[[CommandPipeline, Keys], Awaitable[None]]
STATUS = json.loads(READY.model_dump_json())


def beat(age_ms: int, receivers: int) -> Heartbeat:
    return Heartbeat("worker-7", 1, 1_750_000_000_000, age_ms, receivers, READY.model_dump_json().encode())


@pytest.mark.parametrize("era", ERAS)
async def test_ready_session_is_shown_as_its_worker_wrote_it(redis_url: str, session: str, era: str) -> None:
    async with worker(redis_url, session, {}), serving(redis_url, session) as front:
        result = await front.raw(era).call("ibkr_get_status")

    shown = result["structuredContent"]
    assert 0 <= shown.pop("heartbeat_age_ms") < 60_000
    assert shown == {name: value for name, value in without_blanks(STATUS).items() if name != "heartbeat_age_ms"}


def test_a_status_leaves_out_what_there_is_none_of_and_keeps_its_first_fields() -> None:
    told = without_blanks(STATUS | {"farms": {}, "since": "2025-06-11T14:30:03.045842Z"})

    assert {"is_connected", "state", "cause", "remedy", "simulated", "halted"} < told.keys()
    assert "farms" not in told
    assert told["since"] == "2025-06-11T14:30:03Z"
    assert SessionStatus.model_validate(told).farms == {}


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
    assert status["simulated"] is None  # nobody knows which gateway it is


def hset(*fields: Any) -> Damage:
    async def damage(pipe: CommandPipeline, keys: Keys) -> None:
        await pipe.send("HSET", keys.heartbeat, *fields)

    return damage


def replaced(name: str) -> Damage:
    async def damage(pipe: CommandPipeline, keys: Keys) -> None:
        await pipe.send("DEL", getattr(keys, name))
        await pipe.send("SET", getattr(keys, name), "no hash")

    return damage


DAMAGES: dict[str, Damage] = {
    "a time that is none": hset("written_ms", "x"),
    "a time beyond all times": hset("written_ms", "9" * 5000),
    "no token": hset("token", "\u0663"),
    "bad UTF-8 in a name": hset("worker", b"\xff\xfe"),
    "a status that is no JSON": hset("status", "{"),
    "a status of bad UTF-8": hset("status", b'{"state":"\xff"}'),
    "a status that is a list": hset("status", "[1]"),
    "a status of other types": hset("status", '{"state":"ready","is_connected":true,"mode":5,"recent_clients":"x"}'),
    "a status in no known state": hset("status", '{"state":"odd","is_connected":true}'),
    "no hash": replaced("heartbeat"),
    "a switch that is no hash": replaced("halt"),
}


@pytest.mark.trial("B7")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_status_readiness_and_the_list_of_tools_are_told_whatever_is_damaged(
    redis_url: str, session: str, damage: Damage
) -> None:
    async with worker(redis_url, session, {}) as bus, serving(redis_url, session) as front:
        await damage(bus.pipe, bus.keys)
        told = (await front.raw().call("ibkr_get_status"))["structuredContent"]
        tools = (await front.raw().request("tools/list"))["result"]["tools"]
        async with plain_http() as http:
            ready = await http.get(f"{front.url}/readyz")
        halted = (await front.raw().call("ibkr_halt_trading", reason="odd"))["structuredContent"]["halted"]

    SessionStatus.model_validate(told)
    assert told["state"] in ("ready", "failed")
    assert ready.status_code in (200, 503)
    assert ready.json()["state"] == told["state"]
    assert "ibkr_get_status" in {each["name"] for each in tools}
    assert halted is True
    assert (told["halted"] is None) == (damage is not DAMAGES["a switch that is no hash"])


def test_a_client_of_one_account_sees_its_own_and_no_warning_about_another() -> None:
    concerns = [{"what": "an exit rests alone", "account": each} for each in ("DU2", "DU1", None)]
    status = {"state": "ready", "accounts": ["DU1", "DU2"], "concerns": concerns}

    told = of_rights(status, Rights(accounts=frozenset({"DU1"})))

    assert (told["state"], told["accounts"], told["concerns"]) == ("ready", ["DU1"], concerns[1:])
    assert of_rights(status, EVERYTHING) == status


def test_a_client_sees_the_limits_that_are_its_own_and_tighter() -> None:
    status = {"state": "ready", "accounts": ["DU1"], "limits": {"max_order_value": 1000, "price_collar": 0.05}}
    own = Rights(symbols=frozenset({"SPY"}), max_order_value=5000.0, max_orders_per_day=7)

    assert of_rights(status, own)["limits"] == {
        "max_order_value": 1000, "price_collar": 0.05, "max_orders_per_day": 7, "symbols": ["SPY"],
    }  # fmt: skip
