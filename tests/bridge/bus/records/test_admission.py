"""The gate of a placing, the kill switch and the audit log, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from bridge.audit_chain import GENESIS, AuditEntry, digest, verify
from bridge.bus.controls.audit_log import AuditLog, read_back, read_head, read_log, trim
from bridge.bus.controls.kill_switch import clear_halt, drop_change, next_change, read_halt, set_halt
from bridge.bus.keys import Keys
from bridge.bus.records.admission import AdmissionRules
from bridge.bus.server.request import RequestContext
from bridge.bus.server.server import BusServer
from bridge.bus.transport.connection import Full
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.bus import front, pipe_to, serving, submit

TERMS = "aapl-buy-one"
OTHER = "ibm-sell-two"


class Gated:
    """Accepts each placing through the gate it is told, and counts what went out."""

    def __init__(self, gate: AdmissionRules) -> None:
        self.gate = gate
        self.sent: list[str | None] = []

    async def handle(self, asked: RequestContext) -> bytes:
        await asked.accept(self.gate)
        self.sent.append(asked.key)
        return b"{}"


async def refusal(asker: Any, key: str) -> ToolError:
    with pytest.raises(ToolError) as caught:
        await submit(asker, key=key)
    return caught.value


async def test_an_open_gate_lets_orders_pass_and_remembers_them(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, per_minute=5, per_day=5, duplicate_window_ms=30_000))
    async with serving(redis_url, session, desk.handle) as bus, front(redis_url, session) as asker:
        await submit(asker, key="first-key")
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
    async with serving(redis_url, session, desk.handle), front(redis_url, session) as asker:
        await submit(asker, key="key-number-1")
        await submit(asker, key="key-number-2")
        error = await refusal(asker, "key-number-3")
        desk.gate = replace(desk.gate, per_minute=0, per_day=0)
        await submit(asker, key="key-number-3")

    assert error.code == "limit_exceeded"
    assert error.details["limit"] == f"max_orders_per_{name}"
    assert error.details["allowed"] == 2
    assert desk.sent == ["key-number-1", "key-number-2", "key-number-3"]


@pytest.mark.parametrize("limits", [{"per_minute": 4}, {"per_day": 4}])
async def test_orders_that_go_out_together_count_each(redis_url: str, session: str, limits: dict[str, Any]) -> None:
    desk = Gated(AdmissionRules(TERMS, orders=3, **limits))
    async with serving(redis_url, session, desk.handle), front(redis_url, session) as asker:
        await submit(asker, key="a-bracket")
        assert (await refusal(asker, "another-bracket")).code == "limit_exceeded"
        desk.gate = replace(desk.gate, orders=1)
        await submit(asker, key="one-order")
        assert (await refusal(asker, "one-too-many")).code == "limit_exceeded"

    assert desk.sent == ["a-bracket", "one-order"]


@pytest.mark.fault(73, 106)
async def test_a_day_begins_when_the_exchange_says(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, per_day=1))
    async with serving(redis_url, session, desk.handle) as bus, front(redis_url, session) as asker:
        await submit(asker, key="key-of-today")
        desk.gate = replace(desk.gate, day_from_ms=bus.pipe.clock.now_ms() + 60_000)
        await submit(asker, key="key-of-tomorrow")

    assert len(desk.sent) == 2


@pytest.mark.fault(106)
async def test_concurrent_orders_never_pass_a_count_together(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, per_minute=3))
    async with serving(redis_url, session, desk.handle), front(redis_url, session) as asker:
        calls = [submit(asker, key=f"race-key-{n}") for n in range(12)]
        answers = await asyncio.gather(*calls, return_exceptions=True)

    assert len(desk.sent) == 3
    assert sum(isinstance(each, ToolError) for each in answers) == 9


async def test_an_equal_order_is_held_until_its_caller_names_the_earlier_one(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, duplicate_window_ms=30_000))
    async with serving(redis_url, session, desk.handle), front(redis_url, session) as asker:
        await submit(asker, key="first-key")
        error = await refusal(asker, "other-key")
        desk.gate = replace(desk.gate, duplicate_of="not-that-key")
        assert (await refusal(asker, "other-key")).code == "possible_duplicate"
        desk.gate = replace(desk.gate, duplicate_of="first-key")
        await submit(asker, key="other-key")

    assert (error.code, error.details["duplicateOf"]) == ("possible_duplicate", "first-key")
    assert desk.sent == ["first-key", "other-key"]


class Unsent(Gated):
    """Accepts each, and sends none."""

    async def handle(self, asked: RequestContext) -> bytes:
        await super().handle(asked)
        asked.nothing_sent()
        raise ToolError("not_executed", "Nothing was sent.")


@pytest.mark.parametrize("orders", [1, 3])
async def test_an_order_that_was_certainly_not_sent_holds_up_and_counts_for_nothing(
    redis_url: str, session: str, orders: int
) -> None:
    gate = AdmissionRules(TERMS, orders=orders, per_minute=orders, per_day=orders, duplicate_window_ms=30_000)
    async with front(redis_url, session) as asker:
        async with serving(redis_url, session, Unsent(gate).handle) as bus:
            assert (await refusal(asker, "unsent-key")).code == "not_executed"
            assert await bus.pipe.send("ZCARD", bus.keys.accepted) == 0
        desk = Gated(gate)
        async with serving(redis_url, session, desk.handle):
            await submit(asker, key="other-key")
            assert (await refusal(asker, "third-key")).code == "limit_exceeded"

    assert desk.sent == ["other-key"]


async def test_what_an_unsent_order_takes_back_is_its_own(redis_url: str, session: str) -> None:
    gate = AdmissionRules(TERMS, per_minute=9, duplicate_window_ms=30_000)
    async with front(redis_url, session) as asker:
        async with serving(redis_url, session, Gated(gate).handle):
            await submit(asker, key="first-key")
        async with serving(redis_url, session, Unsent(replace(gate, duplicate_of="first-key")).handle) as bus:
            await refusal(asker, "unsent-key")
            kept = await bus.pipe.send("ZRANGE", bus.keys.accepted, 0, -1)
            left_ms = await bus.pipe.send("PTTL", bus.keys.duplicate(TERMS))
        async with serving(redis_url, session, Gated(gate).handle):
            error = await refusal(asker, "third-key")

    assert kept == [b"first-key"]
    assert 0 < left_ms <= 30_000
    assert (error.code, error.details["duplicateOf"]) == ("possible_duplicate", "first-key")


async def test_other_terms_are_no_duplicate_and_a_window_ends(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, duplicate_window_ms=30))
    async with serving(redis_url, session, desk.handle) as bus, front(redis_url, session) as asker:
        await submit(asker, key="first-key")
        desk.gate = AdmissionRules(OTHER, duplicate_window_ms=30_000)
        await submit(asker, key="other-terms")
        await bus.pipe.send("DEL", bus.keys.duplicate(TERMS))
        desk.gate = AdmissionRules(TERMS, duplicate_window_ms=30_000)
        await submit(asker, key="later-key")

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
    async with serving(redis_url, session, desk.handle) as bus, front(redis_url, session) as asker:
        await set_halt(bus.pipe, bus.keys, level, "anna", "test")
        if passes:
            await submit(asker, key="the-key-1")
        else:
            error = await refusal(asker, "the-key-1")
            assert (error.code, error.details["level"]) == ("halted", level)

    assert desk.sent == (["the-key-1"] if passes else [])


async def test_a_cancel_passes_the_kill_switch(redis_url: str, session: str) -> None:
    sent: list[str | None] = []

    async def cancel(asked: RequestContext) -> bytes:
        await asked.accept()
        sent.append(asked.key)
        return b"{}"

    async with serving(redis_url, session, cancel) as bus, front(redis_url, session) as asker:
        await set_halt(bus.pipe, bus.keys, "halt", "anna", "test")
        await submit(asker, key="a-cancel-key")

    assert sent == ["a-cancel-key"]


async def test_a_closing_order_passes_the_counts(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS, per_minute=1, per_day=1))
    async with serving(redis_url, session, desk.handle), front(redis_url, session) as asker:
        await submit(asker, key="opening-1")
        desk.gate = replace(desk.gate, closing=True)
        await submit(asker, key="closing-1")

    assert len(desk.sent) == 2


async def test_the_first_halt_is_remembered_and_a_later_one_only_tightens(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        assert await read_halt(pipe, keys) is None
        first = await set_halt(pipe, keys, "reduce_only", "anna", "odd fills")
        tightened = await set_halt(pipe, keys, "halt", "bert", "worse")
        kept = await set_halt(pipe, keys, "reduce_only", "carl", "fine again")
        read = await read_halt(pipe, keys)
        cleared = [await clear_halt(pipe, keys, "bert"), await clear_halt(pipe, keys, "bert")]
        gone = await read_halt(pipe, keys)

    assert (first.level, first.by, first.reason) == ("reduce_only", "anna", "odd fills")
    assert (tightened.level, tightened.by) == ("halt", "bert")
    assert kept == tightened == read
    assert abs(first.since_ms - pipe.clock.now_ms()) < 60_000
    assert (cleared, gone) == ([True, False], None)


async def test_what_was_done_to_the_switch_waits_for_the_log_in_its_order(redis_url: str, session: str) -> None:
    keys, done = Keys(session), []
    async with pipe_to(redis_url) as pipe:
        await set_halt(pipe, keys, "reduce_only", "anna", 'odd "fills"')
        await set_halt(pipe, keys, "reduce_only", "anna", "again")
        await clear_halt(pipe, keys, "bert")
        await set_halt(pipe, keys, "halt", "carl", "worse")
        while (change := await next_change(pipe, keys)) is not None:
            done.append((change.event, change.level, change.by, change.reason))
            await drop_change(pipe, keys, change)

    assert done == [
        ("halt", "reduce_only", "anna", 'odd "fills"'), ("resume", "reduce_only", "bert", 'odd "fills"'),
        ("halt", "halt", "carl", "worse"),
    ]  # fmt: skip


async def test_what_another_leader_has_dropped_already_takes_nothing_with_it(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await set_halt(pipe, keys, "reduce_only", "anna", "odd fills")
        await set_halt(pipe, keys, "halt", "bert", "worse")
        one, same = await next_change(pipe, keys), await next_change(pipe, keys)
        assert one is not None
        assert one == same
        await drop_change(pipe, keys, one)
        await drop_change(pipe, keys, one)
        left = await next_change(pipe, keys)

    assert left is not None
    assert left.by == "bert"


@asynccontextmanager
async def leading(url: str, session: str, worker: str = "w1") -> AsyncIterator[tuple[BusServer, AuditLog]]:
    async with BusServer(url, session, worker) as bus:
        token = await bus.lead()
        yield bus, AuditLog(bus.pipe, bus.keys, token)


async def lines_of(pipe: CommandPipeline, session: str, after: int = 0) -> list[bytes]:
    return [line async for line in read_log(pipe, Keys(session), after)]


async def test_the_log_is_a_chain_that_ends_at_its_head(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        assert await read_head(bus.pipe, bus.keys.audit_head) == (0, GENESIS)
        seqs = [await log.append("sent", key=f"key-{n}", orderId=n) for n in range(5)]
        lines = await lines_of(bus.pipe, session)
        head = await read_head(bus.pipe, bus.keys.audit_head)

    assert seqs == [1, 2, 3, 4, 5]
    assert list(verify(lines, head)) == []
    last = msgspec.json.decode(lines[-1], type=AuditEntry)
    assert (last.event, last.key, last.orderId, last.token) == ("sent", "key-4", 4, str(bus.lease.token))


@pytest.mark.parametrize("length", [0, 2, 3, 7])
async def test_the_log_reads_page_by_page_from_either_end(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr("bridge.bus.controls.audit_log.PAGE", 3)
    async with leading(redis_url, session) as (bus, log):
        for number in range(length):
            await log.append("sent", orderId=number)
        lines = await lines_of(bus.pipe, session)
        newest = [line async for line in read_back(bus.pipe, bus.keys, 6)]
        part = [line async for line in read_log(bus.pipe, bus.keys, 1, 5)]

    assert [msgspec.json.decode(line, type=AuditEntry).orderId for line in lines] == list(range(length))
    assert newest == lines[::-1][:6]
    assert part == lines[1:5]


async def test_entries_of_many_tasks_form_one_chain(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        seqs = await asyncio.gather(*(log.append("fill") for _ in range(40)))
        lines = await lines_of(bus.pipe, session)
        head = await read_head(bus.pipe, bus.keys.audit_head)

    assert sorted(seqs) == list(range(1, 41))
    assert list(verify(lines, head)) == []


async def test_the_next_leader_continues_the_chain_and_the_last_one_cannot(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (_, old):
        await old.append("sent")
        async with pipe_to(redis_url) as pipe:
            await pipe.send("DEL", Keys(session).lease)
        async with leading(redis_url, session, "w2") as (bus, new):
            await new.append("takeover")
            with pytest.raises(Fenced):
                await old.append("sent")
            lines = await lines_of(bus.pipe, session)
            head = await read_head(bus.pipe, bus.keys.audit_head)

    assert [msgspec.json.decode(line, type=AuditEntry).event for line in lines] == ["sent", "takeover"]
    assert list(verify(lines, head)) == []


async def test_a_writer_that_is_behind_looks_at_the_head_and_writes(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, one):
        two = AuditLog(bus.pipe, bus.keys, bus.lease.token)
        await one.append("sent")
        await two.append("acked")
        seq = await one.append("fill")
        lines = await lines_of(bus.pipe, session)

    assert seq == 3
    assert list(verify(lines)) == []


@pytest.mark.fault(71)
async def test_a_log_that_cannot_be_written_says_that_nothing_was_sent(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        await log.append("sent")
        await bus.pipe.send("RENAME", bus.keys.audit, f"{bus.keys.audit}-aside")
        await bus.pipe.send("SET", bus.keys.audit, "not a stream")
        with pytest.raises(ToolError) as caught:
            await log.append("sent")
        await bus.pipe.send("RENAME", f"{bus.keys.audit}-aside", bus.keys.audit)
        lines = await lines_of(bus.pipe, session)

    assert caught.value.code == "audit_unavailable"
    assert len(lines) == 1


async def test_a_long_log_is_read_page_by_page(redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.bus.controls.audit_log.PAGE", 4)
    async with leading(redis_url, session) as (bus, log):
        for _ in range(9):
            await log.append("fill")
        lines = await lines_of(bus.pipe, session)
        rest = await lines_of(bus.pipe, session, after=7)

    assert len(lines) == 9
    assert rest == lines[7:]
    assert msgspec.json.decode(rest[0], type=AuditEntry).prev == digest(lines[6])


async def test_notes_are_on_the_record_before_anything_is_sent(redis_url: str, session: str) -> None:
    noted: list[dict[str, str]] = []

    async def cancel(asked: RequestContext) -> bytes:
        await asked.accept(orderRef="mcpabc", permId="77")
        record = await bus.records.read(asked.key or "")
        assert record is not None
        noted.append(record.notes)
        return b"{}"

    async with serving(redis_url, session, cancel) as bus, front(redis_url, session) as asker:
        await submit(asker, key="a-cancel-key")

    assert noted == [{"orderRef": "mcpabc", "permId": "77"}]


@asynccontextmanager
async def full(pipe: CommandPipeline) -> AsyncIterator[None]:
    """The server is out of memory meanwhile."""
    await pipe.send("CONFIG", "SET", "maxmemory", "1")
    try:
        yield
    finally:
        await pipe.send("CONFIG", "SET", "maxmemory", "0")


@pytest.mark.fault(80)
async def test_the_switch_is_set_while_redis_is_out_of_memory(own_redis: EmbeddedRedis, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS))
    async with serving(own_redis.url, session, desk.handle) as bus, front(own_redis.url, session) as asker:
        async with full(bus.pipe):
            halt = await asker.halt("anna", "it floods")
            assert await asker.halted() == halt
            with pytest.raises(Full):
                await clear_halt(bus.pipe, bus.keys, "bert")
        with pytest.raises(ToolError) as caught:
            await submit(asker)
        change = await next_change(bus.pipe, bus.keys)

    assert (halt.level, caught.value.code, desk.sent) == ("halt", "halted", [])
    assert change is not None
    assert change.reason == "it floods"


async def test_what_became_of_a_call_is_told_while_redis_is_out_of_memory(
    own_redis: EmbeddedRedis, session: str
) -> None:
    accepted, goes_on = asyncio.Event(), asyncio.Event()

    async def handle(asked: RequestContext) -> bytes:
        if asked.key == "an-early-key":
            await asked.accept()
        accepted.set()
        await goes_on.wait()
        if asked.key != "an-early-key":
            raise ToolError("read_only", "no")
        return b"{}"

    async with serving(own_redis.url, session, handle) as bus, front(own_redis.url, session) as asker:
        for key in ("an-early-key", "a-refused-key"):
            accepted.clear()
            goes_on.clear()
            call = asyncio.create_task(submit(asker, key=key))
            await accepted.wait()
            async with full(bus.pipe), asyncio.timeout(3):
                goes_on.set()
                await asyncio.wait([call])
            if key == "an-early-key":
                assert await call == b"{}"
            else:
                with pytest.raises(ToolError, match="read_only"):
                    await call


async def test_a_full_redis_is_said_to_be_full(own_redis: EmbeddedRedis, session: str) -> None:
    async with front(own_redis.url, session) as asker, full(asker.pipe):
        with pytest.raises(ToolError) as written:
            await submit(asker)
        with pytest.raises(ToolError) as sealed:
            await asker.seal()

    assert (written.value.code, written.value.details["reason"]) == ("not_executed", "bus_down")
    for message in (written.value.message, sealed.value.message):
        assert "out of memory" in message
        assert "not answer" not in message


async def test_the_log_is_trimmed_while_redis_is_out_of_memory(own_redis: EmbeddedRedis, session: str) -> None:
    async with leading(own_redis.url, session) as (bus, log):
        await log.append("sent")
        [line] = await lines_of(bus.pipe, session)
        async with full(bus.pipe):
            assert await trim(bus.pipe, bus.keys, line)

        assert await lines_of(bus.pipe, session) == []
