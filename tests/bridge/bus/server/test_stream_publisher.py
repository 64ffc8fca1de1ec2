"""Ticks: in order, counted where some are missing, never held up by a slow reader, and ended when nobody listens."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from bridge.bus.client.client import BusClient
from bridge.bus.client.stream_reader import StreamReader
from bridge.bus.messages import Tick
from bridge.bus.server import stream_publisher as ticks
from bridge.bus.server.server import BusServer
from bridge.bus.timing import USUAL
from bridge.tool import ToolError
from tests.stacks.bus import Broker, front, serving
from tests.stacks.redis_relay import Shim
from tests.stacks.timing import patient
from tests.waiting import until

STREAM = "quote.265598"


@pytest_asyncio.fixture
async def bus(redis_url: str, session: str) -> AsyncIterator[BusServer]:
    async with serving(redis_url, session, Broker().handle) as bus:
        yield bus


@pytest_asyncio.fixture
async def impatient(redis_url: str, session: str) -> AsyncIterator[BusServer]:
    """A worker that soon abandons a stream without a listener."""
    timing = patient(linger_s=0.3, listener_check_s=0.05)
    async with serving(redis_url, session, Broker().handle, timing=timing) as bus:
        yield bus


@pytest_asyncio.fixture
async def bus_client(redis_url: str, session: str) -> AsyncIterator[BusClient]:
    async with front(redis_url, session) as bus_client:
        yield bus_client


@pytest_asyncio.fixture
async def watchful(redis_url: str, session: str) -> AsyncIterator[BusClient]:
    """A front that looks for its worker often."""
    async with front(redis_url, session, timing=patient(worker_check_s=0.02)) as bus_client:
        yield bus_client


def tick(seq: int) -> Tick:
    return Tick(seq, "quote", 0, msgspec.Raw(b"%d" % seq))


def bodies(batch: list[Tick]) -> list[int]:
    return [msgspec.json.decode(each.body) for each in batch]


async def gathered(feed: StreamReader, count: int) -> list[int]:
    found: list[int] = []
    async for batch in feed:
        found += bodies(batch)
        if len(found) >= count:
            break
    return found


async def test_a_tick_arrives_with_kind_body_and_time(bus: BusServer, bus_client: BusClient) -> None:
    async with bus_client.listen(STREAM) as feed:
        before_ms = bus.pipe.clock.now_ms()
        bus.publish(STREAM, "quote", b'{"last":512.3}')
        [heard] = await anext(feed)
        after_ms = bus.pipe.clock.now_ms()

    assert (heard.seq, heard.kind, bytes(heard.body)) == (1, "quote", b'{"last":512.3}')
    assert before_ms <= heard.time_ms <= after_ms


async def test_every_feed_hears_its_own_stream_in_order(bus: BusServer, bus_client: BusClient) -> None:
    async with bus_client.listen("one") as one, bus_client.listen("one") as again, bus_client.listen("two") as two:
        for i in range(300):
            bus.publish("one", "quote", b"%d" % i)
            bus.publish("two", "quote", b"%d" % -i)
        assert await gathered(one, 300) == list(range(300))
        assert await gathered(again, 300) == list(range(300))
        assert await gathered(two, 300) == [-i for i in range(300)]

    assert (one.gaps, one.dropped) == (0, 0)


async def test_what_gathers_while_a_message_is_under_way_goes_out_in_one(bus: BusServer, bus_client: BusClient) -> None:
    async with bus_client.listen(STREAM) as feed:
        for i in range(1000):
            bus.publish(STREAM, "quote", b"%d" % i)
        batches = [await anext(feed)]
        while sum(map(len, batches)) < 1000:
            batches.append(await anext(feed))

    assert len(batches) < 20
    assert [body for batch in batches for body in bodies(batch)] == list(range(1000))


async def test_listening_ends_with_the_block(bus: BusServer, bus_client: BusClient) -> None:
    async with bus_client.listen(STREAM):
        assert await _listeners(bus) == 1
        async with bus_client.listen(STREAM):
            assert await _listeners(bus) == 1
        assert await _listeners(bus) == 1
    await until(lambda: _is_unheard(bus), "the channel was left")

    async with bus_client.listen(STREAM) as feed:  # and may be joined again
        bus.publish(STREAM, "quote", b"1")
        assert await gathered(feed, 1) == [1]
    assert bus_client._replies._feeds == {}


async def test_a_channel_left_and_joined_at_once_is_heard(bus: BusServer, bus_client: BusClient) -> None:
    for i in range(20):
        async with bus_client.listen(STREAM) as feed:
            bus.publish(STREAM, "quote", b"%d" % i)
            assert await gathered(feed, 1) == [i]


async def test_a_feed_ends_with_the_connection(redis_url: str, session: str, bus: BusServer) -> None:
    async with Shim(redis_url) as shim, front(shim.url, session) as bus_client, bus_client.listen(STREAM) as feed:
        shim.cut()
        with pytest.raises(ToolError) as caught:
            await anext(feed)
        async with bus_client.listen(STREAM) as next_feed:
            bus.publish(STREAM, "quote", b"1")
            assert await gathered(next_feed, 1) == [1]

    assert caught.value.code == "bus_down"


async def test_a_feed_ends_with_the_worker(
    redis_url: str, session: str, watchful: BusClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus_client = watchful
    async with serving(redis_url, session, Broker().handle), bus_client.listen(STREAM) as feed:
        reading = asyncio.ensure_future(anext(feed))
        await until(lambda: bus_client._replies._feeds, "it listens")
        monkeypatch.setattr(bus_client._replies, "receivers", _none)
        with pytest.raises(ToolError) as caught:
            await reading

    assert caught.value.code == "worker_lost"
    assert "ibkr_get_status" in caught.value.message


async def test_a_feed_without_a_worker_ends_soon(watchful: BusClient) -> None:
    for _ in range(2):
        async with watchful.listen(STREAM) as feed:
            with pytest.raises(ToolError, match="worker_lost"):
                await asyncio.wait_for(anext(feed), 5)
            async with watchful.listen("joined-later") as later:
                with pytest.raises(ToolError, match="worker_lost"):
                    await asyncio.wait_for(anext(later), 5)


async def test_listening_without_redis_says_so(session: str, unused_port: int) -> None:
    async with front(f"redis://127.0.0.1:{unused_port}/0", session) as bus_client:
        with pytest.raises(ToolError, match="bus_down"):
            async with bus_client.listen(STREAM):
                raise AssertionError("nothing to listen to")
        assert bus_client._replies._feeds == {}


async def test_what_is_no_tick_is_dropped(bus: BusServer, bus_client: BusClient) -> None:
    async with bus_client.listen(STREAM) as feed:
        await bus.pipe.send("SPUBLISH", bus.keys.ticks(STREAM), b'["1-1",[[1]]]')
        await bus.pipe.send("SPUBLISH", bus.keys.ticks(STREAM), b"junk")
        bus.publish(STREAM, "quote", b"1")
        assert await gathered(feed, 1) == [1]


async def test_the_publisher_knows_its_listeners(bus: BusServer, bus_client: BusClient) -> None:
    assert bus.ticks.receivers(STREAM) == 0
    async with bus_client.listen(STREAM) as feed:
        bus.publish(STREAM, "quote", b"1")
        await anext(feed)
        await until(lambda: bus.ticks.receivers(STREAM) == 1, "the listener was counted")


@pytest.mark.fault(36)
async def test_a_stream_that_nobody_hears_is_abandoned(impatient: BusServer, bus_client: BusClient) -> None:
    bus = impatient
    abandoned: list[str] = []
    bus.on_abandoned(abandoned.append)
    bus.open_stream("unheard")
    bus.publish("spoken", "quote", b"1")
    bus.open_stream("closed")
    bus.close_stream("closed")
    bus.close_stream("never opened")
    async with bus_client.listen(STREAM) as feed:
        bus.open_stream(STREAM)
        await until(lambda: len(abandoned) == 2, "both are abandoned")
        bus.publish(STREAM, "quote", b"1")
        assert await gathered(feed, 1) == [1]
    await until(lambda: len(abandoned) == 3, "the third is abandoned once its reader has left")

    assert sorted(abandoned[:2]) == ["spoken", "unheard"]
    assert abandoned[2] == STREAM
    assert bus.ticks._streams == {}


async def test_opening_a_stream_again_gives_it_another_while(bus: BusServer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(ticks, "boottime", lambda: now)
    abandoned: list[str] = []
    bus.on_abandoned(abandoned.append)
    bus.open_stream(STREAM)
    now += USUAL.linger_s - 1
    bus.open_stream(STREAM)
    now += USUAL.linger_s
    await bus.ticks.check()
    assert abandoned == []
    now += 1
    await bus.ticks.check()

    assert abandoned == [STREAM]


async def test_while_redis_is_away_no_stream_is_abandoned(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    abandoned: list[str] = []
    async with Shim(redis_url) as shim, serving(shim.url, session, Broker().handle) as bus:
        monkeypatch.setattr(ticks, "boottime", lambda: now)
        bus.on_abandoned(abandoned.append)
        bus.open_stream(STREAM)
        shim.refusing = True
        shim.cut()
        now += 2 * USUAL.linger_s
        await bus.ticks.check()
        assert abandoned == []
        assert bus.ticks.receivers(STREAM) == ticks.UNCOUNTED
        shim.refusing = False
        await bus.ticks.check()
        assert abandoned == []  # it gets its while from the first answer on
        now += USUAL.linger_s + 1
        await bus.ticks.check()

    assert abandoned == [STREAM]


async def test_ticks_that_redis_can_not_take_are_bounded_and_show_as_a_gap(
    bus: BusServer, bus_client: BusClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticks, "UNSENT", 10)
    async with bus_client.listen(STREAM) as feed:
        bus.publish(STREAM, "quote", b"0")
        assert await gathered(feed, 1) == [0]
        for i in range(1, 100):  # without a pause, so that nothing is sent in between
            bus.publish(STREAM, "quote", b"%d" % i)
        assert await gathered(feed, 10) == list(range(90, 100))

    assert feed.gaps == 89
    assert (bus.ticks.published, bus.ticks.dropped) == (100, 89)


async def test_a_stream_closed_while_its_ticks_are_under_way_is_no_error(bus: BusServer, bus_client: BusClient) -> None:
    async with bus_client.listen(STREAM) as feed:
        bus.publish(STREAM, "quote", b"1")
        await asyncio.sleep(0)  # the message is being sent
        bus.close_stream(STREAM)
        assert await gathered(feed, 1) == [1]
        bus.publish("another", "quote", b"1")
        await until(lambda: not bus.ticks._streams["another"].unsent, "publishing goes on")


async def test_a_tick_for_a_stream_just_left_is_ignored(bus: BusServer, bus_client: BusClient) -> None:
    async with bus_client.listen(STREAM) as feed:
        pass
    bus_client._replies._hear(bus.keys.ticks(STREAM), b'["1-1",[[1,"quote",5,1]]]')

    assert not feed._unread


async def _listeners(bus: BusServer) -> int:
    _, count = await bus.pipe.send("PUBSUB", "SHARDNUMSUB", bus.keys.ticks(STREAM))
    return int(count)


async def _is_unheard(bus: BusServer) -> bool:
    return await _listeners(bus) == 0


async def _none() -> int:
    return 0


async def test_a_stream_opened_anew_is_heard_on(bus: BusServer, bus_client: BusClient) -> None:
    async with bus_client.listen(STREAM) as feed:
        bus.publish(STREAM, "quote", b"1")
        assert await gathered(feed, 1) == [1]
        bus.close_stream(STREAM)
        bus.publish(STREAM, "quote", b"2")
        assert await gathered(feed, 1) == [2]

    assert feed.gaps == 1
