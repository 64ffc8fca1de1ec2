"""A front's reply channel: who waits hears its own reply, or that the worker or the channel is gone."""

import asyncio
import time

import msgspec
import pytest

from bridge.bus.client.replies import WorkerLost
from bridge.bus.keys import Keys
from bridge.bus.messages import REPLY_LIMIT
from bridge.bus.server.request import RequestContext
from bridge.bus.timing import USUAL, BusTiming
from bridge.tool import ToolError
from tests.busy import BUSY_S
from tests.stacks.bus import Broker, ask, front, pipe_to, serving
from tests.stacks.redis_relay import Shim
from tests.stacks.timing import patient
from tests.waiting import until


@pytest.mark.fault(86)
async def test_what_no_worker_has_sent_is_dropped(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        async with pipe_to(redis_url) as pipe:
            channel = Keys(session).replies(context.request.front)
            for message in (b"junk", b'{"v":1,"id":"of-nobody","ok":true}', b"x" * (REPLY_LIMIT + 1)):
                await pipe.send("SPUBLISH", channel, message)
        return b"1"

    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        assert await ask(bus_client) == b"1"


async def test_a_second_reply_to_one_request_is_ignored(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        async with pipe_to(redis_url) as pipe:
            reply = msgspec.json.encode({"v": 1, "id": context.request.id, "ok": True, "result": 1})
            await pipe.send("SPUBLISH", Keys(session).replies(context.request.front), reply)
            await pipe.send("SPUBLISH", Keys(session).replies(context.request.front), reply)
        return b"2"

    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        assert await ask(bus_client) == b"1"
        assert await ask(bus_client) == b"1"


async def test_fronts_do_not_hear_each_others_replies(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        return msgspec.json.encode(context.caller)

    async with serving(redis_url, session, handle), front(redis_url, session) as one, front(redis_url, session) as two:
        assert one._replies.front != two._replies.front
        answers = await asyncio.gather(
            *(ask(bus_client, f"{name}{i}") for i in range(20) for name, bus_client in (("one", one), ("two", two)))
        )

    assert answers == [f'"{name}{i}"'.encode() for i in range(20) for name in ("one", "two")]


async def test_a_broken_reply_channel_means_ask_again(redis_url: str, session: str) -> None:
    broker = Broker()
    broker.before.clear()
    async with (
        serving(redis_url, session, broker.handle),
        Shim(redis_url) as shim,
        front(shim.url, session) as bus_client,
    ):
        call = asyncio.create_task(ask(bus_client))
        await until(lambda: broker.asked, "the request is in hand")
        began = time.perf_counter()
        shim.cut()
        with pytest.raises(ToolError) as caught:
            await call
        took = time.perf_counter() - began
        broker.before.set()
        assert await ask(bus_client) == broker.answer  # everything is back by itself

    assert caught.value.code == "retry"
    assert took < 1 + BUSY_S


async def test_a_worker_that_vanishes_is_noticed_within_a_second(redis_url: str, session: str) -> None:
    broker = Broker()
    broker.before.clear()
    async with front(redis_url, session) as bus_client:
        async with serving(redis_url, session, broker.handle):
            call = asyncio.create_task(ask(bus_client))
            await until(lambda: broker.asked, "the request is in hand")
        began = time.perf_counter()
        with pytest.raises(ToolError) as caught:
            await call
        took = time.perf_counter() - began

    assert caught.value.code == "worker_lost"
    assert took < 2 + BUSY_S
    assert USUAL.worker_check_s * 2.5 <= 1


async def test_a_call_that_came_after_the_last_look_is_not_lost_with_a_worker(redis_url: str, session: str) -> None:
    timing = BusTiming(worker_check_s=0.3)
    async with front(redis_url, session, timing=timing) as bus_client:
        replies = bus_client._replies
        with replies.expected("before") as before:
            began = time.perf_counter()
            await asyncio.sleep(0.45)  # after one look, and before the next
            with replies.expected("after") as after:
                await asyncio.wait((before, after), return_when=asyncio.FIRST_COMPLETED, timeout=5)
                assert (before.done(), after.done()) == (True, False)
                await asyncio.wait((after,), timeout=5)  # nobody has taken it either
                took = time.perf_counter() - began

    assert isinstance(before.exception(), WorkerLost)
    assert isinstance(after.exception(), WorkerLost)
    assert took >= 0.75


async def test_a_worker_that_blinks_is_not_lost(redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker()
    broker.before.clear()
    counts = iter([0, 1, 0, 1, 1, 1])
    asked = asyncio.Event()

    async def receivers() -> int:
        try:
            return next(counts)
        except StopIteration:
            asked.set()
            return 1

    often = patient(worker_check_s=0.02)
    async with serving(redis_url, session, broker.handle), front(redis_url, session, timing=often) as bus_client:
        monkeypatch.setattr(bus_client._replies, "receivers", receivers)
        call = asyncio.create_task(ask(bus_client))
        await asked.wait()
        broker.before.set()
        assert await call == broker.answer
