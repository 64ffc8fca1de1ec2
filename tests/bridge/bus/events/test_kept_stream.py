"""The log of a kept stream: in order, nothing twice, merged updates counted, and every gap marked."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.bus.events import kept_stream
from bridge.bus.events.event import Cursor
from bridge.bus.events.kept_stream import BEGIN, KeptBatch, KeptEntry, KeptUpdate, newest_kept, read_kept, record
from bridge.bus.server.server import BusServer
from bridge.bus.transport.errors import Fenced
from tests.stacks.audit_log import leading

STREAM = "quotes-1"


@pytest_asyncio.fixture
async def bus(redis_url: str, session: str) -> AsyncIterator[BusServer]:
    async with leading(redis_url, session) as (bus, _):
        yield bus


def quote(first: int, last: int) -> KeptUpdate:
    return KeptUpdate(first, last, "quote", b'{"bid":%d}' % last)


async def put(bus: BusServer, *updates: KeptUpdate, life: str = "1-1", stream: str = STREAM) -> None:
    await record(bus.pipe, bus.keys, bus.lease.token, [KeptBatch(stream, life, updates)])


async def entries(bus: BusServer, after: Cursor | None = None, most: int = 100) -> list[KeptEntry]:
    return list((await read_kept(bus.pipe, bus.keys, STREAM, after or Cursor(), most)).entries)


async def told(bus: BusServer) -> list[tuple[str, int]]:
    return [(each.kind, each.updates) for each in await entries(bus)]


async def test_updates_are_numbered_and_tell_how_many_they_merge(bus: BusServer) -> None:
    await put(bus, KeptUpdate(0, 0, BEGIN, b"{}"))
    await put(bus, quote(1, 1))
    await put(bus, quote(2, 5))

    found = await entries(bus)
    assert [(each.kind, each.updates, each.body.get("bid")) for each in found] == [
        ("gap", 0, None), ("quote", 1, 1), ("quote", 4, 5),
    ]  # fmt: skip
    assert [each.cursor.number for each in found] == [1, 2, 3]
    assert found[-1].cursor == await newest_kept(bus.pipe, bus.keys, STREAM)


async def test_an_update_that_is_written_again_is_there_once(bus: BusServer) -> None:
    await put(bus, quote(1, 3))
    await put(bus, quote(1, 3))
    await put(bus, quote(1, 5))  # with what came after the answer was lost

    assert await told(bus) == [("quote", 3), ("quote", 2)]


@pytest.mark.parametrize(
    ("then", "life"), [(quote(3, 3), "1-1"), (quote(2, 2), "2-1"), (quote(1, 1), "2-1"), (quote(9, 9), "2-1")]
)
async def test_what_was_not_written_is_a_gap(bus: BusServer, then: KeptUpdate, life: str) -> None:
    await put(bus, quote(1, 1))
    await put(bus, then, life=life)
    await put(bus, quote(then.last + 1, then.last + 1), life=life)

    assert await told(bus) == [("quote", 1), ("gap", 0), ("quote", 1), ("quote", 1)]


async def test_a_gap_that_the_worker_tells_is_marked_once(bus: BusServer) -> None:
    await put(bus, quote(1, 1), KeptUpdate(2, 2, "gap", b"{}"))
    await put(bus, quote(1, 1), life="2-1")

    assert await told(bus) == [("quote", 1), ("gap", 1), ("quote", 1)]


async def test_a_log_is_capped_and_expires(bus: BusServer, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(bus, *(quote(each, each) for each in range(1, 2_501)))

    page = await read_kept(bus.pipe, bus.keys, STREAM, Cursor(1, "1-0"), 5_000)
    assert kept_stream.KEPT <= len(page.entries) < 1_200
    assert (page.gap, page.missing) == (True, page.entries[0].cursor.number - 2)
    assert 0 < await bus.pipe.send("PTTL", bus.keys.kept(STREAM)) <= kept_stream.EXPIRES_MS


async def test_several_streams_are_written_in_one_step_and_a_batch_may_be_empty(bus: BusServer) -> None:
    batches = [KeptBatch(STREAM, "1-1", [quote(1, 1)]), KeptBatch("quotes-2", "1-2", [])]
    await record(bus.pipe, bus.keys, bus.lease.token, batches)

    assert await told(bus) == [("quote", 1)]
    assert (await read_kept(bus.pipe, bus.keys, "quotes-2", Cursor(), 10)).entries == ()


async def test_who_does_not_lead_writes_nothing(bus: BusServer) -> None:
    with pytest.raises(Fenced):
        await record(bus.pipe, bus.keys, bus.lease.token + 1, [KeptBatch(STREAM, "1-1", [quote(1, 1)])])

    assert await told(bus) == []


async def test_an_entry_that_cant_be_read_is_passed_over(bus: BusServer) -> None:
    await bus.pipe.send("XADD", bus.keys.kept(STREAM), "*", "n", "1", "e", "not json")
    await put(bus, quote(1, 1))

    assert [each.kind for each in await entries(bus)] == ["gap", "quote"]
