"""Writes over the bus: at most one execution per key, recorded, replayed, and noted."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

import msgspec
import pytest

from bridge.bus.records.records import RecordKeeper
from bridge.bus.server.server import BusServer
from bridge.bus.transport.errors import Fenced
from bridge.tool import ToolError
from tests.stacks.bus import GET_POSITIONS, KEY, PLACE_ORDER, Broker, front, intents, order, pipe_to, serving, submit
from tests.stacks.timing import waits_at
from tests.waiting import until


@pytest.fixture
def broker() -> Broker:
    return Broker()


async def test_a_write_is_accepted_done_and_recorded(redis_url: str, session: str, broker: Broker) -> None:
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as bus_client:
        answer = await submit(bus_client)
        record = await bus.records.read(KEY)
        unfinished = await bus.records.unfinished()

    assert answer == broker.answer
    assert record is not None
    assert (record.key, record.state, record.token) == (KEY, "done", bus.lease.token)
    assert record.request.caller == "claude"
    assert bytes(record.request.args) == b'{"symbol":"AAPL","action":"BUY","totalQuantity":1}'
    assert record.reply is not None
    assert bytes(record.reply.result) == broker.answer
    assert 0 < record.new_ms <= record.accepted_ms <= record.done_ms
    assert unfinished == []


async def test_the_same_key_again_gets_the_stored_answer(redis_url: str, session: str, broker: Broker) -> None:
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as one:
        assert await submit(one) == b'{"orderId":7,"replayed":false}'
        async with front(redis_url, session) as two:
            assert await submit(two) == b'{"orderId":7,"replayed":true}'

    assert broker.sent == {KEY: 1}


async def test_a_stored_answer_is_there_without_a_worker(redis_url: str, session: str, broker: Broker) -> None:
    async with front(redis_url, session) as bus_client:
        async with serving(redis_url, session, broker.handle):
            await submit(bus_client)
        assert await submit(bus_client) == b'{"orderId":7,"replayed":true}'


@pytest.mark.parametrize("stored", [b'{"orderId":7}', b"[1,2]", b"null"])
async def test_an_answer_without_a_place_for_it_is_replayed_as_it_is(
    redis_url: str, session: str, broker: Broker, stored: bytes
) -> None:
    broker.answer = stored
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        assert [await submit(bus_client), await submit(bus_client)] == [stored, stored]


@pytest.mark.fault(91)
async def test_a_result_is_kept_for_seven_days(redis_url: str, session: str, broker: Broker) -> None:
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as bus_client:
        await submit(bus_client)
        kept_ms = await bus.pipe.send("PTTL", bus.keys.order(KEY))

    assert 7 * 86_400_000 - 10_000 < kept_ms <= 7 * 86_400_000


@pytest.mark.fault(94)
async def test_the_same_key_with_other_arguments_is_a_conflict(redis_url: str, session: str, broker: Broker) -> None:
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        await submit(bus_client)
        with pytest.raises(ToolError) as caught:
            await submit(bus_client, arguments=order(totalQuantity=2))

    assert (caught.value.code, caught.value.details) == ("idempotency_conflict", {"key": KEY})
    assert broker.sent == {KEY: 1}


async def test_a_default_spelled_out_is_the_same_order(redis_url: str, session: str, broker: Broker) -> None:
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        await submit(bus_client)
        await submit(bus_client, arguments=order(orderType="MKT", tif="DAY", idempotencyKey=KEY))

    assert broker.sent == {KEY: 1}


async def test_ten_callers_at_once_get_one_order_and_one_answer(redis_url: str, session: str, broker: Broker) -> None:
    broker.after.clear()
    async with serving(redis_url, session, broker.handle), AsyncExitStack() as stack:
        fronts = [await stack.enter_async_context(front(redis_url, session)) for _ in range(3)]
        calls = [asyncio.create_task(submit(fronts[i % 3])) for i in range(10)]
        await until(lambda: broker.sent, "the order is sent")
        broker.after.set()
        answers = await asyncio.gather(*calls)

    assert answers == [b'{"orderId":7,"replayed":false}'] * 10
    assert broker.sent == {KEY: 1}


async def test_order_ids_are_fresh_whatever_tws_says(redis_url: str, session: str, broker: Broker) -> None:
    async with serving(redis_url, session, broker.handle) as bus:
        ids = [
            await bus.records.order_ids(floor=100),
            await bus.records.order_ids(floor=7, count=10),  # a gateway that has gone back
            await bus.records.order_ids(floor=7),
            await bus.records.order_ids(floor=500),
        ]
        stored = await bus.pipe.send("GET", bus.keys.order_ids)
        await bus.pipe.send("SET", bus.keys.lease, "another")
        with pytest.raises(Fenced):
            await bus.records.order_ids(floor=1)

    assert ids == [100, 101, 111, 500]
    assert stored == b"500"


async def test_different_keys_do_not_wait_for_each_other(redis_url: str, session: str, broker: Broker) -> None:
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        await asyncio.gather(*(submit(bus_client, key=f"key-{i:05}") for i in range(50)))

    assert broker.sent == {f"key-{i:05}": 1 for i in range(50)}


@pytest.mark.fault(83)
async def test_a_request_delivered_six_times_is_executed_once(redis_url: str, session: str, broker: Broker) -> None:
    async with serving(redis_url, session, broker.handle) as bus, front(redis_url, session) as bus_client:
        await submit(bus_client)
        record = await bus.records.read(KEY)
        assert record is not None
        await until(lambda: not bus._in_hand, "the first delivery is through")
        for i in range(5):
            await bus.pipe.send("SPUBLISH", bus.keys.requests, msgspec.json.encode(record.request))
            await until(partial(_handled, broker, bus, i + 2), "the delivery was looked at")

    assert broker.sent == {KEY: 1}


@pytest.mark.fault(83)
async def test_deliveries_at_the_same_time_are_executed_once(redis_url: str, session: str, broker: Broker) -> None:
    """Two workers that both believe to lead: only the lease's holder may accept, and only once."""
    other = Broker()
    leader = serving(redis_url, session, broker.handle)
    async with leader as bus, Impostor(redis_url, session, other), front(redis_url, session) as bus_client:
        assert await submit(bus_client) == broker.answer
        await until(lambda: other.asked, "the impostor has it too")
        assert bus.lease.held()

    assert broker.sent == {KEY: 1}
    assert other.sent == {}


@pytest.mark.fault(91, 92)
async def test_a_cancelled_call_does_not_withdraw_its_order(redis_url: str, session: str, broker: Broker) -> None:
    broker.before.clear()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        call = asyncio.create_task(submit(bus_client))
        await until(lambda: broker.asked, "the order is in hand")
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert bus_client._replies._calls == {}
        broker.before.set()
        assert await submit(bus_client) == broker.answer

    assert broker.sent == {KEY: 1}


async def test_a_look_between_finds_what_a_lost_reply_had_said(redis_url: str, session: str, broker: Broker) -> None:
    async with serving(redis_url, session, broker.handle), pipe_to(redis_url) as pipe:
        front_side = intents(pipe, session)
        assert (await front_side.read(KEY)).word == "absent"
        async with front(redis_url, session) as bus_client:
            await submit(bus_client)
        seen = await front_side.read(KEY)

    assert seen.word == "done"
    assert b'"orderId":7' in seen.reply


def test_reads_of_the_session_are_no_writes() -> None:
    assert GET_POSITIONS.effect == "read"
    assert PLACE_ORDER.effect == "write"


def _handled(broker: Broker, bus: BusServer, deliveries: int) -> bool:
    return len(broker.asked) == deliveries and not bus._in_hand


class Impostor:
    """A second worker that takes requests although it has no lease: a leader that was frozen and has thawed."""

    def __init__(self, url: str, session: str, broker: Broker) -> None:
        self.bus = BusServer(url, session, "impostor", timing=waits_at(url))
        self.broker = broker

    async def __aenter__(self) -> None:
        await self.bus.pipe.__aenter__()
        self.bus.lease._until = float("inf")
        self.bus.lease.token = 1
        self.bus.lease.compared.set()
        self.bus.records = RecordKeeper(self.bus.pipe, self.bus.keys, 1)
        self.bus._keeper = asyncio.create_task(asyncio.Event().wait())  # type: ignore[arg-type]
        self.task = asyncio.create_task(self.bus.serve(self.broker.handle))
        await self.bus.pipe.send("PING")
        await until(self._listens, "both listen")

    async def _listens(self) -> bool:
        _, count = await self.bus.pipe.send("PUBSUB", "SHARDNUMSUB", self.bus.keys.requests)
        return bool(count == 2)

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.bus.__aexit__()
