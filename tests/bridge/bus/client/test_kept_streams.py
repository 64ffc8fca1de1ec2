"""A front waits for the entries of a stream: woken at once, and also where the message that wakes it is lost."""

import asyncio

import pytest

from bridge.bus.events.event import Cursor
from bridge.bus.events.kept_stream import KeptBatch, KeptUpdate, record
from bridge.bus.events.stream_handles import LAPSES_MS, StreamHandle
from bridge.bus.server.server import BusServer
from tests.busy import BUSY_S
from tests.stacks.audit_log import front_and_leader

STREAM = "quotes-1"


async def put(bus: BusServer, seq: int, stream: str = STREAM) -> None:
    batch = KeptBatch(stream, "1-1", [KeptUpdate(seq, seq, "quote", b"{}")])
    await record(bus.pipe, bus.keys, bus.lease.token, [batch])


async def test_those_who_wait_for_a_stream_are_woken_and_no_others(redis_url: str, session: str) -> None:
    async with front_and_leader(redis_url, session) as (front, bus):
        waiting = [asyncio.create_task(front.streams.after(STREAM, Cursor(), 10)) for _ in range(3)]
        other = asyncio.create_task(front.streams.after("quotes-2", Cursor(), 10))
        await asyncio.sleep(0.2)
        assert not any(each.done() for each in waiting)
        await put(bus, 1)
        async with asyncio.timeout(2 + BUSY_S):
            pages = await asyncio.gather(*waiting)
        assert not other.done()
        other.cancel()

    assert [len(page.entries) for page in pages] == [1, 1, 1]


@pytest.mark.parametrize("check_s", [0.1])
async def test_a_lost_message_delays_a_reader_and_costs_nothing(redis_url: str, session: str, check_s: float) -> None:
    async with front_and_leader(redis_url, session, check_s) as (front, bus):
        front._replies.attach(bus.keys.stream_news, lambda _: None)
        waiting = asyncio.create_task(front.streams.after(STREAM, Cursor(), 10))
        await asyncio.sleep(0.05)
        front._replies.attach(bus.keys.stream_news, lambda _: None)
        await put(bus, 1)
        async with asyncio.timeout(2 + BUSY_S):
            assert len((await waiting).entries) == 1


async def test_a_handle_that_lapsed_is_none(redis_url: str, session: str) -> None:
    async with front_and_leader(redis_url, session) as (front, _):
        now = front.streams.now_ms()
        old = StreamHandle("s-1", "claude", "orders", "", "orders", {}, "0.0-0", 0, now - LAPSES_MS - 1)
        new = StreamHandle("s-2", "claude", "orders", "", "orders", {}, "0.0-0", 0, now)
        for each in (old, new):
            await front.streams.add(each)

        assert await front.streams.find("s-1") is None
        assert await front.streams.find("s-2") == new
        assert await front.streams.all() == [new]
        await front.streams.end(new)
        assert await front.streams.all() == []
