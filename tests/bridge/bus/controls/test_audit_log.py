"""The audit log on a real server: one chain, written by the leader alone, read page by page."""

import asyncio

import msgspec
import pytest

from bridge.audit_chain import GENESIS, AuditEntry, digest, verify
from bridge.bus.controls import audit_log
from bridge.bus.controls.audit_index import find_entries, ref_name
from bridge.bus.controls.audit_log import AuditLog, new_entry, read_back, read_head, read_log, trim
from bridge.bus.keys import Keys
from bridge.bus.transport.errors import Fenced
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.audit_log import leading, lines_of
from tests.stacks.bus import full, pipe_to


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
    monkeypatch.setattr(audit_log, "PAGE", 3)
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


async def test_entries_that_come_together_are_written_in_one_step(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        await log.append("first")
        last = await log.append_all([new_entry("fill", orderId=n, orderRef=f"order-{n}") for n in range(30)])
        again = await log.append("last")
        lines = await lines_of(bus.pipe, session)
        head = await read_head(bus.pipe, bus.keys.audit_head)
        found = await find_entries(bus.pipe, bus.keys, [ref_name("order-7")])

    assert (last, again) == (31, 32)
    assert list(verify(lines, head)) == []
    assert [msgspec.json.decode(line, type=AuditEntry).orderId for line in lines[1:-1]] == list(range(30))
    assert found == [9]


async def test_entries_whose_answer_was_lost_are_not_written_twice(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        await log.append("first")
        entries = [new_entry("fill", orderId=number) for number in range(3)]
        head = await read_head(bus.pipe, bus.keys.audit_head)
        await log.append_all(entries)
        log._head = head  # as if the answer had not come
        await log.append_all(entries)
        lines = await lines_of(bus.pipe, session)

    assert len(lines) == 4


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
    monkeypatch.setattr(audit_log, "PAGE", 4)
    async with leading(redis_url, session) as (bus, log):
        for _ in range(9):
            await log.append("fill")
        lines = await lines_of(bus.pipe, session)
        rest = await lines_of(bus.pipe, session, after=7)

    assert len(lines) == 9
    assert rest == lines[7:]
    assert msgspec.json.decode(rest[0], type=AuditEntry).prev == digest(lines[6])


async def test_the_log_is_trimmed_while_redis_is_out_of_memory(own_redis: EmbeddedRedis, session: str) -> None:
    async with leading(own_redis.url, session) as (bus, log):
        await log.append("sent")
        [line] = await lines_of(bus.pipe, session)
        async with full(bus.pipe):
            assert await trim(bus.pipe, bus.keys, line)

        assert await lines_of(bus.pipe, session) == []
