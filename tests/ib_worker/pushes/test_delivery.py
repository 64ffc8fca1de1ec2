"""Delivery to a webhook on loopback: each event at least once and in order, over what is down and what restarts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from pydantic import SecretStr
from structlog.typing import EventDict

from bridge.bus.events.event import EventDraft, ReadEvent, SessionEvent
from bridge.bus.events.event_log import log_events
from bridge.bus.server.server import BusServer
from ib_worker.pushes.channels import send
from ib_worker.pushes.delivery import USUAL, PushDelivery, PushTiming
from ib_worker.pushes.target import AlertTarget
from ib_worker.watches.table import WatchTable
from tests.busy import BUSY_S
from tests.stacks.audit_log import leading
from tests.stacks.webhook import Webhook, listening
from tests.waiting import until

QUICK = PushTiming(look_s=0.05, first_pause_s=0.1, longest_pause_s=0.4)
FILLS: Collection[str] = ("fills",)


async def fills(bus: BusServer, *names: str) -> None:
    for each in names:
        details = {"action": "BUY", "shares": 1.0, "price": 400.0, "execId": each}
        event = SessionEvent("execution", "2026-01-02T03:04:05Z", symbol="SPY", details=details)
        await log_events(bus.pipe, bus.keys, bus.lease.token, [EventDraft(f"execution {each}", each, event)])


@asynccontextmanager
async def delivering(
    bus: BusServer, hook: Webhook, timing: PushTiming = QUICK, groups: Collection[str] = FILLS
) -> AsyncIterator[Counter[tuple[str, str]]]:
    """Deliver to the hook, and yield the counts of the pushes."""
    target = AlertTarget("desk", "http", SecretStr(hook.url))

    def push(to: AlertTarget, events: Sequence[ReadEvent], lost: bool) -> None:
        send(to, events, "paper", "0123456789abcdef", lost)

    counted: Counter[tuple[str, str]] = Counter()
    table = WatchTable(bus.pipe, bus.keys, bus.lease.token)
    delivery = PushDelivery(target, table, groups, push, timing, counted)
    running = asyncio.create_task(delivery.run())
    await asyncio.sleep(0.2)  # it begins with what is new from here on
    try:
        yield counted
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def got(hook: Webhook) -> list[str]:
    return [each["details"]["execId"] for each in hook.events]


async def test_each_event_comes_once_and_nothing_from_before(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _), listening(Webhook()) as hook:
        await fills(bus, "before")
        async with delivering(bus, hook):
            await fills(bus, "a", "b")
            await until(lambda: len(got(hook)) == 2, "both have come")
            await fills(bus, "c")
            await until(lambda: len(got(hook)) == 3, "the third has come", timeout_s=3 + BUSY_S)

    assert got(hook) == ["a", "b", "c"]


async def test_what_happens_while_a_target_is_down_comes_late_and_once(
    redis_url: str, session: str, logs: list[EventDict]
) -> None:
    hook = Webhook()
    async with leading(redis_url, session) as (bus, _):
        async with listening(hook):
            pass  # its port is known, and it is down
        async with delivering(bus, hook) as counted:
            await fills(bus, "a", "b")
            await until(lambda: "push_failed" in str(logs), "a push has failed")
            await fills(bus, "c")
            async with listening(hook):
                await until(lambda: len(got(hook)) == 3, "all have come")
                await asyncio.sleep(0.3)

    assert got(hook) == ["a", "b", "c"]
    assert len(set(hook.ids)) == 3
    assert counted["desk", "failed"] >= 1
    assert counted["desk", "sent"] == len(hook.bodies)
    assert hook.url not in str(logs)
    assert "secret" not in str(logs)


async def test_a_restart_loses_nothing_and_repeats_nothing(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _), listening(Webhook()) as hook:
        async with delivering(bus, hook):
            await fills(bus, "a")
            await until(partial(len, hook.bodies), "the first has come")
            await asyncio.sleep(0.2)
        await fills(bus, "b", "c")
        async with delivering(bus, hook):
            await until(lambda: len(got(hook)) == 3, "the rest has come")

    assert got(hook) == ["a", "b", "c"]


async def test_an_answer_that_is_lost_is_pushed_again_under_the_same_id(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _), listening(Webhook(cut=1)) as hook, delivering(bus, hook):
        await fills(bus, "a")
        await until(lambda: len(hook.bodies) == 2, "it has come twice")
        await fills(bus, "b")
        await until(lambda: len(hook.bodies) == 3, "the next has come")

    assert got(hook) == ["a", "a", "b"]
    assert hook.ids[0] == hook.ids[1] != hook.ids[2]


async def test_a_minute_has_a_bound_and_what_waits_comes_together(redis_url: str, session: str) -> None:
    timing = PushTiming(look_s=0.02, minute_s=2.0, a_minute=3)
    async with leading(redis_url, session) as (bus, _), listening(Webhook()) as hook, delivering(bus, hook, timing):
        for number in range(12):
            await fills(bus, str(number))
            await asyncio.sleep(0.1)
        await until(lambda: len(got(hook)) == 12, "all have come")

    assert got(hook) == [str(number) for number in range(12)]
    assert all(later - earlier > 1.5 for earlier, later in zip(hook.at, hook.at[3:], strict=False))
    assert len(hook.bodies) < 9


async def test_a_push_that_is_refused_for_good_holds_up_no_later_one(
    redis_url: str, session: str, logs: list[EventDict]
) -> None:
    timing = PushTiming(look_s=0.05, first_pause_s=0.05, longest_pause_s=0.05, refusals=3)
    async with (
        leading(redis_url, session) as (bus, _),
        listening(Webhook(status="400 Bad")) as hook,
        delivering(bus, hook, timing),
    ):
        await fills(bus, "a")
        await until(lambda: "push_given_up" in str(logs), "it is given up")
        hook.status = "200 OK"
        await fills(bus, "b")
        await until(partial(len, hook.bodies), "the next has come")

    assert got(hook) == ["b"]
    assert len([each for each in logs if each["event"] == "push_failed"]) == 3


@pytest.mark.parametrize("groups", [(), ("halts",)])
async def test_a_target_gets_what_the_operator_chose_alone(
    redis_url: str, session: str, groups: Collection[str]
) -> None:
    async with (
        leading(redis_url, session) as (bus, _),
        listening(Webhook()) as hook,
        delivering(bus, hook, groups=groups),
    ):
        await fills(bus, "a")
        await asyncio.sleep(0.5)

    assert hook.bodies == []


async def test_an_event_is_at_its_target_within_three_seconds(redis_url: str, session: str) -> None:
    delays: list[float] = []
    async with (
        leading(redis_url, session) as (bus, _),
        listening(Webhook()) as hook,
        delivering(bus, hook, USUAL),
    ):
        for number in range(5):
            began = asyncio.get_running_loop().time()
            await fills(bus, str(number))
            await until(lambda: len(hook.at) > len(delays), "it has come")
            delays.append(hook.at[-1] - began)

    assert max(delays) < 3


@pytest.mark.long
async def test_a_target_that_is_down_for_a_minute_gets_all_of_it_once(redis_url: str, session: str) -> None:
    hook = Webhook()
    async with leading(redis_url, session) as (bus, _):
        async with listening(hook):
            pass  # its port is known, and it is down
        async with delivering(bus, hook, USUAL):
            for number in range(60):
                await fills(bus, str(number))
                await asyncio.sleep(1)
            async with listening(hook):
                back = asyncio.get_running_loop().time()
                await until(lambda: len(got(hook)) == 60, "all have come", timeout_s=60)
                late = hook.at[-1] - back

    assert got(hook) == [str(number) for number in range(60)]
    assert late < 2 * USUAL.longest_pause_s
