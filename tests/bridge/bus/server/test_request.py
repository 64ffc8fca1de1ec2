"""A handler accepts a write once, notes the ids that it learns, and stores the answer."""

import asyncio
from functools import partial
from typing import Any

import pytest

from bridge.bus.keys import Keys
from bridge.bus.server.request import RequestContext
from bridge.bus.transport.errors import StaleRequest
from bridge.tool import ToolError
from tests.stacks.bus import KEY, ask, front, pipe_to, serving, submit, until_open
from tests.stacks.redis_relay import Shim
from tests.stacks.timing import patient
from tests.waiting import until


async def test_an_answer_without_sending_is_recorded_like_any(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        return b'{"known":true}'  # such as: the broker knew the order already

    async with serving(redis_url, session, handle) as bus, front(redis_url, session) as bus_client:
        assert await submit(bus_client) == b'{"known":true}'
        record = await bus.records.read(KEY)

    assert record is not None
    assert record.state == "done"


async def test_a_read_has_nothing_to_accept(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        with pytest.raises(RuntimeError, match="get_positions is a read"):
            await context.accept()
        return b"1"

    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        assert await ask(bus_client) == b"1"


async def test_notes_are_kept_with_the_record(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        with pytest.raises(StaleRequest):
            await context.note(sent="too early")
        await context.accept()
        await context.note(sent="1", orderId="7")
        await context.note(permId="99", sent="2")
        return b"1"

    async with serving(redis_url, session, handle) as bus, front(redis_url, session) as bus_client:
        await submit(bus_client)
        await bus.records.note(KEY, state="Filled")
        record = await bus.records.read(KEY)

    assert record is not None
    assert record.notes == {"sent": "2", "orderId": "7", "permId": "99", "state": "Filled"}


async def test_notes_are_on_the_record_before_anything_is_sent(redis_url: str, session: str) -> None:
    noted: list[dict[str, str]] = []

    async def cancel(context: RequestContext) -> bytes:
        await context.accept(orderRef="mcpabc", permId="77")
        record = await bus.records.read(context.key or "")
        assert record is not None
        noted.append(record.notes)
        return b"{}"

    async with serving(redis_url, session, cancel) as bus, front(redis_url, session) as bus_client:
        await submit(bus_client, key="a-cancel-key")

    assert noted == [{"orderRef": "mcpabc", "permId": "77"}]


async def test_a_note_is_given_up_when_redis_stays_away(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        await context.accept()
        shim.refusing = True
        shim.cut()
        await context.note(sent="1")
        shim.refusing = False
        return b"1"

    worker = partial(serving, session=session, handle=handle, timing=patient(note_s=0.3))
    async with Shim(redis_url) as shim, worker(shim.url) as bus, front(redis_url, session) as bus_client:
        assert await submit(bus_client) == b"1"
        record = await bus.records.read(KEY)

    assert record is not None
    assert record.notes == {}


async def test_an_answer_is_stored_once_redis_is_back(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        await context.accept()
        sent.append(context.key)
        shim.refusing = True
        shim.cut()
        asyncio.get_running_loop().call_later(0.3, setattr, shim, "refusing", False)
        return b"1"

    sent: list[Any] = []
    async with Shim(redis_url) as shim, serving(shim.url, session, handle), front(redis_url, session) as bus_client:
        assert await submit(bus_client) == b"1"

    assert sent == [KEY]


async def test_an_accept_whose_answer_was_lost_is_asked_again(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        shim.answers.clear()
        accepting = asyncio.ensure_future(context.accept())
        async with pipe_to(redis_url) as pipe:
            await until(lambda: _is(pipe, session, b"accepted"), "the accept has its effect")
        shim.cut()
        shim.answers.set()
        await accepting
        return b"1"

    async with Shim(redis_url) as shim, serving(shim.url, session, handle), front(redis_url, session) as bus_client:
        assert await submit(bus_client) == b"1"


async def test_an_accept_that_stays_unclear_is_taken_back(redis_url: str, session: str) -> None:
    """The worker knows that it has sent nothing, so the record must not stay accepted."""
    unclear = asyncio.Event()

    async def handle(context: RequestContext) -> bytes:
        if unclear.is_set():
            return b"2"
        shim.answers.clear()
        accepting = asyncio.ensure_future(context.accept())
        async with pipe_to(redis_url) as pipe:
            await until(lambda: _is(pipe, session, b"accepted"), "the accept has its effect")
        unclear.set()
        shim.refusing = True
        shim.cut()
        shim.answers.set()
        try:
            await accepting  # which Redis answers no more before the deadline ends it
        finally:
            shim.refusing = False
        return b"1"

    async with (
        Shim(redis_url) as shim,
        serving(shim.url, session, handle, timing=patient()) as bus,
        front(redis_url, session) as bus_client,
    ):
        with pytest.raises(ToolError) as caught:
            await submit(bus_client, deadline_s=2.0)
        async with pipe_to(redis_url) as pipe:
            await until(lambda: _is(pipe, session, b"withdrawn"), "the accept is taken back")
        await until_open(bus.pipe, bus.keys)
        assert await bus.records.unfinished() == []
        assert await submit(bus_client) == b"2"

    assert caught.value.code in ("pending", "not_executed")


async def _is(pipe: Any, session: str, state: bytes) -> bool:
    return bool(await pipe.send("HGET", Keys(session).order(KEY), "st") == state)


@pytest.mark.fault(68)
async def test_a_lease_that_lapses_during_the_accept_sends_nothing(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        shim.answers.clear()
        accepting = asyncio.ensure_future(context.accept())
        async with pipe_to(redis_url) as pipe:
            await until(lambda: _is(pipe, session, b"accepted"), "the accept has its effect")
        bus.lease.step_down()
        shim.answers.set()
        await accepting
        raise AssertionError("it would have been sent")

    async with (
        Shim(redis_url) as shim,
        serving(shim.url, session, handle) as bus,
        front(redis_url, session) as bus_client,
    ):
        with pytest.raises(ToolError) as caught:
            await submit(bus_client)
        assert await _is_state(redis_url, session, b"withdrawn")

    assert (caught.value.code, caught.value.details["reason"]) == ("not_executed", "fenced")


async def _is_state(url: str, session: str, state: bytes) -> bool:
    async with pipe_to(url) as pipe:
        return await _is(pipe, session, state)
