"""The leader writes what handles read: merged, in one step for all streams, through a Redis that goes away."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.bus.events.event import Cursor
from bridge.bus.events.kept_stream import KeptEntry, read_kept
from bridge.bus.server import stream_recorder
from bridge.bus.server.server import BusServer
from bridge.bus.timing import BusTiming
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.bus import Broker, serving
from tests.stacks.timing import patient
from tests.waiting import until

STREAM = "quotes-1"


@pytest_asyncio.fixture
async def bus(redis_url: str, session: str) -> AsyncIterator[BusServer]:
    async with serving(redis_url, session, Broker().handle, timing=patient(record_s=0.2, linger_s=0.3)) as bus:
        yield bus


async def entries(bus: BusServer, pipe: CommandPipeline | None = None) -> list[KeptEntry]:
    return list((await read_kept(pipe or bus.pipe, bus.keys, STREAM, Cursor(), 10_000)).entries)


def quote(bid: int) -> bytes:
    return b'{"bid":%d,"ask":null,"ticks":[1,2,3]}' % bid


async def kinds(bus: BusServer) -> list[str]:
    return [each.kind for each in await entries(bus)]


async def test_what_comes_within_a_moment_is_one_entry_with_the_latest_values(bus: BusServer) -> None:
    cursor = await bus.keep_stream(STREAM)
    for bid in range(50):
        bus.publish(STREAM, "quote", quote(bid))
    bus.publish("quotes-2", "quote", quote(1))  # nobody reads it
    await until(lambda: kinds_are(bus, ["gap", "quote"]), "the quotes are written")

    found = await entries(bus)
    assert found[0].cursor == Cursor.parse(cursor)
    assert (found[1].updates, found[1].body) == (50, {"bid": 49})
    assert not await bus.pipe.send("EXISTS", bus.keys.kept("quotes-2"))


async def kinds_are(bus: BusServer, wanted: list[str]) -> bool:
    return await kinds(bus) == wanted


async def test_a_gap_is_not_merged_away(bus: BusServer) -> None:
    await bus.keep_stream(STREAM)
    for kind in ("quote", "quote", "gap", "quote"):
        bus.publish(STREAM, kind, quote(1))

    await until(lambda: kinds_are(bus, ["gap", "quote", "gap", "quote"]), "all is written")
    assert [each.updates for each in await entries(bus)] == [0, 2, 1, 1]


async def test_a_kept_stream_is_not_abandoned_and_a_dropped_one_is(bus: BusServer) -> None:
    abandoned: list[str] = []
    bus.on_abandoned(abandoned.append)
    await bus.keep_stream(STREAM)
    await until(lambda: bus.ticks.recorder.keeps(STREAM), "it is kept")
    await bus.ticks.check()
    assert bus.ticks.recorder.kept() == set()  # its handle may be on its way
    bus.ticks.recorder.drop(STREAM)

    async def checked() -> bool:
        await bus.ticks.check()
        return bool(abandoned)

    await until(checked, "nobody listens")
    assert abandoned == [STREAM]


async def test_a_stream_that_is_opened_anew_has_a_gap(bus: BusServer) -> None:
    await bus.keep_stream(STREAM)
    bus.publish(STREAM, "quote", quote(1))
    await until(lambda: kinds_are(bus, ["gap", "quote"]), "the first is written")
    bus.close_stream(STREAM)
    bus.publish(STREAM, "quote", quote(2))

    await until(lambda: kinds_are(bus, ["gap", "quote", "gap", "quote"]), "the second is written")


async def test_a_redis_that_goes_away_costs_a_gap_and_no_doubled_entry(
    own_redis: EmbeddedRedis, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_recorder, "UNWRITTEN", 10)
    async with serving(own_redis.url, session, Broker().handle, timing=BusTiming(record_s=0.05)) as bus:
        await bus.keep_stream(STREAM)
        bus.publish(STREAM, "value", b'{"seq":1}')
        await until(lambda: kinds_are(bus, ["gap", "value"]), "the first is written")
        own_redis.process.kill()  # type: ignore[union-attr]
        await own_redis.process.wait()  # type: ignore[union-attr]
        for seq in range(2, 31):
            bus.publish(STREAM, "value", b'{"seq":%d}' % seq)
        await own_redis.start()

        async def written() -> bool:
            return (await entries(bus))[-1].body.get("seq") == 30

        await until(written, "the last is written", 10)
        found = await entries(bus)

    assert [each.body.get("seq") for each in found] == [None, 1, None, *range(21, 31)]
    assert found[2].kind == "gap"
