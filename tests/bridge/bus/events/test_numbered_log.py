"""A numbered log is read by cursor, and what is lost since is counted where that can be known."""

from collections.abc import AsyncIterator

import pytest_asyncio

from bridge.bus.events.event import Cursor
from bridge.bus.events.numbered_log import newest_entry, read_entries
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.timing import PATIENT


@pytest_asyncio.fixture
async def pipe(redis_url: str) -> AsyncIterator[CommandPipeline]:
    async with CommandPipeline(redis_url, PATIENT) as pipe:
        yield pipe


async def put(pipe: CommandPipeline, key: str, *numbers: int) -> None:
    for number in numbers:
        await pipe.send("XADD", key, "*", "n", number)


async def test_entries_after_a_cursor_are_read_in_parts(pipe: CommandPipeline, session: str) -> None:
    await put(pipe, session, 1, 2, 3)
    start = await read_entries(pipe, session, Cursor(), 2)
    first = Cursor(1, start.rows[0][0].decode())
    rest = await read_entries(pipe, session, first, 10)

    assert [int(row[1][1]) for row in start.rows] == [1, 2]
    assert [int(row[1][1]) for row in rest.rows] == [2, 3]
    assert (rest.gap, rest.missing, rest.next) == (False, 0, await newest_entry(pipe, session))


async def test_dropped_entries_are_counted_and_lost_ones_are_not(pipe: CommandPipeline, session: str) -> None:
    await put(pipe, session, 1, 2, 3, 4)
    before = await newest_entry(pipe, session)
    oldest = Cursor(1, (await read_entries(pipe, session, Cursor(), 1)).rows[0][0].decode())
    await pipe.send("XTRIM", session, "MAXLEN", 2)
    dropped = await read_entries(pipe, session, oldest, 10)
    await pipe.send("DEL", session)
    await put(pipe, session, 1)
    lost = await read_entries(pipe, session, before, 10)

    assert (dropped.gap, dropped.missing) == (True, 1)
    assert (lost.gap, lost.missing) == (True, None)


async def test_what_is_no_log_is_empty(pipe: CommandPipeline, session: str) -> None:
    await pipe.send("SET", session, "text")

    assert (await read_entries(pipe, session, Cursor(), 10)).rows == []


async def test_an_id_that_a_new_log_uses_again_is_not_the_cursors_entry(pipe: CommandPipeline, session: str) -> None:
    """Redis gives an id for a millisecond; a log that is begun anew in the same one may give it again."""
    for number in (1, 2):
        await pipe.send("XADD", session, f"5-{number}", "n", number)
    before = await newest_entry(pipe, session)
    await pipe.send("DEL", session)
    await pipe.send("XADD", session, "5-2", "n", 1)
    lost = await read_entries(pipe, session, before, 10)

    assert (lost.gap, lost.missing) == (True, None)
