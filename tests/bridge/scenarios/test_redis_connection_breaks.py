"""Writes while the connection to Redis breaks or its answers are lost."""

import asyncio
from functools import partial
from typing import Any

import pytest

from bridge.bus.server.request import RequestContext
from bridge.bus.timing import BusTiming
from bridge.tool import ToolError
from tests.stacks.bus import CALLER, GET_POSITIONS, KEY, Broker, front, intents, serving, submit
from tests.stacks.redis_relay import Shim
from tests.waiting import until


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.mark.fault(84)
async def test_an_answer_that_comes_while_the_reply_channel_is_broken_is_read_from_the_record(
    redis_url: str, session: str, broker: Broker
) -> None:
    broker.after.clear()
    async with (
        serving(redis_url, session, broker.handle),
        Shim(redis_url) as shim,
        front(shim.url, session) as bus_client,
    ):
        call = asyncio.create_task(submit(bus_client))
        await until(lambda: broker.sent, "the order is sent")
        shim.cut()
        broker.after.set()
        assert await call == broker.answer


async def test_a_refusal_whose_reply_was_missed_is_read_from_the_record(redis_url: str, session: str) -> None:
    missed = asyncio.Event()

    async def handle(context: RequestContext) -> bytes:
        shim.cut()
        missed.set()
        raise ToolError("wrong_account", "Not a paper account.")

    async with Shim(redis_url) as shim, serving(redis_url, session, handle), front(shim.url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await submit(bus_client)

    assert missed.is_set()
    assert caught.value.code == "wrong_account"


@pytest.mark.fault(84)
async def test_a_submit_whose_answer_was_lost_is_repeated_and_executed_once(
    redis_url: str, session: str, broker: Broker
) -> None:
    async with (
        serving(redis_url, session, broker.handle),
        Shim(redis_url) as shim,
        front(shim.url, session) as bus_client,
    ):
        await submit(bus_client, key="an-earlier-key")
        shim.answers.clear()
        call = asyncio.create_task(submit(bus_client))
        await until(lambda: broker.sent[KEY], "the order is sent")
        shim.cut()
        shim.answers.set()
        assert await call == broker.answer

    assert broker.sent == {"an-earlier-key": 1, KEY: 1}


async def test_a_submit_that_stays_unanswered_is_unknown(redis_url: str, session: str, broker: Broker) -> None:
    caller = partial(front, session=session, timing=BusTiming(submit_again_s=0.3))
    async with serving(redis_url, session, broker.handle), Shim(redis_url) as shim, caller(shim.url) as bus_client:
        await submit(bus_client, key="an-earlier-key")
        shim.answers.clear()
        call = asyncio.create_task(submit(bus_client))
        await until(lambda: broker.sent[KEY], "the order is sent")
        shim.refusing = True
        shim.cut()
        with pytest.raises(ToolError) as caught:
            await call
        shim.answers.set()
        shim.refusing = False
        assert await submit(bus_client) == b'{"orderId":7,"replayed":true}'

    assert (caught.value.code, caught.value.details) == ("unknown", {"key": KEY})
    assert broker.sent[KEY] == 1


@pytest.mark.fault(81)
async def test_a_repeated_submit_does_not_survive_a_loss_of_redis_data(
    redis_url: str, session: str, broker: Broker
) -> None:
    worker = serving(redis_url, session, broker.handle)
    async with worker as bus, Shim(redis_url) as shim, front(shim.url, session) as bus_client:
        await submit(bus_client, key="an-earlier-key")
        shim.answers.clear()
        call = asyncio.create_task(submit(bus_client))
        await until(lambda: broker.sent[KEY], "the order is sent")
        await bus.pipe.send("DEL", bus.keys.order(KEY), bus.keys.answer(KEY))
        await bus.pipe.send("SET", bus.keys.generation, "another")
        shim.cut()
        shim.answers.set()
        with pytest.raises(ToolError) as caught:
            await call

    assert caught.value.code == "unknown"
    assert broker.sent[KEY] == 1


@pytest.mark.fault(81)
async def test_behind_a_new_connection_nothing_is_certain(redis_url: str, session: str, broker: Broker) -> None:
    """A replica that was promoted may lack the worker's accept, so a withdrawal there proves nothing."""
    broker.before.clear()
    async with (
        serving(redis_url, session, broker.handle),
        Shim(redis_url) as shim,
        front(shim.url, session) as bus_client,
    ):
        call = asyncio.create_task(submit(bus_client, deadline_s=0.8))
        await until(lambda: broker.asked, "the order is in hand")
        shim.cut()
        with pytest.raises(ToolError) as caught:
            await call

    assert caught.value.code == "unknown"


async def test_a_record_that_vanishes_is_unknown(redis_url: str, session: str, broker: Broker) -> None:
    broker.after.clear()
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as bus_client:
        calls = [asyncio.create_task(submit(bus_client)) for _ in range(2)]
        await until(lambda: broker.sent and len(bus_client._replies._calls) == 2, "one is sent, the other waits for it")
        await bus.pipe.send("DEL", bus.keys.order(KEY), bus.keys.answer(KEY))
        errors = await asyncio.gather(*calls, return_exceptions=True)

    assert [error.code for error in errors if isinstance(error, ToolError)] == ["unknown", "unknown"]


@pytest.mark.fault(81)
async def test_a_worker_that_knows_writes_a_lost_record_anew(redis_url: str, session: str, broker: Broker) -> None:
    broker.after.clear()
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as bus_client:
        call = asyncio.create_task(submit(bus_client, deadline_s=1))
        await until(lambda: broker.sent, "the order is sent")
        await bus.pipe.send("DEL", bus.keys.order(KEY), bus.keys.answer(KEY), bus.keys.inflight)
        with pytest.raises(ToolError, match="unknown"):
            await call
        broker.after.set()
        await until(lambda: not bus._in_hand, "the worker is through with it")
        assert await submit(bus_client) == b'{"orderId":7,"replayed":true}'

    assert broker.sent == {KEY: 1}


async def test_an_answer_is_waited_for_while_redis_is_away(redis_url: str, session: str, broker: Broker) -> None:
    """Both whoever placed the order and whoever waits for the same key."""
    broker.after.clear()
    async with (
        serving(redis_url, session, broker.handle),
        Shim(redis_url) as shim,
        front(shim.url, session) as bus_client,
    ):
        first = asyncio.create_task(submit(bus_client))
        await until(lambda: broker.sent, "the order is sent")
        second = asyncio.create_task(submit(bus_client))
        await until(lambda: len(bus_client._replies._calls) == 2, "the second waits")
        connections = shim.accepted
        shim.refusing = True
        for times in (1, 2):
            shim.cut()
            await until(partial(_has_tried, shim, connections + 4 * times), "they look in vain")
            await asyncio.sleep(0)
        broker.after.set()
        shim.refusing = False

        assert [await first, await second] == [broker.answer] * 2

    assert broker.sent == {KEY: 1}


async def test_a_repeated_submit_waits_until_redis_is_back(redis_url: str, session: str, broker: Broker) -> None:
    async with (
        serving(redis_url, session, broker.handle),
        Shim(redis_url) as shim,
        front(shim.url, session) as bus_client,
    ):
        await submit(bus_client, key="an-earlier-key")
        shim.answers.clear()
        call = asyncio.create_task(submit(bus_client))
        await until(lambda: broker.sent[KEY], "the order is sent")
        connections = shim.accepted
        shim.refusing = True
        shim.cut()
        await until(lambda: shim.accepted > connections + 3, "it was tried again")
        shim.answers.set()
        shim.refusing = False
        assert await call == broker.answer

    assert broker.sent[KEY] == 1


async def test_an_attempt_that_was_replaced_joins_the_one_that_replaced_it(
    redis_url: str, session: str, broker: Broker
) -> None:
    broker.before.clear()
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as bus_client:
        first = asyncio.create_task(submit(bus_client))
        await until(lambda: broker.asked, "the first is in hand")
        request = broker.asked[0].request
        await intents(bus.pipe, session).withdraw(KEY, request.id)
        async with front(redis_url, session, "another") as other:
            second = asyncio.create_task(submit(other))
            await until(lambda: len(broker.asked) == 2, "the second is in hand")
            broker.before.set()
            assert [await first, await second] == [broker.answer] * 2

    assert broker.sent == {KEY: 1}


async def test_a_reply_that_is_there_at_once_is_not_overlooked(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may come before the front has heard that its submit went through."""

    async def handle(context: RequestContext) -> bytes:
        await context.accept()
        raise ZeroDivisionError

    async with serving(redis_url, session, handle), Shim(redis_url) as shim, front(shim.url, session) as bus_client:
        await _warm(bus_client)
        real = bus_client._records.submit

        async def slow(*arguments: Any, **options: Any) -> Any:
            seen = await real(*arguments, **options)
            [call] = bus_client._replies._calls.values()
            await asyncio.wait([call])
            return seen

        monkeypatch.setattr(bus_client._records, "submit", slow)
        with pytest.raises(ToolError) as caught:
            await submit(bus_client)

    assert caught.value.code == "unknown"


async def _warm(bus_client: Any) -> None:
    with pytest.raises(ToolError):
        await bus_client.ask(GET_POSITIONS, GET_POSITIONS.request(), CALLER)


def _has_tried(shim: Shim, connections: int) -> bool:
    return shim.accepted >= connections
