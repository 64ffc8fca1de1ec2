"""ibkr_wait_for on alerts: one that fired between its creation and the wait is told at once, to its owner alone."""

from datetime import datetime
from pathlib import Path
from typing import Any

from ibgateway.simulator.server.server import Simulator
from mcp_front.protocol.results import ERROR_META
from tests.stacks.front import MODERN, Running, serving
from tests.stacks.tokens import as_caller, write_tokens
from tests.stacks.whole import whole_stack
from tests.stacks.worker import trading
from tests.waiting import until

MET = {"event": "price", "symbol": "SPY", "above": 1}
FAR = {"event": "price", "symbol": "SPY", "above": 1_000_000}


async def called(front: Running, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await front.raw(MODERN).call(tool, **arguments)
    found: dict[str, Any] = result["structuredContent"] if not result["isError"] else result["_meta"][ERROR_META]
    return found


async def fired_alert(front: Running) -> dict[str, Any]:
    """Create an alert, and return it once it has fired."""
    made = await called(front, "ibkr_create_alert", events=[MET])

    async def over() -> bool:
        return [each["state"] for each in (await called(front, "ibkr_get_alerts"))["alerts"]] == ["fired"]

    await until(over, "the alert has fired", 10)
    return made


def at(found: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(found["happened"]["time"])


def on(made: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"event": "alert", "alertId": made["alertId"]}]


async def test_an_alert_that_fired_before_the_wait_is_told_and_listed(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        made = await fired_alert(stack.front)
        without = await called(stack.front, "ibkr_wait_for", events=on(made), timeout_seconds=5)
        since = await called(stack.front, "ibkr_wait_for", events=on(made), timeout_seconds=5, cursor=made["cursor"])
        told = since["cursor"]
        after = await called(stack.front, "ibkr_wait_for", events=on(made), timeout_seconds=1, cursor=told)
        (listed,) = (await called(stack.front, "ibkr_get_alerts"))["alerts"]

    assert (without["event"], since["event"], after["event"]) == ("alert", "alert", "none")
    assert without["waited_seconds"] < 3
    assert at(without) == at(since) == datetime.fromisoformat(listed["fired_at"])
    assert without["happened"]["details"] == since["happened"]["details"]
    assert without["happened"]["details"]["price"] == listed["happened"]["price"] > 1
    assert (listed["state"], listed["fired"]) == ("fired", 1)


async def test_a_fired_alert_is_told_once_with_the_cursor_of_a_later_event(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        made = await fired_alert(stack.front)
        far = await called(stack.front, "ibkr_create_alert", events=[FAR])
        later = (await called(stack.front, "ibkr_wait_for", events=on(far), timeout_seconds=1))["cursor"]
        first = await called(stack.front, "ibkr_wait_for", events=on(made), timeout_seconds=5, cursor=later)
        again = await called(
            stack.front, "ibkr_wait_for", events=on(made), timeout_seconds=1, cursor=first.get("cursor", later)
        )
        retried = await called(stack.front, "ibkr_wait_for", events=on(made), timeout_seconds=5, cursor=made["cursor"])

    assert [each["event"] for each in (first, again, retried)] == ["alert", "none", "alert"]
    assert at(first) == at(retried)
    assert first["waited_seconds"] < 3


async def test_an_alert_that_is_not_there_is_an_error_and_no_wait(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        made = await called(stack.front, "ibkr_create_alert", events=[FAR])
        nothing = await called(stack.front, "ibkr_wait_for", events=on(made), timeout_seconds=1)
        await called(stack.front, "ibkr_cancel_alert", alertId=made["alertId"])
        cancelled = await called(stack.front, "ibkr_wait_for", events=on(made), timeout_seconds=5)
        late = await called(stack.front, "ibkr_wait_for", events=on(made), timeout_seconds=5, cursor=nothing["cursor"])
        unknown = {"event": "alert", "alertId": made["alertId"][:9] + "b" * 16}
        never = await called(stack.front, "ibkr_wait_for", events=[unknown], timeout_seconds=5)

    assert nothing["event"] == "none"
    assert [each["code"] for each in (cancelled, late, never)] == ["not_found"] * 3
    assert "was cancelled" in cancelled["message"]


async def test_a_new_alert_names_its_level_and_the_way_to_hear_of_it(redis_url: str, session: str) -> None:
    fall = {"event": "price", "symbol": "SPY", "changePercent": -1}
    async with whole_stack(redis_url, session) as stack:
        made = await called(stack.front, "ibkr_create_alert", events=[fall])
        put = await called(stack.front, "ibkr_create_alert", events=[FAR | {"symbol": "SPY 2025-07-18 400 P"}])
        listed = (await called(stack.front, "ibkr_get_alerts"))["alerts"]

    assert put["message"].startswith("SPY 18JUL25 400 P (")
    assert all("): fires " in each["message"] for each in listed)
    message = made["message"]
    level, base = message.partition("at or below ")[2].split(": 1 % under ")
    assert abs(float(level) / float(base.split()[0].rstrip(".")) - 0.99) < 0.001
    assert "Nobody is sent this" in message
    assert f"ibkr_wait_for, event alert, alertId {made['alertId']}" in message


async def test_an_alert_is_told_to_no_other_client_though_its_firing_is_in_the_log(
    redis_url: str, session: str, tmp_path: Path
) -> None:
    tokens = write_tokens(tmp_path / "tokens.json", ["trader", "admin"])
    async with Simulator() as sim, serving(redis_url, session, front_tokens_file=tokens) as front:
        owner, other = as_caller(front, "trader"), as_caller(front, "admin")

        async def asked_by_other() -> Any:
            wait = {"events": on(made), "timeout_seconds": 1, "cursor": before["cursor"]}
            return (await other.call("ibkr_wait_for", **wait)).get("_meta", {}).get(ERROR_META, {}).get("code")

        async with trading(redis_url, session, sim):
            halt = [{"event": "halt"}]
            before = (await other.call("ibkr_wait_for", events=halt, timeout_seconds=1))["structuredContent"]
            made = (await owner.call("ibkr_create_alert", events=[MET]))["structuredContent"]
            own = await owner.call("ibkr_wait_for", events=on(made), timeout_seconds=20)
            served = await asked_by_other()
        without_worker = await asked_by_other()  # which could refuse it as well

    assert own["structuredContent"]["event"] == "alert"
    assert (served, without_worker) == ("forbidden", "forbidden")
