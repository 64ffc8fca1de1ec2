"""The socket below a connection to TWS: it tells when all is written, and ends in order."""
# ib_async's connection is not annotated:
# mypy: disable-error-code="no-untyped-call"

import asyncio
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from bridge.runtime import event_loop
from ib_worker.tws.transport import ACKNOWLEDGE, DrainableTransport
from tests.busy import BUSY_S
from tests.waiting import until

LARGE = 32 * 1024 * 1024  # bytes, more than the system's buffers of both sides


class Peer:
    """A server that reads when the test lets it."""

    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.gone = asyncio.Event()
        self.read = 0
        self.ended = False
        self.writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        await self.reads.wait()
        with suppress(ConnectionError):
            while data := await reader.read(1024 * 1024):
                self.read += len(data)
            self.ended = True
        writer.transport.abort()
        self.gone.set()


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[DrainableTransport, Peer]]:
    peer, transport = Peer(), DrainableTransport()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    async with server:
        await transport.connectAsync("127.0.0.1", server.sockets[0].getsockname()[1])
        await until(lambda: peer.writer is not None, "the peer has accepted")
        try:
            yield transport, peer
        finally:
            peer.reads.set()
            if transport.transport is not None:
                transport.transport.abort()
            await peer.gone.wait()


async def test_it_is_writable_again_when_the_system_has_taken_every_byte() -> None:
    async with connected() as (transport, peer):
        assert transport.writable.is_set()
        transport.sendMsg(b"x" * LARGE)
        assert not transport.writable.is_set()

        peer.reads.set()
        async with asyncio.timeout(10 + BUSY_S):
            await transport.writable.wait()
        assert transport.transport is not None
        assert transport.transport.get_write_buffer_size() == 0


async def test_who_waits_to_write_is_let_go_when_the_connection_is_lost() -> None:
    async with connected() as (transport, _):
        transport.sendMsg(b"x" * LARGE)
        assert not transport.writable.is_set()
        assert transport.transport is not None
        transport.transport.abort()

        async with asyncio.timeout(2 + BUSY_S):
            await transport.writable.wait()


async def test_what_comes_is_handed_on_whole() -> None:
    async with connected() as (transport, peer):
        came: list[bytes] = []
        transport.hasData += came.append
        sent = bytes(range(256)) * 3072
        assert peer.writer is not None
        peer.writer.write(sent)

        await until(lambda: sum(map(len, came)) == len(sent), "all is read")
        assert b"".join(came) == sent  # a later read does not overwrite what was handed on


@pytest.mark.skipif(ACKNOWLEDGE is None, reason="only Linux lets a program choose when it acknowledges")
async def test_a_gateway_that_keeps_small_messages_back_is_told_at_once_that_the_last_one_came() -> None:
    async with connected() as (transport, peer):
        came: list[bytes] = []
        transport.hasData += came.append
        assert peer.writer is not None
        peer.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        took = []
        for number in range(1, 12):
            transport.sendMsg(b"question")  # since when the system would wait with what it owes the peer
            began = time.perf_counter()
            peer.writer.write(b"tick")
            peer.writer.write(b"status")
            await until(lambda: sum(map(len, came)) == 10 * number, "both have come")  # noqa: B023
            took.append(time.perf_counter() - began)

        assert statistics.median(took) < 0.03  # the system's own wait is 40 ms


async def test_its_end_reaches_the_peer_after_all_that_was_written() -> None:
    async with connected() as (transport, peer):
        transport.sendMsg(b"x" * LARGE)
        transport.disconnect()
        peer.reads.set()

        await until(lambda: peer.ended, "the peer sees the end")
        assert peer.read == LARGE


async def test_ending_one_that_is_not_connected_does_nothing() -> None:
    DrainableTransport().disconnect()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop on Windows")
@pytest.mark.parametrize(
    "behaves",
    [
        test_it_is_writable_again_when_the_system_has_taken_every_byte,
        test_who_waits_to_write_is_let_go_when_the_connection_is_lost,
        test_what_comes_is_handed_on_whole,
        test_a_gateway_that_keeps_small_messages_back_is_told_at_once_that_the_last_one_came,
        test_its_end_reaches_the_peer_after_all_that_was_written,
    ],
)
def test_all_of_that_holds_on_the_workers_own_event_loop(behaves: Callable[[], Coroutine[Any, Any, None]]) -> None:
    event_loop.run(behaves())
