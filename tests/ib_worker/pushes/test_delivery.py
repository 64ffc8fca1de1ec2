"""Delivery to a webhook on loopback: each event at least once and in order, over what is down and what restarts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from pydantic import SecretStr
from structlog.typing import EventDict

from bridge.bus.events.event import Cursor, EventDraft, ReadEvent, SessionEvent
from bridge.bus.events.event_log import log_events
from bridge.bus.events.watches import read_places
from bridge.bus.server.server import BusServer
from bridge.bus.transport.connection import NotSent
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
    bus: BusServer,
    hook: Webhook,
    timing: PushTiming = QUICK,
    groups: Collection[str] = FILLS,
    table: type[WatchTable] = WatchTable,
    scheme: str = "http",
) -> AsyncIterator[Counter[tuple[str, str]]]:
    """Deliver to the hook, and yield the counts of the pushes."""
    target = AlertTarget("desk", scheme, SecretStr(hook.ntfy_url if scheme == "ntfy" else hook.url))

    def push(to: AlertTarget, events: Sequence[ReadEvent], lost: bool) -> None:
        send(to, events, "paper", "0123456789abcdef", lost)

    counted: Counter[tuple[str, str]] = Counter()
    delivery = PushDelivery(target, table(bus.pipe, bus.keys, bus.lease.token), groups, push, timing, counted)
    running = asyncio.create_task(delivery.run())
    await asyncio.sleep(0.2)  # it begins with what is new from here on
    try:
        yield counted
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def got(hook: Webhook) -> list[str]:
    return [each["details"]["execId"] for each in hook.events]


def told(hook: Webhook, scheme: str) -> int:
    return len(hook.lines if scheme == "ntfy" else got(hook))


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


async def test_an_ntfy_server_that_is_down_or_loses_its_answer_gets_each_event_under_its_id(
    redis_url: str, session: str
) -> None:
    hook = Webhook(cut=1)
    async with leading(redis_url, session) as (bus, _):
        async with listening(hook):
            pass  # its port is known, and it is down
        async with delivering(bus, hook, scheme="ntfy") as counted:
            await fills(bus, "a", "b")
            await until(lambda: counted["desk", "failed"], "a push has failed")
            async with listening(hook):
                await until(lambda: counted["desk", "sent"] == 1, "it has come, and its answer")
                await fills(bus, "c")
                await until(lambda: counted["desk", "sent"] == 2, "the next has come")

    ids = [line.partition("event_id paper/")[2] for line in hook.lines]
    assert ids[:2] == ids[2:4]
    assert len(set(ids)) == 3
    assert len(ids) == 5


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


class Forgetful(WatchTable):
    """A table whose Redis is away when the first place behind an event is to be stored."""

    away = True

    async def store_place(self, reader: str, at: Cursor) -> None:
        if self.away and at.number:
            self.away = False
            raise NotSent("the server closed the connection")
        await super().store_place(reader, at)


async def test_a_place_that_redis_did_not_take_is_stored_when_it_is_back(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _), listening(Webhook()) as hook:
        async with delivering(bus, hook, table=Forgetful):
            await fills(bus, "a")

            async def is_stored() -> bool:
                return (await read_places(bus.pipe, bus.keys))["target desk"].number == 1

            await until(is_stored, "the place is stored")
        async with delivering(bus, hook):
            await fills(bus, "b")
            await until(lambda: "b" in got(hook), "the next has come")

    assert got(hook) == ["a", "b"]


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
@pytest.mark.parametrize("scheme", ["http", "ntfy"])
async def test_a_target_that_is_down_for_a_minute_gets_all_of_it_once(
    redis_url: str, session: str, scheme: str
) -> None:
    hook = Webhook()
    async with leading(redis_url, session) as (bus, _):
        async with listening(hook):
            pass  # its port is known, and it is down
        async with delivering(bus, hook, USUAL, scheme=scheme) as counted:
            for number in range(60):
                await fills(bus, str(number))
                await asyncio.sleep(1)
            async with listening(hook):
                back = asyncio.get_running_loop().time()
                await until(lambda: told(hook, scheme) == 60, "all have come", timeout_s=60)
                late = hook.at[-1] - back
            assert counted["desk", "sent"] == len(hook.bodies)

    if scheme == "http":
        assert got(hook) == [str(number) for number in range(60)]
    else:
        assert len({*hook.lines}) == len(hook.lines) == 60  # each has an id of its own
    assert late < 2 * USUAL.longest_pause_s
