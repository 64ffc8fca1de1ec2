"""The rules of a placing on a real server: each count and window is checked by the step that accepts."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bridge.bus.controls.kill_switch import set_halt
from bridge.bus.records.admission import AdmissionRules
from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.busy import BUSY_S
from tests.stacks.bus import front, full, serving, submit
from tests.stacks.gated import TERMS, Gated

OTHER = "ibm-sell-two"


async def refusal(bus_client: Any, key: str) -> ToolError:
    with pytest.raises(ToolError) as caught:
        await submit(bus_client, key=key)
    return caught.value


async def test_an_open_gate_lets_orders_pass_and_remembers_them(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, per_minute=5, per_day=5, duplicate_window_ms=30_000))
    async with serving(redis_url, session, desk.handle) as bus, front(redis_url, session) as bus_client:
        await submit(bus_client, key="first-key")
        kept = await bus.pipe.send("ZRANGE", bus.keys.accepted, 0, -1)
        window = await bus.pipe.send("PTTL", bus.keys.duplicate(TERMS))

    assert desk.sent == ["first-key"]
    assert kept == [b"first-key"]
    assert 25_000 < window <= 30_000


@pytest.mark.parametrize(("limits", "name"), [({"per_minute": 2}, "minute"), ({"per_day": 2}, "day")])
async def test_orders_past_a_count_are_refused_and_the_key_stays_free(
    redis_url: str, session: str, limits: dict[str, Any], name: str
) -> None:
    desk = Gated(AdmissionRules(TERMS, **limits))
    async with serving(redis_url, session, desk.handle), front(redis_url, session) as bus_client:
        await submit(bus_client, key="key-number-1")
        await submit(bus_client, key="key-number-2")
        error = await refusal(bus_client, "key-number-3")
        desk.gate = replace(desk.gate, per_minute=0, per_day=0)
        await submit(bus_client, key="key-number-3")

    assert error.code == "limit_exceeded"
    assert error.details["limit"] == f"max_orders_per_{name}"
    assert error.details["allowed"] == 2
    assert desk.sent == ["key-number-1", "key-number-2", "key-number-3"]


@pytest.mark.parametrize("limits", [{"per_minute": 4}, {"per_day": 4}])
async def test_orders_that_go_out_together_count_each(redis_url: str, session: str, limits: dict[str, Any]) -> None:
    desk = Gated(AdmissionRules(TERMS, orders=3, **limits))
    async with serving(redis_url, session, desk.handle), front(redis_url, session) as bus_client:
        await submit(bus_client, key="a-bracket")
        assert (await refusal(bus_client, "another-bracket")).code == "limit_exceeded"
        desk.gate = replace(desk.gate, orders=1)
        await submit(bus_client, key="one-order")
        assert (await refusal(bus_client, "one-too-many")).code == "limit_exceeded"

    assert desk.sent == ["a-bracket", "one-order"]


@pytest.mark.fault(73, 106)
async def test_a_day_begins_when_the_exchange_says(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, per_day=1))
    async with serving(redis_url, session, desk.handle) as bus, front(redis_url, session) as bus_client:
        await submit(bus_client, key="key-of-today")
        desk.gate = replace(desk.gate, day_from_ms=bus.pipe.clock.now_ms() + 60_000)
        await submit(bus_client, key="key-of-tomorrow")

    assert len(desk.sent) == 2


@pytest.mark.fault(106)
async def test_concurrent_orders_never_pass_a_count_together(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, per_minute=3))
    async with serving(redis_url, session, desk.handle), front(redis_url, session) as bus_client:
        calls = [submit(bus_client, key=f"race-key-{n}") for n in range(12)]
        answers = await asyncio.gather(*calls, return_exceptions=True)

    assert len(desk.sent) == 3
    assert sum(isinstance(each, ToolError) for each in answers) == 9


async def test_an_equal_order_is_held_until_its_caller_names_the_earlier_one(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, duplicate_window_ms=30_000))
    async with serving(redis_url, session, desk.handle), front(redis_url, session) as bus_client:
        await submit(bus_client, key="first-key")
        error = await refusal(bus_client, "other-key")
        desk.gate = replace(desk.gate, duplicate_of="not-that-key")
        assert (await refusal(bus_client, "other-key")).code == "possible_duplicate"
        desk.gate = replace(desk.gate, duplicate_of="first-key")
        await submit(bus_client, key="other-key")

    assert (error.code, error.details["duplicateOf"]) == ("possible_duplicate", "first-key")
    assert desk.sent == ["first-key", "other-key"]


class Unsent(Gated):
    """Accepts each, and sends none."""

    async def handle(self, context: RequestContext) -> bytes:
        await super().handle(context)
        context.mark_not_sent()
        raise ToolError("not_executed", "Nothing was sent.")


@pytest.mark.parametrize("orders", [1, 3])
async def test_an_order_that_was_certainly_not_sent_holds_up_and_counts_for_nothing(
    redis_url: str, session: str, orders: int
) -> None:
    gate = AdmissionRules(TERMS, orders=orders, per_minute=orders, per_day=orders, duplicate_window_ms=30_000)
    async with front(redis_url, session) as bus_client:
        async with serving(redis_url, session, Unsent(gate).handle) as bus:
            assert (await refusal(bus_client, "unsent-key")).code == "not_executed"
            assert await bus.pipe.send("ZCARD", bus.keys.accepted) == 0
        desk = Gated(gate)
        async with serving(redis_url, session, desk.handle):
            await submit(bus_client, key="other-key")
            assert (await refusal(bus_client, "third-key")).code == "limit_exceeded"

    assert desk.sent == ["other-key"]


async def test_what_an_unsent_order_takes_back_is_its_own(redis_url: str, session: str) -> None:
    gate = AdmissionRules(TERMS, per_minute=9, duplicate_window_ms=30_000)
    async with front(redis_url, session) as bus_client:
        async with serving(redis_url, session, Gated(gate).handle):
            await submit(bus_client, key="first-key")
        async with serving(redis_url, session, Unsent(replace(gate, duplicate_of="first-key")).handle) as bus:
            await refusal(bus_client, "unsent-key")
            kept = await bus.pipe.send("ZRANGE", bus.keys.accepted, 0, -1)
            left_ms = await bus.pipe.send("PTTL", bus.keys.duplicate(TERMS))
        async with serving(redis_url, session, Gated(gate).handle):
            error = await refusal(bus_client, "third-key")

    assert kept == [b"first-key"]
    assert 0 < left_ms <= 30_000
    assert (error.code, error.details["duplicateOf"]) == ("possible_duplicate", "first-key")


async def test_other_terms_are_no_duplicate_and_a_window_ends(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, duplicate_window_ms=30))
    async with serving(redis_url, session, desk.handle) as bus, front(redis_url, session) as bus_client:
        await submit(bus_client, key="first-key")
        desk.gate = AdmissionRules(OTHER, duplicate_window_ms=30_000)
        await submit(bus_client, key="other-terms")
        await bus.pipe.send("DEL", bus.keys.duplicate(TERMS))
        desk.gate = AdmissionRules(TERMS, duplicate_window_ms=30_000)
        await submit(bus_client, key="later-key")

    assert len(desk.sent) == 3


@pytest.mark.fault(105)
@pytest.mark.parametrize(
    ("level", "closing", "passes"),
    [("halt", False, False), ("halt", True, False), ("reduce_only", False, False), ("reduce_only", True, True)],
)
async def test_the_kill_switch_is_seen_by_the_accepting_step(
    redis_url: str, session: str, level: Any, closing: bool, passes: bool
) -> None:
    desk = Gated(AdmissionRules(TERMS, closing=closing))
    async with serving(redis_url, session, desk.handle) as bus, front(redis_url, session) as bus_client:
        await set_halt(bus.pipe, bus.keys, level, "anna", "test")
        if passes:
            await submit(bus_client, key="the-key-1")
        else:
            error = await refusal(bus_client, "the-key-1")
            assert (error.code, error.details["level"]) == ("halted", level)

    assert desk.sent == (["the-key-1"] if passes else [])


async def test_a_cancel_passes_the_kill_switch(redis_url: str, session: str) -> None:
    sent: list[str | None] = []

    async def cancel(context: RequestContext) -> bytes:
        await context.accept()
        sent.append(context.key)
        return b"{}"

    async with serving(redis_url, session, cancel) as bus, front(redis_url, session) as bus_client:
        await set_halt(bus.pipe, bus.keys, "halt", "anna", "test")
        await submit(bus_client, key="a-cancel-key")

    assert sent == ["a-cancel-key"]


async def test_a_closing_order_passes_the_counts(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, per_minute=1, per_day=1))
    async with serving(redis_url, session, desk.handle), front(redis_url, session) as bus_client:
        await submit(bus_client, key="opening-1")
        desk.gate = replace(desk.gate, closing=True)
        await submit(bus_client, key="closing-1")

    assert len(desk.sent) == 2


async def test_what_became_of_a_call_is_told_while_redis_is_out_of_memory(
    own_redis: EmbeddedRedis, session: str
) -> None:
    accepted, goes_on = asyncio.Event(), asyncio.Event()

    async def handle(context: RequestContext) -> bytes:
        if context.key == "an-early-key":
            await context.accept()
        accepted.set()
        await goes_on.wait()
        if context.key != "an-early-key":
            raise ToolError("read_only", "no")
        return b"{}"

    async with serving(own_redis.url, session, handle) as bus, front(own_redis.url, session) as bus_client:
        for key in ("an-early-key", "a-refused-key"):
            accepted.clear()
            goes_on.clear()
            call = asyncio.create_task(submit(bus_client, key=key))
            await accepted.wait()
            async with full(bus.pipe), asyncio.timeout(3 + BUSY_S):
                goes_on.set()
                await asyncio.wait([call])
            if key == "an-early-key":
                assert await call == b"{}"
            else:
                with pytest.raises(ToolError, match="read_only"):
                    await call


async def test_a_full_redis_is_said_to_be_full(own_redis: EmbeddedRedis, session: str) -> None:
    async with front(own_redis.url, session) as bus_client, full(bus_client.pipe):
        with pytest.raises(ToolError) as written:
            await submit(bus_client)
        with pytest.raises(ToolError) as sealed:
            await bus_client.shared_secret()

    assert (written.value.code, written.value.details["reason"]) == ("not_executed", "bus_down")
    for message in (written.value.message, sealed.value.message):
        assert "out of memory" in message
        assert "not answer" not in message
