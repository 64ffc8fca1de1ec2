"""Handles of streams: durable, of one principal, gone when nobody reads them or somebody ended them."""

from collections.abc import AsyncIterator

import msgspec
import pytest_asyncio

from bridge.bus.events.stream_handles import (
    LAPSES_MS,
    NOTED_MS,
    StreamHandle,
    add_handle,
    end_handle,
    new_handle,
    note_read,
    read_handle,
    read_handles,
)
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.timing import PATIENT

NOW = 1_000_000_000
HANDLE = StreamHandle("s-1", "claude", "quotes", "quotes-1", "SPY", {"symbol": "SPY", "conId": 1}, "0.0-0", NOW, NOW)


@pytest_asyncio.fixture
async def pipe(redis_url: str) -> AsyncIterator[CommandPipeline]:
    async with CommandPipeline(redis_url, PATIENT) as pipe:
        yield pipe


async def test_a_handle_is_kept_until_it_is_ended(pipe: CommandPipeline, session: str) -> None:
    keys = Keys(session)
    await add_handle(pipe, keys, HANDLE)
    found = await read_handle(pipe, keys, "s-1")
    await end_handle(pipe, keys, "s-1")

    assert found == HANDLE
    assert await read_handle(pipe, keys, "s-1") is None
    assert new_handle() != new_handle()


async def test_one_that_nobody_reads_lapses(pipe: CommandPipeline, session: str) -> None:
    keys = Keys(session)
    read = msgspec.structs.replace(HANDLE, handle="s-2", created_ms=NOW + 1)
    await add_handle(pipe, keys, HANDLE)
    await add_handle(pipe, keys, read)
    noted = await note_read(pipe, keys, read, NOW + NOTED_MS)

    assert noted is not None
    assert noted.last_read_ms == NOW + NOTED_MS
    assert await read_handles(pipe, keys, NOW + LAPSES_MS) == [HANDLE, noted]
    assert await read_handles(pipe, keys, NOW + LAPSES_MS + 1) == [noted]
    assert await read_handle(pipe, keys, "s-1") is None
    assert 0 < await pipe.send("PTTL", keys.streams) <= LAPSES_MS


async def test_a_read_does_not_bring_an_ended_one_back(pipe: CommandPipeline, session: str) -> None:
    keys = Keys(session)

    assert await note_read(pipe, keys, HANDLE, NOW + 1) == HANDLE  # too soon to be noted
    assert await note_read(pipe, keys, HANDLE, NOW + NOTED_MS) is None
    assert await read_handles(pipe, keys, NOW) == []


async def test_what_cant_be_read_is_dropped(pipe: CommandPipeline, session: str) -> None:
    keys = Keys(session)
    await pipe.send("HSET", keys.streams, "s-9", "not json")
    assert await read_handle(pipe, keys, "s-9") is None
    assert await read_handles(pipe, keys, NOW) == []
    assert not await pipe.send("EXISTS", keys.streams)

    await pipe.send("SET", keys.streams, "text")
    assert await read_handle(pipe, keys, "s-9") is None
    assert await read_handles(pipe, keys, NOW) == []
    await add_handle(pipe, keys, HANDLE)
    assert await read_handle(pipe, keys, "s-1") == HANDLE
