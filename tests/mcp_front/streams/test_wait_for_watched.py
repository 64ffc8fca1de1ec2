"""ibkr_wait_for on prices, profits, account values, times and sessions, which the worker looks out for."""

import asyncio
from typing import Any

import pytest

from cli.local_stack.embedded_redis import EmbeddedRedis
from ibgateway.simulator.server.server import Simulator
from mcp_front.protocol.results import ERROR_META
from tests.stacks.front import MODERN, Running, serving
from tests.stacks.whole import whole_stack
from tests.stacks.worker import FAST, caller, worker

SPY = {"symbol": "SPY"}
FAR = 1_000_000  # no price reaches it by itself
JUMP = "rewrite 1 4 2000000"  # from here on every price tick says so


async def waited(front: Running, *events: dict[str, Any], **more: Any) -> dict[str, Any]:
    result = await front.raw(MODERN).call("ibkr_wait_for", events=list(events), **({"timeout_seconds": 20} | more))
    found: dict[str, Any] = result["structuredContent"] if not result["isError"] else result["_meta"][ERROR_META]
    return found


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ({"event": "price", **SPY, "above": 1}, {"price", "marketDataType"}),
        ({"event": "price", **SPY, "changePercent": 0.0001}, {"price", "from", "changePercent"}),
        ({"event": "daily_pnl", "below": FAR}, {"dailyPnL"}),
        ({"event": "position_pnl", **SPY, "below": FAR}, {"unrealizedPnL", "position"}),
        ({"event": "account_value", "tag": "AvailableFunds", "above": 1}, {"tag", "value", "currency"}),
        ({"event": "time", "at": "2020-01-02 03:04", "timeZone": "America/New_York"}, {"at", "due", "timeZone"}),
        ({"event": "session_open", **SPY}, {"trading"}),
    ],
    ids=lambda value: value["event"] if isinstance(value, dict) else "",
)
async def test_what_is_so_already_ends_the_call(
    redis_url: str, session: str, condition: dict[str, Any], told: set[str]
) -> None:
    async with whole_stack(redis_url, session) as stack:
        found = await waited(stack.front, {"event": "halt"}, condition)

    assert (found.get("event"), found.get("condition")) == (condition["event"], 1), found
    assert told <= set(found["happened"]["details"])
    assert found["happened"]["kind"] == "alert"
    assert found["waited_seconds"] < 15


async def test_a_level_that_is_not_reached_is_none(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        found = await waited(stack.front, {"event": "price", **SPY, "above": FAR}, timeout_seconds=2)

    assert found["event"] == "none"
    assert "Waited for price of SPY. SPY (" in found["message"]


async def test_a_change_that_has_not_come_is_told_with_the_price_that_it_is_measured_from(
    redis_url: str, session: str
) -> None:
    async with whole_stack(redis_url, session) as stack:
        first = await waited(stack.front, {"event": "price", **SPY, "changePercent": -50}, timeout_seconds=3)
        again = {"timeout_seconds": 1, "cursor": first["cursor"]}
        second = await waited(stack.front, {"event": "price", **SPY, "changePercent": -50}, **again)

    for told in (first, second):
        assert told["event"] == "none"
        assert "fires at or below " in told["message"]
    base = first["message"].partition("50 % under ")[2].partition(" ")[0]
    assert f"50 % under {base}" in second["message"]


async def test_a_price_that_jumps_between_two_calls_is_told_by_the_next(redis_url: str, session: str) -> None:
    level = {"event": "price", **SPY, "above": FAR}
    async with whole_stack(redis_url, session) as stack:
        none = await waited(stack.front, level, timeout_seconds=2)
        stack.sim.fault(JUMP)
        await asyncio.sleep(1.5)
        found = await waited(stack.front, level, cursor=none["cursor"])

    assert none["event"] == "none"
    assert (found["event"], found["gap"]) == ("price", False)
    assert found["happened"]["details"]["price"] >= FAR
    assert found["waited_seconds"] < 1


async def test_a_price_that_jumps_while_the_worker_is_away_is_told_late(redis_url: str, session: str) -> None:
    level = {"event": "price", **SPY, "above": FAR}
    async with Simulator() as sim, serving(redis_url, session) as front, caller(redis_url, session) as other:
        async with worker(redis_url, session, sim.port, FAST):
            await other.writable()
            waiting = asyncio.create_task(waited(front, level, timeout_seconds=40))
            await asyncio.sleep(2)
            assert not waiting.done()
        sim.fault(JUMP)
        await asyncio.sleep(0.5)
        assert not waiting.done()
        async with worker(redis_url, session, sim.port, FAST):
            found = await waiting

    assert (found["event"], found["gap"]) == ("price", False)


async def test_waits_for_one_contract_share_one_line(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        levels = [{"event": "price", **SPY, "above": FAR + each} for each in range(10)]
        calls = [asyncio.create_task(waited(stack.front, each, timeout_seconds=3)) for each in levels]
        ends = await asyncio.gather(*calls)

        assert [each["event"] for each in ends] == ["none"] * 10
        assert len(stack.sim.journal.entries("in", 1)) == 1


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ({"event": "price", "symbol": "NOSUCH", "above": 1}, "not_found"),
        ({"event": "daily_pnl", "account": "DU999", "above": 1}, "wrong_account"),
        ({"event": "time", "at": "09:30", "timeZone": "Mars/Olympus"}, "invalid_arguments"),
        ({"event": "alert", "alertId": "aaaaaaaa-bbbbbbbbbbbbbbbb"}, "forbidden"),
    ],
)
async def test_what_can_not_be_watched_is_an_error_and_no_wait(
    redis_url: str, session: str, condition: dict[str, Any], code: str
) -> None:
    async with whole_stack(redis_url, session) as stack:
        error = await waited(stack.front, condition)

    assert error["code"] == code


async def test_a_wait_outlives_redis_and_the_gateways_connection(own_redis: EmbeddedRedis, session: str) -> None:
    level = {"event": "price", **SPY, "above": FAR}
    url = own_redis.url
    async with (
        Simulator() as sim,
        serving(url, session) as front,
        caller(url, session) as other,
        worker(url, session, sim.port, FAST),
    ):
        await other.writable()
        waiting = asyncio.create_task(waited(front, level, timeout_seconds=60))
        await asyncio.sleep(3)
        sim.fault("close")
        await own_redis.stop()
        await own_redis.start()
        assert not waiting.done()
        sim.fault(JUMP)
        found = await waiting

    assert (found["event"], found["gap"]) == ("price", False)
