"""A leader with the audit log that it writes, and the log's lines as Redis has them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.bus.client.client import BusClient
from bridge.bus.controls.audit_log import AuditLog, read_log
from bridge.bus.keys import Keys
from bridge.bus.server.server import BusServer
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.timing import patient, waits_at


@asynccontextmanager
async def leading(url: str, session: str, worker: str = "w1") -> AsyncIterator[tuple[BusServer, AuditLog]]:
    async with BusServer(url, session, worker, timing=waits_at(url)) as bus:
        token = await bus.lead()
        yield bus, AuditLog(bus.pipe, bus.keys, token)


@asynccontextmanager
async def front_and_leader(
    redis_url: str, session: str, check_s: float = 60
) -> AsyncIterator[tuple[BusClient, BusServer]]:
    """A leader, and a client that has reached Redis and looks for events so often."""
    async with (
        leading(redis_url, session) as (bus, _),
        BusClient(redis_url, session, "front", patient(event_check_s=check_s)) as front,
    ):
        await front.status()
        yield front, bus


async def lines_of(pipe: CommandPipeline, session: str, after: int = 0) -> list[bytes]:
    return [line async for line in read_log(pipe, Keys(session), after)]
