"""Damaged messages and records are dropped and counted; they stop neither side."""

import asyncio
from typing import Any

import msgspec
import pytest

from bridge.bus.messages import VERSION, Request, encode_request
from bridge.tool import ToolError
from tests.stacks.bus import KEY, Broker, ask, front, serving, submit
from tests.waiting import until

SENT = Request(VERSION, "r-9", "get_positions", msgspec.Raw(b"{}"), "f9", 2**50, "claude", "r-9")
MESSAGES = {
    "bad UTF-8": b'{"id":"\xff\xfe"}',
    "bad UTF-8 in a part that is passed on raw": encode_request(SENT).replace(b"{}", b'{"symbol":"\xff"}'),
    "no JSON": b"\x93\x01\x02\xc0",
    "cut": encode_request(SENT)[:-7],
    "empty": b"",
    "of other types": b'{"v":"one","id":7,"ok":"yes"}',
    "too deep": b"[" * 100_000,
    "huge": b'"' + b"x" * 9 * 1024 * 1024 + b'"',
    "a time beyond all times": encode_request(SENT).replace(b"1125899906842624", b"9" * 400),
    "of an unknown version": b'{"v":99,"envelope":{}}',
}


@pytest.mark.trial("B6")
@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
async def test_an_unreadable_message_is_dropped_and_counted_and_calls_go_on(
    redis_url: str, session: str, message: bytes
) -> None:
    broker = Broker()
    broker.after.clear()
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as bus_client:
        reading = asyncio.create_task(ask(bus_client))
        writing = asyncio.create_task(submit(bus_client))
        await until(lambda: len(broker.asked) == 2, "both are in hand")
        heard = [
            await bus.pipe.send("SPUBLISH", bus_client.keys.requests, message),
            await bus.pipe.send("SPUBLISH", bus_client.keys.replies(bus_client._replies.front), message),
        ]
        await until(lambda: (bus.unreadable, bus_client._replies.unreadable) == (1, 1), "both have dropped it")
        broker.after.set()
        answers = [await reading, await writing, await ask(bus_client)]

    assert heard == [1, 1]
    assert answers == [broker.answer] * 3


@pytest.mark.trial("B6")
async def test_an_unreadable_tick_is_dropped_and_the_stream_goes_on(redis_url: str, session: str) -> None:
    async with serving(redis_url, session, Broker().handle) as bus, front(redis_url, session) as bus_client:
        async with bus_client.listen("quote.1") as feed:
            for message in MESSAGES.values():
                await bus.pipe.send("SPUBLISH", bus_client.keys.ticks("quote.1"), message)
            bus.publish("quote.1", "quote", b"1")
            [tick] = await anext(feed)
        dropped = bus_client._replies.unreadable

    assert (tick.seq, bytes(tick.body)) == (1, b"1")
    assert dropped == len(MESSAGES)


@pytest.mark.trial("B7")
@pytest.mark.parametrize(
    "fields",
    [{"res": b"\xff"}, {"res": b"{"}, {"req": b"\xff"}, {"req": b"7"}, {"st": b"odd"}, {"t_done": b"x"}],
)
async def test_a_damaged_record_is_no_answer_and_no_second_order(
    redis_url: str, session: str, fields: dict[str, Any]
) -> None:
    broker = Broker()
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as bus_client:
        await submit(bus_client)
        await bus.pipe.send("HSET", bus_client.keys.order(KEY), *[part for pair in fields.items() for part in pair])
        try:
            answer = await submit(bus_client)
        except ToolError as error:
            answer = error.code.encode()
        other = await submit(bus_client, key="another-key")

    assert answer in (b"unknown", b"idempotency_conflict", b'{"orderId":7,"replayed":true}')
    assert other == broker.answer
    assert broker.sent == {KEY: 1, "another-key": 1}


@pytest.mark.trial("B7")
async def test_a_damaged_record_in_flight_keeps_no_worker_from_serving(redis_url: str, session: str) -> None:
    async with front(redis_url, session) as bus_client, serving(redis_url, session, Broker().handle) as bus:
        await bus.pipe.send("SADD", bus_client.keys.inflight, "damaged-1", "damaged-2", "damaged-3")
        await bus.pipe.send("HSET", bus_client.keys.order("damaged-1"), "st", "accepted", "att", "a", "req", b"\xff")
        await bus.pipe.send("HSET", bus_client.keys.order("damaged-2"), "st", "odd", "att", "a", "req", b"{}")
        await bus.pipe.send("SET", bus_client.keys.order("damaged-3"), "no hash")

        assert await bus.records.unfinished() == []
