"""The scripts of the mark and of a restoring: neither is made on an older copy of Redis, and nothing known is lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.bus.controls.connection_target import ConnectionTarget, read_connection_target, store_connection_target
from bridge.bus.controls.kill_switch import read_halt, set_halt
from bridge.bus.server.server import BusServer
from tests.busy import BUSY_S
from tests.stacks.unrenewed_bus import KNOWN, counted, counts, found_out, unrenewed_bus

pytestmark = pytest.mark.trial("A19")


@pytest_asyncio.fixture
async def bus(redis_url: str, session: str) -> AsyncIterator[BusServer]:
    async with unrenewed_bus(redis_url, session) as bus:
        yield bus


async def test_no_mark_is_set_on_an_older_copy(bus: BusServer) -> None:
    await counts(bus, KNOWN - 1)
    await bus._mark()

    assert await bus.pipe.send("GET", bus.keys.generation) is None
    assert await found_out(bus)


async def test_what_is_restored_is_no_less_than_what_was_known(bus: BusServer) -> None:
    await set_halt(bus.pipe, bus.keys, "halt", "owner", "enough")
    halt = await read_halt(bus.pipe, bus.keys)
    bus.watermark.note(halt=halt)
    await store_connection_target(bus.pipe, bus.keys, bus.watermark, ConnectionTarget("owner"))
    await bus.pipe.send("DEL", bus.keys.halt, bus.keys.steering)
    await set_halt(bus.pipe, bus.keys, "reduce_only", "owner", "a milder one of before")
    await bus.rebase()

    assert await read_halt(bus.pipe, bus.keys) == halt == bus.watermark.known.halt
    assert await read_connection_target(bus.pipe, bus.keys, bus.watermark) == ConnectionTarget("owner")


async def test_nothing_counts_as_restored_before_the_lease_is_taken_again(bus: BusServer) -> None:
    await bus.pipe.send("DEL", bus.keys.lease)
    await counts(bus, KNOWN - 1)
    bus.lease.lacking = True
    restoring = asyncio.create_task(bus.rebase())
    await found_out(bus)  # the renewal takes it
    await asyncio.wait_for(restoring, 5 + BUSY_S)

    assert await counted(bus) > KNOWN
    assert not bus.lease.lacking
