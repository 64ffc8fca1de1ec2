"""The tools about alerts through a worker: kept, listed, fired, cancelled, and nobody else's."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from ibgateway.simulator.server.server import Simulator
from tests.stacks.alerts import alerts, fired
from tests.stacks.worker import FAST, Caller, caller, order, trading, worker

HOOK: dict[str, Any] = {"alert_targets": "desk=http://127.0.0.1:9/x", "alert_secret": "0123456789abcdef"}
LEVEL = {"event": "price", "symbol": "SPY", "above": 1_000_000}


async def create(front: Caller, *events: dict[str, Any], **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = await front.ask("create_alert", events=list(events), **more)
    return made


async def test_an_alert_is_kept_listed_and_cancelled(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, **HOOK) as front:
        made = await create(front, LEVEL, targets=["desk"], note="sell now")
        again = await create(front, LEVEL, targets=["desk"], note="sell now")
        listed = await front.ask("get_alerts")
        gone = await front.ask("cancel_alert", alertId=made["alertId"])
        twice = await front.ask("cancel_alert", alertId=made["alertId"])
        none = await front.ask("get_alerts")

    assert again["alertId"] == made["alertId"]
    assert (listed["count"], listed["truncated"], listed["targets"]) == (1, False, ["desk"])
    (kept,) = listed["alerts"]
    assert kept | {"message": made["message"]} == made
    assert (kept["repeat"], kept["note"], kept["targets"]) == (False, "sell now", ["desk"])
    assert kept["events"] == [LEVEL | {"conId": 756733}]
    assert (gone["cancelled"], twice["cancelled"]) == (True, False)
    assert (none["count"], none["alerts"]) == (0, [])


async def test_one_on_fills_fires_at_each_over_a_restart(redis_url: str, session: str, sim: Simulator) -> None:
    async with caller(redis_url, session) as front:
        async with worker(redis_url, session, sim.port, FAST):
            await front.writable()
            made = await create(front, {"event": "execution", "symbol": "AAPL"}, repeat=True)
            await front.submit("place_order", **order())
            first = await fired(front)
        async with worker(redis_url, session, sim.port, FAST):
            await front.writable()
            await front.submit("place_order", **order(totalQuantity=2))
            both = await fired(front, count=len(first) + 1)
            await asyncio.sleep(1)
            told = await alerts(front)
            (kept,) = (await front.ask("get_alerts"))["alerts"]

    assert len(told) == len(both) == kept["fired"]
    assert {each.details["watch"] for each in told} == {made["alertId"]}
    assert len({each.details["state"]["execId"] for each in told}) == len(told)


async def test_someone_elses_alert_is_refused_and_not_listed(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front, caller(redis_url, session, "codex") as other:
        made = await create(front, LEVEL)
        cancelled = await other.refused("cancel_alert", alertId=made["alertId"])
        followed = await other.refused("create_alert", events=[{"event": "alert", "alertId": made["alertId"]}])
        listed = await other.ask("get_alerts")
        still = await front.ask("get_alerts")

    assert (cancelled.code, followed.code) == ("forbidden", "forbidden")
    assert (listed["count"], still["count"]) == (0, 1)


async def test_a_target_is_one_of_the_operators_names(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, **HOOK) as front:
        error = await front.refused("create_alert", events=[LEVEL], targets=["mine"])

    assert error.code == "invalid_arguments"
    assert "this worker has no mine. It has desk." in error.message
    assert "127.0.0.1" not in error.message


async def test_an_alert_ends_when_it_expires(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        now = datetime.fromisoformat((await front.status())["gateway_time"])
        over = await front.refused("create_alert", events=[LEVEL], expires_at=now.isoformat(timespec="seconds"))
        soon = (now + timedelta(seconds=4)).isoformat(timespec="seconds")
        made = await create(front, LEVEL, expires_at=soon)
        await asyncio.sleep(5)
        listed = await front.ask("get_alerts")

    assert over.code == "invalid_arguments"
    assert datetime.fromisoformat(made["expires_at"]) == datetime.fromisoformat(soon)
    assert made["created_at"].endswith("Z")  # as other answers write times
    assert listed["count"] == 0


async def test_alerts_are_listed_without_a_gateway(redis_url: str, session: str, unused_port: int) -> None:
    async with worker(redis_url, session, unused_port), caller(redis_url, session) as front:
        await front.reaches("failed", timeout_s=20)
        made = await create(front, {"event": "session_ready"})
        listed = await front.ask("get_alerts")

    assert [each["alertId"] for each in listed["alerts"]] == [made["alertId"]]
