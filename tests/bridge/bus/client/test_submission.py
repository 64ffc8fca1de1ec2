"""What the caller of a write is told when it does not simply succeed; it is always true."""

import asyncio
import time
from typing import Any

import pytest

from bridge.bus.messages import REQUEST_LIMIT
from bridge.bus.server.request import RequestContext
from bridge.bus.transport.errors import Fenced
from bridge.tool import ToolError
from tests.busy import BUSY_S
from tests.stacks.bus import KEY, PLACE_ORDER, Broker, ask, front, serving, submit
from tests.waiting import until


@pytest.fixture
def broker() -> Broker:
    return Broker()


async def test_no_worker_means_certainly_not_executed(redis_url: str, session: str, broker: Broker) -> None:
    async with front(redis_url, session) as bus_client:
        async with serving(redis_url, session, broker.handle):
            pass
        began = time.perf_counter()
        with pytest.raises(ToolError, match="ib_worker") as caught:
            await submit(bus_client)
        took = time.perf_counter() - began

        async with serving(redis_url, session, broker.handle):
            assert await submit(bus_client) == broker.answer  # the key is free again

    assert (caught.value.code, caught.value.details) == ("not_executed", {"reason": "no_worker", "key": KEY})
    assert took < 1 + BUSY_S
    assert broker.sent == {KEY: 1}


async def test_writes_wait_until_the_worker_has_reconciled(redis_url: str, session: str, broker: Broker) -> None:
    reconciled, began = asyncio.Event(), asyncio.Event()

    async def reconcile() -> None:
        began.set()
        await reconciled.wait()

    async with front(redis_url, session) as bus_client:
        opening = asyncio.create_task(_serve_for_a_while(redis_url, session, broker, reconcile))
        await began.wait()
        with pytest.raises(ToolError) as caught:
            await submit(bus_client)
        assert await ask(bus_client) == broker.answer  # reads are not held up
        reconciled.set()
        await until(lambda: _done(submit(bus_client)), "writes are open")
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)

    assert (caught.value.code, caught.value.details["reason"]) == ("unknown", "no_generation")
    assert broker.sent == {None: 1, KEY: 1}


async def test_a_frozen_worker_is_given_up_and_never_executes(redis_url: str, session: str, broker: Broker) -> None:
    broker.before.clear()
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as bus_client:
        began = time.perf_counter()
        with pytest.raises(ToolError) as caught:
            await submit(bus_client, deadline_s=4)
        took = time.perf_counter() - began
        broker.before.set()
        await until(lambda: not bus._in_hand, "the worker is through with it")
        assert broker.sent == {}

        assert await submit(bus_client) == broker.answer  # the same key may be used again

    assert (caught.value.code, caught.value.details) == ("not_executed", {"reason": "late", "key": KEY})
    assert 3 <= took < 4 + BUSY_S  # a quarter of the wait is left for a worker that has accepted
    assert broker.sent == {KEY: 1}


async def test_an_accepted_order_without_an_answer_is_pending_and_told_later(
    redis_url: str, session: str, broker: Broker
) -> None:
    broker.after.clear()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await submit(bus_client, deadline_s=1)
        with pytest.raises(ToolError) as again:
            await submit(bus_client, deadline_s=0.3)
        broker.after.set()
        assert await submit(bus_client) == broker.answer

    assert (caught.value.code, caught.value.details) == ("pending", {"key": KEY})
    assert again.value.code == "pending"
    assert broker.sent == {KEY: 1}


async def test_a_second_call_is_told_that_the_first_is_under_way(redis_url: str, session: str, broker: Broker) -> None:
    broker.before.clear()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        first = asyncio.create_task(submit(bus_client))
        await until(lambda: broker.asked, "the first is in hand")
        with pytest.raises(ToolError, match="Another call") as caught:
            await submit(bus_client, deadline_s=0.2)
        broker.before.set()
        assert await first == broker.answer

    assert caught.value.code == "pending"


async def test_a_second_call_takes_its_turn_when_the_first_is_refused(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        seen.append(context)
        if len(seen) == 1:
            await second_waits.wait()
            raise ToolError("not_ready", "Not yet.")
        return b"2"

    seen: list[RequestContext] = []
    second_waits = asyncio.Event()
    async with serving(redis_url, session, handle), front(redis_url, session) as one, front(redis_url, session) as two:
        first = asyncio.create_task(submit(one))
        await until(lambda: seen, "the first is in hand")
        second = asyncio.create_task(submit(two))
        await until(lambda: two._replies._calls, "the second waits")
        second_waits.set()
        with pytest.raises(ToolError, match="not_ready"):
            await first
        assert await second == b"2"

    assert [asked.request.front for asked in seen] == [one._replies.front, two._replies.front]


async def test_a_refusal_before_accepting_leaves_the_key_free(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        seen.append(context)
        if len(seen) == 1:
            raise ToolError("read_only", "This session is read-only.", mode="read_only")
        return b"1"

    seen: list[RequestContext] = []
    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await submit(bus_client)
        assert await submit(bus_client) == b"1"

    assert (caught.value.code, caught.value.message) == ("read_only", "This session is read-only.")
    assert caught.value.details == {"mode": "read_only", "key": KEY}


async def test_a_rejection_after_accepting_is_stored_and_replayed(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        await context.accept()
        seen.append(context)
        raise ToolError("rejected", "No margin.", ibCode=201)

    seen: list[RequestContext] = []
    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as first:
            await submit(bus_client)
        with pytest.raises(ToolError) as second:
            await submit(bus_client)

    assert first.value.details == {"ibCode": 201, "key": KEY}
    assert second.value.details == {"ibCode": 201, "key": KEY, "replayed": True}
    assert second.value.code == "rejected"
    assert len(seen) == 1


@pytest.mark.fault(70)
async def test_a_bug_before_accepting_is_internal_and_leaves_the_key_free(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        seen.append(context)
        if len(seen) == 1:
            raise ZeroDivisionError
        return b"1"

    seen: list[RequestContext] = []
    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError, match=r"\[internal\]"):
            await submit(bus_client)
        assert await submit(bus_client) == b"1"


@pytest.mark.fault(70)
async def test_a_bug_after_accepting_leaves_the_order_unknown_and_the_key_taken(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        await context.accept()
        seen.append(context)
        raise ZeroDivisionError

    seen: list[RequestContext] = []
    async with serving(redis_url, session, handle) as bus, front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await submit(bus_client)
        with pytest.raises(ToolError, match=r"\[pending\]"):
            await submit(bus_client, deadline_s=0.2)
        [record] = await bus.records.unfinished()

    assert (caught.value.code, caught.value.details) == ("unknown", {"reason": "internal", "key": KEY})
    assert (record.key, record.state) == (KEY, "accepted")
    assert len(seen) == 1


async def test_a_handler_that_accepted_is_not_cancelled_at_the_deadline(redis_url: str, session: str) -> None:
    accepted, done = asyncio.Event(), asyncio.Event()

    async def handle(context: RequestContext) -> bytes:
        await context.accept()
        accepted.set()
        await done.wait()
        return b"1"

    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError, match="pending"):
            await submit(bus_client, deadline_s=1)
        assert accepted.is_set()
        done.set()
        assert await submit(bus_client) == b"1"


async def test_a_worker_that_goes_before_accepting_is_told_at_once(
    redis_url: str, session: str, broker: Broker
) -> None:
    broker.before.clear()
    async with front(redis_url, session) as bus_client:
        async with serving(redis_url, session, broker.handle):
            call = asyncio.create_task(submit(bus_client))
            await until(lambda: broker.asked, "the order is in hand")
        with pytest.raises(ToolError) as caught:
            await asyncio.wait_for(call, 3 + BUSY_S)

    assert (caught.value.code, caught.value.details) == ("not_executed", {"reason": "worker_lost", "key": KEY})


async def test_what_was_accepted_and_then_not_sent_may_be_asked_again(
    redis_url: str, session: str, broker: Broker
) -> None:
    """As when the gateway's link breaks between the two."""
    links_up = iter([False, True])

    async def handle(context: RequestContext) -> bytes:
        if next(links_up):
            return await broker.handle(context)
        await context.accept()
        context.mark_not_sent()
        raise ToolError("not_executed", "Nothing was sent.", reason="link_down")

    async with serving(redis_url, session, handle) as bus, front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await submit(bus_client)
        assert await bus.records.unfinished() == []
        assert await submit(bus_client) == broker.answer

    assert (caught.value.code, caught.value.details) == ("not_executed", {"reason": "link_down", "key": KEY})
    assert broker.sent == {KEY: 1}


async def test_redis_that_is_not_there_means_certainly_not_sent(session: str, unused_port: int) -> None:
    began = time.perf_counter()
    async with front(f"redis://127.0.0.1:{unused_port}/0", session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await submit(bus_client)

    assert caught.value.code == "not_executed"
    assert caught.value.details["reason"] == "bus_down"
    assert caught.value.details["key"] == KEY
    assert "Connect" in caught.value.details["error"]
    assert time.perf_counter() - began < 2 + BUSY_S


@pytest.mark.fault(80)
async def test_redis_that_refuses_to_write_means_certainly_not_sent(
    redis_url: str, session: str, broker: Broker
) -> None:
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as bus_client:
        await submit(bus_client, key="an-earlier-key")
        await bus.pipe.send("CONFIG", "SET", "maxmemory", "1")
        try:
            with pytest.raises(ToolError) as caught:
                await submit(bus_client)
        finally:
            await bus.pipe.send("CONFIG", "SET", "maxmemory", "0")
        assert await submit(bus_client) == broker.answer

    assert (caught.value.code, caught.value.details["reason"]) == ("not_executed", "bus_down")
    assert "maxmemory" in caught.value.details["error"]


async def test_a_request_over_the_limit_is_refused_before_it_is_sent(
    redis_url: str, session: str, broker: Broker
) -> None:
    class Big(PLACE_ORDER.request):  # type: ignore[name-defined, misc]
        text: str

    big = Big(symbol="AAPL", action="BUY", totalQuantity=1, text="x" * REQUEST_LIMIT)
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await submit(bus_client, arguments=big)

    assert (caught.value.code, caught.value.details) == ("too_large", {"key": KEY})
    assert broker.asked == []


@pytest.mark.fault(68)
async def test_a_worker_that_stopped_leading_right_before_the_frame_says_so(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        await context.accept()
        bus.lease.step_down()
        if not context.still_leader():
            raise Fenced
        raise AssertionError("sent after all")

    async with serving(redis_url, session, handle) as bus, front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await submit(bus_client)
        record = await bus.records.read(KEY)

    assert (caught.value.code, caught.value.details) == ("not_executed", {"reason": "fenced", "key": KEY})
    assert record is not None
    assert record.state == "withdrawn"


async def test_a_worker_that_stopped_leading_accepts_nothing(redis_url: str, session: str) -> None:
    refused = asyncio.Event()

    async def handle(context: RequestContext) -> bytes:
        bus.lease.step_down()
        with pytest.raises(Fenced):
            await context.accept()
        refused.set()
        raise Fenced

    async with serving(redis_url, session, handle) as bus, front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await submit(bus_client, deadline_s=0.4)

    assert refused.is_set()
    assert caught.value.details["reason"] == "late"


async def _serve_for_a_while(url: str, session: str, broker: Broker, reconcile: Any) -> None:
    async with serving(url, session, broker.handle, reconcile=reconcile):
        await asyncio.Event().wait()


async def _done(call: Any) -> bool:
    try:
        await call
    except ToolError:
        return False
    return True
