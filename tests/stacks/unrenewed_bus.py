"""A leader that does not renew its lease, so that a test says when Redis is compared with what is known."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.bus.records.records import RecordKeeper
from bridge.bus.server.server import BusServer
from tests.busy import BUSY_S
from tests.stacks.timing import waits_at

KNOWN = 7  # steps


@asynccontextmanager
async def unrenewed_bus(redis_url: str, session: str) -> AsyncIterator[BusServer]:
    """A leader that does not renew, so that a test says when Redis is compared."""
    async with BusServer(redis_url, session, "w1", timing=waits_at(redis_url)) as bus:
        await bus.lease.acquire()
        bus.records = RecordKeeper(bus.pipe, bus.keys, bus.lease.token, bus.watermark)
        await counts(bus, KNOWN)
        bus.watermark.note(KNOWN)
        yield bus


async def counts(bus: BusServer, steps: int) -> None:
    await bus.pipe.send("SET", bus.keys.revision, steps)


async def counted(bus: BusServer) -> int:
    return int(await bus.pipe.send("GET", bus.keys.revision))


async def found_out(bus: BusServer) -> bool:
    """Whether the next renewal finds that Redis has less than is known."""
    renewing = asyncio.create_task(bus.lease.keep())
    await asyncio.wait_for(bus.lease.compared.wait(), 5 + BUSY_S)
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)
    return bus.lease.data_lost.is_set()
