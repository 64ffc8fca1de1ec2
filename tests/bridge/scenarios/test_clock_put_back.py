"""The clock of Redis' host was put back by an hour: what was written before lies in the future, and counts no more."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bridge.bus.controls.approvals import Approval, answer_form, ask_approval, give_approval
from bridge.bus.controls.confirmation_tokens import TokenGrant, store_preview, take_preview
from bridge.bus.keys import Keys
from bridge.bus.leadership.failover import FailoverSignals
from bridge.bus.leadership.lease import Lease
from bridge.bus.records.admission import AdmissionRules
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from mcp_front.tools.status import session_status
from tests.stacks.bus import KEY, front, pipe_to, serving, submit
from tests.stacks.gated import TERMS, Gated
from tests.stacks.timing import patient
from tests.waiting import until

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WANTED = Approval(KEY, "digest-1", "claude", "BUY 1 AAPL")
pytestmark = pytest.mark.trial("B11")


@pytest_asyncio.fixture
async def pipe(redis_url: str) -> AsyncIterator[CommandPipeline]:
    async with pipe_to(redis_url, patient(standby_s=0.02)) as pipe:
        yield pipe


async def an_hour_ahead(pipe: CommandPipeline, name: str) -> None:
    """As if the key had been given its time to live before the clock was put back."""
    left_ms = await pipe.send("PTTL", name)
    await pipe.send("PEXPIRE", name, left_ms + HOUR_MS)


@pytest.mark.parametrize(
    ("limits", "ahead_ms", "refused"),
    [
        ({"per_minute": 1}, HOUR_MS, ""),
        ({"per_minute": 1}, 0, "max_orders_per_minute"),
        ({"per_day": 1}, 2 * DAY_MS, ""),  # of another day
        ({"per_day": 1}, HOUR_MS // 4, "max_orders_per_day"),  # of this day, and it was an order of today
    ],
)
async def test_orders_of_the_future_are_not_counted(
    redis_url: str, session: str, limits: dict[str, Any], ahead_ms: int, refused: str
) -> None:
    desk = Gated(AdmissionRules(TERMS, **limits))
    async with serving(redis_url, session, desk.handle) as bus, front(redis_url, session) as bus_client:
        now = bus.pipe.clock.now_ms()
        desk.gate = AdmissionRules(TERMS, day_from_ms=now - HOUR_MS, **limits)
        await bus.pipe.send("ZADD", bus.keys.accepted, now + ahead_ms, "an-earlier-one")
        code = ""
        try:
            await submit(bus_client)
        except ToolError as error:
            code = str(error.details["limit"])

    assert code == refused


async def test_an_equal_order_of_the_future_holds_up_nothing(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, duplicate_window_ms=30_000))
    async with serving(redis_url, session, desk.handle) as bus, front(redis_url, session) as bus_client:
        await submit(bus_client, key="first-key")
        await an_hour_ahead(bus.pipe, bus.keys.duplicate(TERMS))
        await submit(bus_client, key="second-key")
        with pytest.raises(ToolError) as caught:
            await submit(bus_client, key="third-key")

    assert desk.sent == ["first-key", "second-key"]
    assert caught.value.code == "possible_duplicate"  # the second's window is of now


@pytest.mark.parametrize("by", ["the operator", "a form"])
async def test_an_approval_of_the_future_lets_nothing_pass(pipe: CommandPipeline, session: str, by: str) -> None:
    keys = Keys(session)
    await ask_approval(pipe, keys, WANTED, "challenge-1")
    if by == "a form":
        await answer_form(pipe, keys, KEY, "challenge-1", "claude", True)
    else:
        await give_approval(pipe, keys, KEY, WANTED.digest, "anna")
    fields = dict.fromkeys(("at", "until"), 0)
    for name in fields:
        fields[name] = int(await pipe.send("HGET", keys.approval(KEY), name)) + HOUR_MS
    await pipe.send("HSET", keys.approval(KEY), "at", fields["at"], "until", fields["until"])

    assert await ask_approval(pipe, keys, WANTED, "challenge-2") == ""


async def test_a_form_of_the_future_can_not_be_answered(pipe: CommandPipeline, session: str) -> None:
    keys = Keys(session)
    await ask_approval(pipe, keys, WANTED, "challenge-1")
    for name in ("at", "form_until"):
        await pipe.send("HINCRBY", keys.approval(KEY), name, HOUR_MS)

    assert await answer_form(pipe, keys, KEY, "challenge-1", "claude", True) == "expired"


@pytest.mark.parametrize("used", [False, True])
async def test_a_confirmation_token_of_the_future_confirms_nothing(
    pipe: CommandPipeline, session: str, used: bool
) -> None:
    keys, shown = Keys(session), TokenGrant("claude", "terms-1", 99.0, 101.0)
    await store_preview(pipe, keys, "token-1", shown)
    if used:
        assert await take_preview(pipe, keys, "token-1", KEY) == shown
    await an_hour_ahead(pipe, keys.preview("token-1"))
    await an_hour_ahead(pipe, keys.preview_user("token-1"))

    assert await take_preview(pipe, keys, "token-1", KEY) is None


async def test_a_standby_of_the_future_takes_no_lease_away(pipe: CommandPipeline, session: str) -> None:
    keys, relief = Keys(session), FailoverSignals(pipe, Keys(session))
    await relief.offer()
    await relief.request()
    for name in (keys.relief, keys.cut_off):
        await an_hour_ahead(pipe, name)

    assert not await relief.requested()
    await relief.request()  # says its own part anew
    assert not await relief.request()
    assert await relief.requested()


async def test_the_lease_of_a_dead_leader_lapses_within_a_lease_and_not_an_hour_later(
    pipe: CommandPipeline, session: str
) -> None:
    keys = Keys(session)
    await Lease(pipe, keys).acquire()
    await an_hour_ahead(pipe, keys.lease)
    acquiring = asyncio.create_task(Lease(pipe, keys).acquire())

    async def cut() -> bool:
        return bool(await pipe.send("PTTL", keys.lease) <= pipe.timing.lease_s * 1000)

    await until(cut, "the lease is cut to what one is granted for")
    assert not acquiring.done()
    acquiring.cancel()
    await asyncio.gather(acquiring, return_exceptions=True)


async def test_a_heartbeat_of_the_future_is_that_of_a_worker_that_hangs(redis_url: str, session: str) -> None:
    async with (
        serving(redis_url, session, Gated(AdmissionRules(TERMS)).handle) as bus,
        front(redis_url, session) as bus_client,
    ):
        status = {"state": "ready", "is_connected": True}
        fields = ("worker", "w1", "token", "1", "status", str(status).replace("'", '"').replace("True", "true"))
        written = bus.pipe.clock.now_ms() + HOUR_MS
        await bus.pipe.send("HSET", bus.keys.heartbeat, *fields, "written_ms", written)
        told = await session_status(bus_client)

    assert told["state"] == "no_worker"
