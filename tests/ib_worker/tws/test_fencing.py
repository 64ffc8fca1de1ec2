"""The gateway's connection ends with the lease, whatever the worker's process does meanwhile."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from structlog.typing import EventDict

from bridge.bus.transport.clock import boottime
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.tws.fencing import ConnectionFence
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ib_worker_process import START_S, running
from tests.stacks.worker import caller
from tests.waiting import until


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[ConnectionFence, socket.socket, asyncio.StreamReader]]:
    """A guard, the worker's end of a connection, and what the gateway reads at the other."""
    guard = ConnectionFence()
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=theirs)
    try:
        with ours:
            yield guard, ours, reader
    finally:
        await guard.close()
        writer.close()


async def ends(reader: asyncio.StreamReader) -> bool:
    return await reader.read(1) == b""


async def test_a_connection_ends_when_the_lease_is_not_renewed() -> None:
    async with connected() as (guard, ours, reader), asyncio.timeout(20):
        guard.held_until(boottime() + 0.3)
        guard.watch(ours)

        assert await ends(reader)
        with pytest.raises(BrokenPipeError):
            ours.send(b"an order")


async def test_renewals_keep_it() -> None:
    async with connected() as (guard, ours, reader):
        guard.held_until(began := boottime() + 0.5)
        guard.watch(ours)
        while boottime() < began + 0.5:
            guard.held_until(boottime() + 0.5)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    assert not await ends(reader)

        ours.send(b"!")
        assert await reader.read(1) == b"!"


async def test_what_the_worker_closes_is_closed_at_once() -> None:
    async with connected() as (guard, ours, reader), asyncio.timeout(20):
        guard.held_until(boottime() + 3600)
        guard.watch(ours)
        guard.let_go()
        ours.close()

        assert await ends(reader)


async def test_a_guard_that_was_killed_is_replaced_for_the_next_connection(
    logs: list[EventDict],
) -> None:
    async with connected() as (guard, ours, reader), asyncio.timeout(20):
        guard.held_until(boottime() + 3600)
        guard.watch(ours)
        assert guard._process is not None
        os.kill(guard._process.pid, signal.SIGKILL)
        guard._process.wait()
        guard.held_until(boottime() + 3600)
        assert "connection_not_fenced" in [each["event"] for each in logs]

        guard._until = boottime()
        guard.watch(ours)

        assert await ends(reader)


@pytest.mark.timeout(180)
@pytest.mark.fault(66)
async def test_a_worker_that_is_stopped_loses_the_gateway_with_its_lease(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    async with (
        running(own_redis.url, session, sim, tmp_path / "beat") as process,
        caller(own_redis.url, session) as front,
    ):
        await front.writable(START_S)
        process.send_signal(signal.SIGSTOP)

        await until(lambda: not sim.gateway.connections, "the gateway has lost its client", 30)
        process.send_signal(signal.SIGCONT)
        await until(lambda: sim.gateway.connections, "it leads again, over a new connection", START_S)
        await front.writable(START_S)
