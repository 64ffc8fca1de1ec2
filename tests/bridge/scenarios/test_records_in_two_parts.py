"""A front that was taken over changes nothing of what the worker has said of an order, whatever it writes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import msgspec
import pytest
import pytest_asyncio

from bridge.bus.access import Service
from bridge.bus.client.client import BusClient
from bridge.bus.keys import Keys
from bridge.bus.messages import VERSION, Reply, Request, encode_record, encode_reply
from bridge.bus.records.records import digest_of
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from tests.stacks.bus import KEY, PLACE_ORDER, Broker, front, intents, order, pipe_to, serving, submit
from tests.stacks.redis_users import redis_users
from tests.waiting import until

FORGED = encode_reply(Reply(VERSION, "forged", True, msgspec.Raw(b'{"orderId":666,"replayed":false}')))
ASKED = Request(
    VERSION, "x", "place_order", msgspec.Raw(b"{}"), "f1", 1, "claude", "r-1", KEY, digest_of(PLACE_ORDER, order())
)
DONE = ("st", "done", "att", "x", "dg", digest_of(PLACE_ORDER, order()), "req", encode_record(ASKED))
REPLAYED = b'{"orderId":7,"replayed":true}'

Forgery = Callable[[CommandPipeline, Keys], Awaitable[object]]


@pytest_asyncio.fixture
async def urls(redis_url: str, session: str) -> AsyncIterator[dict[Service, str]]:
    async with redis_users(redis_url, session, ("front", "worker")) as made:
        yield made


async def deleted(pipe: CommandPipeline, keys: Keys) -> None:
    await pipe.send("DEL", keys.order(KEY))


async def new_again(pipe: CommandPipeline, keys: Keys) -> None:
    await pipe.send("HSET", keys.order(KEY), "st", "new", "att", "another")


async def taken_back(pipe: CommandPipeline, keys: Keys) -> None:
    await pipe.send("HSET", keys.order(KEY), "st", "withdrawn")


async def answered_otherwise(pipe: CommandPipeline, keys: Keys) -> None:
    await pipe.send("HSET", keys.order(KEY), "st", "done", "res", FORGED)


async def expired(pipe: CommandPipeline, keys: Keys) -> None:
    await pipe.send("PEXPIRE", keys.order(KEY), 1)


FORGERIES = [deleted, new_again, taken_back, answered_otherwise, expired]


@pytest.mark.fault(86)
@pytest.mark.parametrize("forge", FORGERIES)
async def test_an_answered_order_is_neither_placed_again_nor_answered_otherwise(
    urls: dict[Service, str], session: str, forge: Forgery
) -> None:
    broker = Broker()
    async with serving(urls["worker"], session, broker.handle), front(urls["front"], session) as bus_client:
        assert await submit(bus_client) == broker.answer

        async with pipe_to(urls["front"]) as taken_over:
            await forge(taken_over, bus_client.keys)
            again = await submit(bus_client)
            replayed = await taken_over.send("HGET", bus_client.keys.order(KEY), "req")
            if replayed:  # the request as it was, under an attempt of the forger's
                await taken_over.send("SPUBLISH", bus_client.keys.requests, replayed)

    assert again == REPLAYED
    assert broker.sent == {KEY: 1}


@pytest.mark.parametrize("forge", [new_again, taken_back, answered_otherwise])
async def test_an_accepted_order_is_waited_for_whatever_is_written_meanwhile(
    urls: dict[Service, str], session: str, forge: Forgery
) -> None:
    broker = Broker()
    broker.after.clear()
    async with (
        serving(urls["worker"], session, broker.handle),
        front(urls["front"], session) as bus_client,
        pipe_to(urls["front"]) as taken_over,
    ):
        with pytest.raises(ToolError) as caught:
            await calling(submit(bus_client, deadline_s=2.0), broker, lambda: forge(taken_over, bus_client.keys))
        broker.after.set()
        await until(lambda: is_replayed(bus_client), "the order is answered")

    assert caught.value.code == "pending"
    assert broker.sent == {KEY: 1}


async def test_a_forged_answer_to_a_call_that_waits_is_not_believed(urls: dict[Service, str], session: str) -> None:
    broker = Broker()
    broker.before.clear()
    async with (
        serving(urls["worker"], session, broker.handle),
        front(urls["front"], session) as bus_client,
        pipe_to(urls["front"]) as taken_over,
    ):
        for forge in (answered_otherwise, taken_back):
            call = submit(bus_client, deadline_s=1.5)
            with pytest.raises(ToolError) as caught:
                await calling(call, broker, partial(forge, taken_over, bus_client.keys))
            assert (caught.value.code, caught.value.details["reason"]) == ("not_executed", "late")
        broker.before.set()

    assert broker.sent == {}


async def are_owned(pipe: CommandPipeline, keys: Keys) -> bool:
    owner, leader = await pipe.send("MGET", keys.owned, keys.lease)
    return owner is not None and bool(owner == leader)


async def test_the_leaders_own_parts_are_taken_over_once(
    redis_url: str, urls: dict[Service, str], session: str
) -> None:
    broker, keys = Broker(), Keys(session)
    async with pipe_to(redis_url) as pipe, front(urls["front"], session) as bus_client:
        async with serving(urls["worker"], session, broker.handle):
            assert await submit(bus_client) == broker.answer
        await pipe.send("DEL", keys.owned)

        async with serving(urls["worker"], session, broker.handle, worker="w2"):
            assert await submit(bus_client) == REPLAYED
            await until(lambda: are_owned(pipe, keys), "the worker has taken the records over")
            await pipe.send("DEL", keys.order(KEY))
            assert await submit(bus_client) == REPLAYED
            await pipe.send("HSET", keys.order("made-up"), *DONE, "res", FORGED)
            with pytest.raises(ToolError) as caught:
                await submit(bus_client, "made-up", deadline_s=1.0)

    assert caught.value.code == "pending"
    assert broker.sent == {KEY: 1}


async def test_what_an_earlier_release_that_leads_has_answered_counts_until_another_leads(
    redis_url: str, urls: dict[Service, str], session: str
) -> None:
    """It knows of one part only, and leads under a token of its own. Here no audit log confirms what it has said."""
    broker, keys = Broker(), Keys(session)
    async with pipe_to(redis_url) as pipe, front(urls["front"], session) as bus_client:
        async with serving(urls["worker"], session, broker.handle):
            await submit(bus_client, "another-key")
        token = int(await pipe.send("GET", keys.epoch)) + 1
        await pipe.send("SET", keys.epoch, token)
        await pipe.send("SET", keys.lease, token, "PX", 60_000)
        answer = encode_reply(Reply(VERSION, "old", True, msgspec.Raw(b'{"orderId":9,"replayed":false}')))
        await pipe.send("HSET", keys.order(KEY), *DONE, "res", answer)
        assert await submit(bus_client) == b'{"orderId":9,"replayed":true}'

        await pipe.send("DEL", keys.lease)
        async with serving(urls["worker"], session, broker.handle, worker="w2"):
            with pytest.raises(ToolError) as caught:
                await submit(bus_client)
            assert await pipe.send("HGET", keys.answer(KEY), "st") == b"done"

    assert caught.value.code == "not_confirmed"
    assert broker.sent == {"another-key": 1}


async def test_a_lost_mark_of_the_leaders_parts_is_written_again_before_a_front_is_believed(
    redis_url: str, urls: dict[Service, str], session: str
) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe, serving(urls["worker"], session, Broker().handle) as bus:
        await pipe.send("DEL", keys.owned)
        bus.lease.renew_now()

        async def is_marked() -> bool:
            return bool(await pipe.send("GET", keys.owned) == f"{bus.lease.token}?".encode())

        await until(is_marked, "the leader has renewed its lease")
        await pipe.send("HSET", keys.order("made-up"), *DONE, "res", FORGED)
        found = await intents(pipe, session).read("made-up")

    assert (found.word, found.reply) == ("accepted", b"")


async def calling(call: Awaitable[bytes], broker: Broker, forge: Callable[[], Awaitable[object]]) -> bytes:
    """Make the call, and forge once the worker has it in hand."""
    before, asked = len(broker.asked), broker.sent.total()

    async def in_hand() -> bool:
        return broker.sent.total() > asked if broker.before.is_set() else len(broker.asked) > before

    async with asyncio.TaskGroup() as group:
        answer = group.create_task(outcome(call))
        await until(in_hand, "the worker has the call")
        await forge()
    found = answer.result()
    if isinstance(found, ToolError):
        raise found
    return found


async def outcome(call: Awaitable[bytes]) -> bytes | ToolError:
    try:
        return await call
    except ToolError as error:
        return error


async def is_replayed(bus_client: BusClient) -> bool:
    found = await outcome(submit(bus_client))
    return found == REPLAYED
