"""A live order of a host where no person is: it waits for the operator, ibkr_wait_for tells the outcome, and the same
key then goes on. The operator acts on Redis alone, as `approve` does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastmcp.client.elicitation import ElicitResult

from bridge.bus.controls.approvals import give_approval, refuse_approval, waiting_approvals
from bridge.bus.controls.kill_switch import set_halt
from ibgateway.simulator.server.server import Simulator
from mcp_front.protocol.results import ERROR_META
from tests.busy import BUSY_S
from tests.e2e.test_confirmation import ORDER, first_round, person, refusal, second_round
from tests.stacks.front import ERAS, MODERN, serving
from tests.stacks.ib_worker_process import Process, python
from tests.stacks.live import WAIVED, Live, live_stack, new_key
from tests.stacks.orders import entries
from tests.stacks.timing import patient
from tests.stacks.worker import caller
from tests.waiting import until

pytestmark = pytest.mark.fault(98)

DECIDED = ("order_approved", "order_refused")


async def placed(live: Live, key: str, era: str = MODERN, front: int = 0) -> dict[str, Any]:
    """Place the order by a host that declares no forms."""
    order: dict[str, Any] = ORDER | {"idempotencyKey": key}
    result: dict[str, Any] = await live.fronts[front].raw(era).call("ibkr_place_order", **order)
    return result


async def executed(live: Live, key: str) -> dict[str, Any]:
    """Call again with the same key while a new worker takes over, as `not_executed` says."""
    results: list[dict[str, Any]] = []

    async def answered() -> bool:
        results.append(await placed(live, key))
        return not results[-1]["isError"] or refusal(results[-1])[0] not in ("not_executed", "not_ready")

    await until(answered, "a new worker answers", timeout_s=60)
    return results[-1]


async def decided(live: Live, key: str, era: str = MODERN, **arguments: Any) -> dict[str, Any]:
    """Wait for the operator's decision as a model would."""
    events = [{"event": event, "orderKey": key} for event in DECIDED]
    asked: dict[str, Any] = {"events": events, "timeout_seconds": 20} | arguments
    result = await live.fronts[0].raw(era).call("ibkr_wait_for", **asked)
    found: dict[str, Any] = result["structuredContent"] if not result["isError"] else result["_meta"][ERROR_META]
    return found


async def approve(live: Live) -> None:
    pipe, keys = live.beside.bus_client.pipe, live.beside.bus_client.keys
    (waiting,) = await waiting_approvals(pipe, keys)
    assert await give_approval(pipe, keys, waiting.key, waiting.digest, "operator anna")


async def refuse(live: Live, reason: str) -> None:
    pipe, keys = live.beside.bus_client.pipe, live.beside.bus_client.keys
    (waiting,) = await waiting_approvals(pipe, keys)
    assert await refuse_approval(pipe, keys, waiting.key, waiting.digest, "operator anna", reason)


@asynccontextmanager
async def live_worker(redis_url: str, session: str, sim: Simulator, beat: Path) -> AsyncIterator[Process]:
    """A worker in live mode as a process of its own, which is killed at the end."""
    limits = {f"LIMIT_{name.upper()}": str(value) for name, value in WAIVED}
    process = await python(
        "ib_worker", REDIS_URL=redis_url, IBKR_SESSION=session, GATEWAY_PORT=str(sim.port), BEAT_FILE=str(beat),
        TRADING_MODE="live", LIVE_ACCOUNTS="DU1234567", **limits,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize(("action", "word"), [("decline", "declined"), ("cancel", "closed")])
async def test_a_form_that_its_host_ends_by_itself_leaves_the_order_to_the_operator(
    redis_url: str, session: str, action: Any, word: str
) -> None:
    shown: list[str] = []
    key = new_key()
    order = ORDER | {"idempotencyKey": key}
    async with live_stack(redis_url, session) as live:
        handler = person(shown, ElicitResult(action=action))
        async with live.fronts[0].client(elicitation_handler=handler) as client:
            held = await client.call_tool("ibkr_place_order", order, raise_on_error=False)
            waiting = asyncio.create_task(decided(live, key))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            assert live.frames == 0
            await approve(live)
            async with asyncio.timeout(3 + BUSY_S):
                found = await waiting
            filled = await client.call_tool("ibkr_place_order", order)
            again = await client.call_tool("ibkr_place_order", order)
        intents = [each for each in await entries(live.beside) if each.event == "intent"]

    error = (held.meta or {})[ERROR_META]
    assert (error["code"], error["idempotencyKey"], error["waits_seconds"]) == ("approval_required", key, 900)
    text = held.content[0].text
    assert f"The client {word} the form by itself, within 2 s, before a person can have read it." in text
    assert f"Ask the operator to approve {key} within 15 minutes" in text
    assert "ibkr_wait_for with the events order_approved and order_refused" in text
    assert "SIMULATED, no real money. Place: BUY 2 AAPL" in text
    assert (found["event"], found["happened"]["details"]["by"]) == ("order_approved", "operator anna")
    assert filled.structured_content["status"] == again.structured_content["status"] == "Filled"
    assert [each.details["approved_by"] for each in intents] == ["operator anna"]
    assert (len(shown), live.frames) == (1, 1)


async def test_nobody_is_asked_about_an_order_that_the_kill_switch_holds_up(redis_url: str, session: str) -> None:
    async with live_stack(redis_url, session) as live:
        pipe, keys = live.beside.bus_client.pipe, live.beside.bus_client.keys
        await set_halt(pipe, keys, "halt", "operator anna", "a test")
        held = await placed(live, new_key())
        waiting = await waiting_approvals(pipe, keys)

    assert refusal(held)[0] == "halted"
    assert waiting == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_host_without_forms_waits_and_the_same_key_brings_the_fill(
    redis_url: str, session: str, era: str
) -> None:
    key = new_key()
    async with live_stack(redis_url, session, replicas=2) as live:
        held = await placed(live, key, era)
        waiting = asyncio.create_task(decided(live, key, era))
        await asyncio.sleep(0.3)
        await approve(live)
        found = await waiting
        told_already = await decided(live, key, era)
        filled = [await placed(live, key, era, front) for front in (0, 1)]

    assert refusal(held)[0] == "approval_required"
    assert found["event"] == told_already["event"] == "order_approved"
    assert told_already["waited_seconds"] < 5
    assert [each["structuredContent"]["status"] for each in filled] == ["Filled"] * 2
    assert live.frames == 1


async def test_a_person_who_read_the_form_and_declines_has_refused(redis_url: str, session: str) -> None:
    key = new_key()
    async with live_stack(redis_url, session, bus_timing=patient(read_form_s=0.2)) as live:
        raw = live.fronts[0].raw()
        asked = await first_round(raw, idempotencyKey=key)
        await asyncio.sleep(0.3)
        no = {"confirmation": {"action": "decline"}}
        declined = await second_round(raw, asked["requestState"], no, idempotencyKey=key)
        found = await decided(live, key)
        waiting = await waiting_approvals(live.beside.bus_client.pipe, live.beside.bus_client.keys)

    assert refusal(declined) == ("approval_declined", "declined")
    assert (found["event"], found["happened"]["details"]["state"]) == ("order_refused", "refused")
    assert found["happened"]["details"]["reason"] == "the form was declined at the client"
    assert (waiting, live.frames) == ([], 0)


async def test_what_the_operator_refuses_reaches_the_call_the_wait_and_the_audit_log(
    redis_url: str, session: str
) -> None:
    key = new_key()
    async with live_stack(redis_url, session) as live:
        await placed(live, key)
        waiting = asyncio.create_task(decided(live, key))
        await asyncio.sleep(0.3)
        await refuse(live, "larger than we agreed")
        found, again = await waiting, await placed(live, key)

        async def audited() -> bool:
            kept = await entries(live.beside)
            return any(each.caller == "operator anna" and each.status == "approval_refused" for each in kept)

        await until(audited, "the refusal is in the audit log")

    assert (found["event"], found["happened"]["details"]["reason"]) == ("order_refused", "larger than we agreed")
    assert refusal(again) == ("approval_refused", "larger than we agreed")
    assert "larger than we agreed" in again["content"][0]["text"]
    assert live.frames == 0


async def test_a_halt_ends_the_wait_for_a_decision(redis_url: str, session: str) -> None:
    key = new_key()
    async with live_stack(redis_url, session) as live:
        await placed(live, key)
        waiting = asyncio.create_task(decided(live, key))
        await asyncio.sleep(0.3)
        await live.beside.bus_client.halt("anna", "enough")
        found = await waiting

    assert (found["event"], found["happened"]["details"]) == ("order_refused", {"state": "voided"})
    assert live.frames == 0


async def test_nobody_waits_for_a_decision_that_nobody_was_asked_for(redis_url: str, session: str) -> None:
    async with live_stack(redis_url, session) as live:
        error = await decided(live, new_key())

    assert error["code"] == "not_found"
    assert "No live order waits for approval under" in error["message"]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("approved_by_then", [True, False])
async def test_a_decision_outlives_the_worker_that_asked_for_it(
    redis_url: str, session: str, tmp_path: Path, approved_by_then: bool
) -> None:
    key = new_key()
    async with (
        Simulator() as sim,
        serving(redis_url, session) as front,
        caller(redis_url, session) as beside,
    ):
        live = Live([front], sim, beside)
        async with live_worker(redis_url, session, sim, tmp_path / "one") as process:
            await beside.writable(60)
            held = await placed(live, key)
            none = await decided(live, key, timeout_seconds=1)
            if approved_by_then:
                await approve(live)
            process.kill()
            await process.wait()
        if not approved_by_then:
            await approve(live)
        found = await decided(live, key, cursor=none["cursor"])  # no worker is needed for what happened since
        async with live_worker(redis_url, session, sim, tmp_path / "two"):
            filled = [await executed(live, key) for _ in range(2)]

    assert (refusal(held)[0], none["event"]) == ("approval_required", "none")
    assert (found["event"], found["gap"], found["waited_seconds"] < 3) == ("order_approved", False, True)
    assert [each["structuredContent"]["status"] for each in filled] == ["Filled"] * 2
    assert live.frames == 1
