"""Reads over the bus: what comes back, and how soon a caller learns that nothing will."""

import asyncio
import time
from typing import Any

import msgspec
import pytest

from bridge.bus.client import replies as waiting
from bridge.bus.keys import Keys
from bridge.bus.messages import REPLY_LIMIT, REQUEST_LIMIT, VERSION
from bridge.bus.server import server as answering
from bridge.bus.server.request import RequestContext
from bridge.bus.transport.clock import boottime
from bridge.tool import OPERATIONS, ToolError
from bridge.tools.market_data import GetHistoricalData
from tests.busy import BUSY_S
from tests.stacks.bus import GET_POSITIONS, Broker, ask, front, pipe_to, serving, submit, until
from tests.stacks.redis_relay import Shim


async def test_a_read_gets_the_workers_bytes_as_they_are(redis_url: str, session: str) -> None:
    async def handle(asked: RequestContext) -> bytes:
        return b'[{"conId": 1,  "as":"it is"}]'

    async with serving(redis_url, session, handle), front(redis_url, session) as asker:
        assert await ask(asker) == b'[{"conId": 1,  "as":"it is"}]'


async def test_a_handler_sees_what_the_front_said(redis_url: str, session: str) -> None:
    seen: list[RequestContext] = []

    async def handle(asked: RequestContext) -> bytes:
        seen.append(asked)
        assert asked.still_leader()
        return b"{}"

    declared = OPERATIONS["get_historical_data"]
    async with serving(redis_url, session, handle), front(redis_url, session) as asker:
        await asker.ask(
            declared, GetHistoricalData(symbol="SPY", barSizeSetting="1 hour"),
            caller="claude", request_id="r-9", traceparent="00-1-2-01", deadline_s=7,
        )  # fmt: skip

    asked = seen[0]
    assert (asked.operation, asked.caller, asked.key) == ("get_historical_data", "claude", None)
    assert (asked.request_id, asked.traceparent) == ("r-9", "00-1-2-01")
    assert asked.arguments == b'{"symbol":"SPY","barSizeSetting":"1 hour"}'
    assert 5 < asked.remaining_s() < 7.5
    assert not asked.still_leader()  # by now the worker has stopped


async def test_a_tool_error_crosses_with_code_message_and_details(redis_url: str, session: str) -> None:
    async def handle(asked: RequestContext) -> bytes:
        error = ToolError("ambiguous_contract", "Which one?", candidates=[{"conId": 1}])
        error.details |= {"code": 200, "message": "No security definition"}  # names that the error has itself
        raise error

    async with serving(redis_url, session, handle), front(redis_url, session) as asker:
        with pytest.raises(ToolError) as caught:
            await ask(asker)

    assert (caught.value.code, caught.value.message) == ("ambiguous_contract", "Which one?")
    assert caught.value.details == {"candidates": [{"conId": 1}]}


async def test_an_errors_details_that_are_no_json_are_left_out(redis_url: str, session: str) -> None:
    async def handle(asked: RequestContext) -> bytes:
        raise ToolError("gateway_refused", "No.", cause=object())

    async with serving(redis_url, session, handle), front(redis_url, session) as asker:
        with pytest.raises(ToolError) as caught:
            await ask(asker)

    assert (caught.value.code, caught.value.details) == ("gateway_refused", {})


@pytest.mark.fault(70)
async def test_a_bug_in_a_handler_is_internal_and_serving_goes_on(redis_url: str, session: str) -> None:
    broken = True

    async def handle(asked: RequestContext) -> bytes:
        if broken:
            raise KeyError("a secret that callers need not see")
        return b"1"

    async with serving(redis_url, session, handle), front(redis_url, session) as asker:
        with pytest.raises(ToolError) as caught:
            await ask(asker)
        broken = False
        assert await ask(asker) == b"1"

    assert caught.value.code == "internal"
    assert "get_positions" in caught.value.message
    assert "secret" not in caught.value.message


async def test_a_timeout_inside_a_handler_is_a_bug_and_no_deadline(redis_url: str, session: str) -> None:
    async def handle(asked: RequestContext) -> bytes:
        raise TimeoutError

    async with serving(redis_url, session, handle), front(redis_url, session) as asker:
        with pytest.raises(ToolError, match="internal"):
            await ask(asker)


async def test_no_worker_is_told_at_once(redis_url: str, session: str) -> None:
    async with front(redis_url, session) as asker:
        began = time.perf_counter()
        with pytest.raises(ToolError, match="ib_worker") as caught:
            await ask(asker)

    assert caught.value.code == "no_worker"
    assert time.perf_counter() - began < 1 + BUSY_S


async def test_no_answer_in_time_is_a_timeout_and_the_handler_is_cancelled(redis_url: str, session: str) -> None:
    cancelled = asyncio.Event()

    async def handle(asked: RequestContext) -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return b""

    async with serving(redis_url, session, handle), front(redis_url, session) as asker:
        with pytest.raises(ToolError, match=r"within 0\.1 s") as caught:
            await ask(asker, deadline_s=0.1)
        await until(cancelled.is_set, "the handler is cancelled")

    assert caught.value.code == "timeout"


async def test_without_a_deadline_of_its_own_a_call_has_the_declarations(redis_url: str, session: str) -> None:
    broker = Broker()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as asker:
        await ask(asker)
        remaining_s = broker.asked[0].remaining_s()

    assert abs(GET_POSITIONS.deadline_s - remaining_s) < 2


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
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as asker:
        for message in (b"", b"not json", b"[]", b'{"v":1}', b'{"v":1,"id":5}', b"x" * (REQUEST_LIMIT + 1)):
            await asker.pipe.send("SPUBLISH", asker.keys.requests, message)
        await ask(asker)

    assert len(broker.asked) == 1


@pytest.mark.fault(86)
async def test_what_no_worker_has_sent_is_dropped(redis_url: str, session: str) -> None:
    async def handle(asked: RequestContext) -> bytes:
        async with pipe_to(redis_url) as pipe:
            channel = Keys(session).replies(asked.request.front)
            for message in (b"junk", b'{"v":1,"id":"of-nobody","ok":true}', b"x" * (REPLY_LIMIT + 1)):
                await pipe.send("SPUBLISH", channel, message)
        return b"1"

    async with serving(redis_url, session, handle), front(redis_url, session) as asker:
        assert await ask(asker) == b"1"


async def test_a_second_reply_to_one_request_is_ignored(redis_url: str, session: str) -> None:
    async def handle(asked: RequestContext) -> bytes:
        async with pipe_to(redis_url) as pipe:
            reply = msgspec.json.encode({"v": 1, "id": asked.request.id, "ok": True, "result": 1})
            await pipe.send("SPUBLISH", Keys(session).replies(asked.request.front), reply)
            await pipe.send("SPUBLISH", Keys(session).replies(asked.request.front), reply)
        return b"2"

    async with serving(redis_url, session, handle), front(redis_url, session) as asker:
        assert await ask(asker) == b"1"
        assert await ask(asker) == b"1"


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


@pytest.mark.fault(86, 89)
async def test_another_version_of_the_bus_is_told_to_update(redis_url: str, session: str) -> None:
    broker = Broker()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as asker:
        await ask(asker)
        with asker._post.expected("old-1") as call:
            until_ms = asker.pipe.clock.now_ms() + 5000
            message = request(until_ms, id="old-1", v=VERSION + 1, front=asker._post.front)
            await asker.pipe.send("SPUBLISH", asker.keys.requests, message)
            reply = await asyncio.wait_for(call, 5)

    assert (reply.ok, reply.code) == (False, "internal")
    assert f"version {VERSION + 1} " in reply.message
    assert len(broker.asked) == 1


@pytest.mark.fault(85)
async def test_more_than_the_worker_can_have_in_hand_is_refused(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "AT_ONCE", 2)
    broker = Broker()
    broker.before.clear()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as asker:
        held = [asyncio.create_task(ask(asker)) for _ in range(2)]
        await until(lambda: len(broker.asked) == 2, "two requests are in hand")
        with pytest.raises(ToolError) as caught:
            await ask(asker)
        broker.before.set()
        assert await asyncio.gather(*held) == [broker.answer] * 2
        assert await ask(asker) == broker.answer

    assert (caught.value.code, caught.value.details) == ("overloaded", {"retry_after_s": 1})


async def test_one_callers_flood_leaves_room_for_another_caller_and_for_writes(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "AT_ONCE_OF_ONE", 2)
    broker = Broker()
    broker.before.clear()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as asker:
        held = [asyncio.create_task(ask(asker)) for _ in range(2)]
        await until(lambda: len(broker.asked) == 2, "two requests are in hand")
        with pytest.raises(ToolError, match="overloaded"):
            await ask(asker)

        held += [asyncio.create_task(ask(asker, "quiet")), asyncio.create_task(submit(asker))]
        await until(lambda: len(broker.asked) == 4, "another caller's request and an order are in hand")
        broker.before.set()
        await asyncio.gather(*held)


async def test_a_request_over_the_limit_is_refused_before_it_is_sent(redis_url: str, session: str) -> None:
    class Big(GET_POSITIONS.request):  # type: ignore[name-defined, misc]
        text: str

    broker = Broker()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as asker:
        with pytest.raises(ToolError) as caught:
            await asker.ask(GET_POSITIONS, Big(text="x" * REQUEST_LIMIT), caller="c", request_id="r")

    assert caught.value.code == "too_large"
    assert str(REQUEST_LIMIT) in caught.value.message
    assert broker.asked == []


@pytest.mark.fault(86)
async def test_a_reply_over_the_limit_is_an_error_and_one_at_the_limit_is_not(redis_url: str, session: str) -> None:
    sizes = iter([REPLY_LIMIT, REPLY_LIMIT - 200])

    async def handle(asked: RequestContext) -> bytes:
        return b'"' + b"x" * (next(sizes) - 2) + b'"'

    async with serving(redis_url, session, handle), front(redis_url, session) as asker:
        with pytest.raises(ToolError) as caught:
            await ask(asker)
        assert len(await ask(asker)) == REPLY_LIMIT - 200

    assert caught.value.code == "too_large"


async def test_a_cancelled_call_leaves_nothing_behind(redis_url: str, session: str) -> None:
    broker = Broker()
    broker.before.clear()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as asker:
        calls = [asyncio.create_task(ask(asker)) for _ in range(5)]
        await until(lambda: len(broker.asked) == 5, "all are in hand")
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

        assert asker._post._calls == {}

        broker.before.set()
        assert await ask(asker) == broker.answer


async def test_fronts_do_not_hear_each_others_replies(redis_url: str, session: str) -> None:
    async def handle(asked: RequestContext) -> bytes:
        return msgspec.json.encode(asked.caller)

    async with serving(redis_url, session, handle), front(redis_url, session) as one, front(redis_url, session) as two:
        assert one._post.front != two._post.front
        answers = await asyncio.gather(
            *(
                asker.ask(GET_POSITIONS, GET_POSITIONS.request(), caller=f"{name}{i}", request_id="r")
                for i in range(20)
                for name, asker in (("one", one), ("two", two))
            )
        )

    assert answers == [f'"{name}{i}"'.encode() for i in range(20) for name in ("one", "two")]


async def test_redis_that_is_not_there_is_named_without_its_password(session: str, unused_port: int) -> None:
    began = time.perf_counter()
    async with front(f"redis://user:secret@127.0.0.1:{unused_port}/0", session) as asker:
        with pytest.raises(ToolError) as caught:
            await ask(asker)
        with pytest.raises(ToolError, match="bus_down"):
            await asker.status()

    assert caught.value.code == "bus_down"
    assert f"127.0.0.1:{unused_port}" in caught.value.message
    assert "secret" not in str(caught.value)
    assert time.perf_counter() - began < 2 + BUSY_S


async def test_a_broken_reply_channel_means_ask_again(redis_url: str, session: str) -> None:
    broker = Broker()
    broker.before.clear()
    async with serving(redis_url, session, broker.handle), Shim(redis_url) as shim, front(shim.url, session) as asker:
        call = asyncio.create_task(ask(asker))
        await until(lambda: broker.asked, "the request is in hand")
        began = time.perf_counter()
        shim.cut()
        with pytest.raises(ToolError) as caught:
            await call
        took = time.perf_counter() - began
        broker.before.set()
        assert await ask(asker) == broker.answer  # everything is back by itself

    assert caught.value.code == "retry"
    assert took < 1 + BUSY_S


async def test_a_worker_that_vanishes_is_noticed_within_a_second(redis_url: str, session: str) -> None:
    broker = Broker()
    broker.before.clear()
    async with front(redis_url, session) as asker:
        async with serving(redis_url, session, broker.handle):
            call = asyncio.create_task(ask(asker))
            await until(lambda: broker.asked, "the request is in hand")
        began = time.perf_counter()
        with pytest.raises(ToolError) as caught:
            await call
        took = time.perf_counter() - began

    assert caught.value.code == "worker_lost"
    assert took < 2 + BUSY_S
    assert waiting.WATCH_S * 2.5 <= 1


async def test_a_worker_that_blinks_is_not_lost(redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WATCH_S", 0.02)
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

    async with serving(redis_url, session, broker.handle), front(redis_url, session) as asker:
        monkeypatch.setattr(asker._post, "receivers", receivers)
        call = asyncio.create_task(ask(asker))
        await asked.wait()
        broker.before.set()
        assert await call == broker.answer


async def test_a_worker_that_no_longer_leads_takes_nothing(redis_url: str, session: str) -> None:
    broker = Broker()
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as asker:
        await ask(asker)
        bus.lease.step_down()
        with pytest.raises(ToolError):
            await ask(asker, deadline_s=0.2)

    assert len(broker.asked) == 1


def request(until_ms: int, **changes: Any) -> bytes:
    fields = {
        "v": VERSION, "id": "f-1", "op": "get_positions", "args": {}, "front": "f", "until": until_ms,
        "caller": "c", "request_id": "r",
    }  # fmt: skip
    return msgspec.json.encode(fields | changes)


def test_boottime_goes_on() -> None:
    assert boottime() <= boottime()
