"""The worker's side of the bus: which requests it handles, refuses and drops, and how it stops."""

import asyncio
import time
from typing import Any

import msgspec
import pytest

from bridge.bus.client.client import BusClient
from bridge.bus.keys import Keys
from bridge.bus.messages import REQUEST_LIMIT, VERSION, Request, decode_request, encode_cancel
from bridge.bus.server.request import RequestContext
from bridge.bus.server.server import BusServer
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.busy import BUSY_S
from tests.stacks.bus import KEY, Broker, ask, front, pipe_to, serving, submit
from tests.waiting import until


@pytest.mark.fault(70)
async def test_a_bug_in_a_handler_is_internal_and_serving_goes_on(redis_url: str, session: str) -> None:
    broken = True

    async def handle(context: RequestContext) -> bytes:
        if broken:
            raise KeyError("a secret that callers need not see")
        return b"1"

    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await ask(bus_client)
        broken = False
        assert await ask(bus_client) == b"1"

    assert caught.value.code == "internal"
    assert "get_positions" in caught.value.message
    assert "secret" not in caught.value.message


async def test_a_timeout_inside_a_handler_is_a_bug_and_no_deadline(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        raise TimeoutError

    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError, match="internal"):
            await ask(bus_client)


async def test_a_late_request_is_dropped(redis_url: str, session: str) -> None:
    broker = Broker()
    async with serving(redis_url, session, broker.handle) as bus:
        now_ms = bus.pipe.clock.now_ms()
        for until_ms in (now_ms - 1000, now_ms - 1, now_ms):
            await bus.pipe.send("SPUBLISH", bus.keys.requests, request(until_ms))
        await bus.pipe.send("SPUBLISH", bus.keys.requests, request(now_ms + 5000, id="in-time"))
        await until(lambda: broker.asked, "the request that is in time is heard")

    assert [asked.request.id for asked in broker.asked] == ["in-time"]


@pytest.mark.fault(86)
async def test_what_no_front_has_sent_is_dropped(redis_url: str, session: str) -> None:
    broker = Broker()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        for message in (b"", b"not json", b"[]", b'{"v":1}', b'{"v":1,"id":5}', b"x" * (REQUEST_LIMIT + 1)):
            await bus_client.pipe.send("SPUBLISH", bus_client.keys.requests, message)
        await ask(bus_client)

    assert len(broker.asked) == 1


async def test_one_request_delivered_twice_is_handled_once(redis_url: str, session: str) -> None:
    broker = Broker()
    broker.before.clear()
    async with serving(redis_url, session, broker.handle), pipe_to(redis_url) as pipe:
        await pipe.send("PING")
        message = request(pipe.clock.now_ms() + 5000)
        await pipe.send("SPUBLISH", Keys(session).requests, message)
        await until(lambda: broker.asked, "the first delivery is in hand")
        await pipe.send("SPUBLISH", Keys(session).requests, message)
        await pipe.send("SPUBLISH", Keys(session).requests, request(pipe.clock.now_ms() + 5000, id="last"))
        await until(lambda: broker.asked[-1].request.id == "last", "the request after them is in hand")

    assert len(broker.asked) == 2


@pytest.mark.parametrize("ends", [True, False])
async def test_a_read_ends_with_its_caller_and_a_write_goes_on(redis_url: str, session: str, ends: bool) -> None:
    broker = Broker()
    broker.before.clear()
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as bus_client:
        asking = asyncio.create_task(ask(bus_client) if ends else submit(bus_client))
        await until(lambda: broker.asked, "the request is in hand")
        asking.cancel()
        if ends:
            await until(lambda: not bus._in_hand, "the read has ended", 1 + BUSY_S)
            assert broker.asked[0].caller_left
        else:
            stray = msgspec.structs.replace(broker.asked[0].request, key=None)
            await bus_client.pipe.send("SPUBLISH", bus_client.keys.requests, encode_cancel(stray))
            broker.before.set()
            assert await submit(bus_client)

    assert broker.sent == ({} if ends else {KEY: 1})


def test_a_cancel_is_late_to_a_worker_of_an_earlier_release() -> None:
    read = Request(VERSION, "f1-1", "get_positions", msgspec.Raw(b"{}"), "f1", 2**40, "claude", "r-1")

    heard = decode_request(encode_cancel(read))

    assert (heard.id, heard.until, heard.cancelled) == ("f1-1", 0, True)


@pytest.mark.fault(86, 89)
async def test_another_version_of_the_bus_is_told_to_update(redis_url: str, session: str) -> None:
    broker = Broker()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        await ask(bus_client)
        with bus_client._replies.expected("old-1") as call:
            until_ms = bus_client.pipe.clock.now_ms() + 5000
            message = request(until_ms, id="old-1", v=VERSION + 1, front=bus_client._replies.front)
            await bus_client.pipe.send("SPUBLISH", bus_client.keys.requests, message)
            reply = await asyncio.wait_for(call, 5 + BUSY_S)

    assert (reply.ok, reply.code) == (False, "internal")
    assert f"version {VERSION + 1} " in reply.message
    assert len(broker.asked) == 1


async def test_a_worker_that_no_longer_leads_takes_nothing(redis_url: str, session: str) -> None:
    broker = Broker()
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as bus_client:
        await ask(bus_client)
        bus.lease.step_down()
        with pytest.raises(ToolError):
            await ask(bus_client, deadline_s=0.2)

    assert len(broker.asked) == 1


def request(until_ms: int, **changes: Any) -> bytes:
    fields = {
        "v": VERSION, "id": "f-1", "op": "get_positions", "args": {}, "front": "f", "until": until_ms,
        "caller": "c", "request_id": "r",
    }  # fmt: skip
    return msgspec.json.encode(fields | changes)


SESSION = "faults"


@pytest.mark.fault(69)
async def test_a_stopping_worker_answers_what_it_has_in_hand(own_redis: EmbeddedRedis) -> None:
    broker = Broker()
    broker.after.clear()
    async with BusServer(own_redis.url, SESSION, "w") as bus, front(own_redis.url, SESSION) as bus_client:
        await bus.lead()
        task = asyncio.create_task(bus.serve(broker.handle))
        await until(lambda: _submitted(bus_client, broker), "the order is sent")
        await bus.stop(grace_s=5)
        await until(lambda: _no_worker(bus_client), "no more requests are taken")
        assert not task.done()
        broker.after.set()
        await task
        assert await submit(bus_client, key=KEY) == b'{"orderId":7,"replayed":true}'


@pytest.mark.fault(69)
async def test_a_stopping_worker_waits_no_longer_than_its_grace(own_redis: EmbeddedRedis) -> None:
    broker = Broker()
    broker.before.clear()
    async with BusServer(own_redis.url, SESSION, "w") as bus, front(own_redis.url, SESSION) as bus_client:
        await bus.lead()
        task = asyncio.create_task(bus.serve(broker.handle))
        await until(lambda: _no_worker(bus_client, expected=False), "requests are taken")
        call = asyncio.create_task(ask(bus_client))
        await until(lambda: broker.asked, "the read is in hand")
        began = time.perf_counter()
        await bus.stop(grace_s=0.2)
        await task
        took = time.perf_counter() - began
        with pytest.raises(ToolError, match="worker_lost"):
            await call

    assert 0.2 <= took < 1 + BUSY_S


async def _submitted(bus_client: BusClient, broker: Broker) -> bool:
    try:
        await submit(bus_client, deadline_s=0.3)
    except ToolError:
        return bool(broker.sent)
    return True


async def _no_worker(bus_client: BusClient, *, expected: bool = True) -> bool:
    count = await bus_client._replies.receivers()
    return bool(count == 0) is expected
