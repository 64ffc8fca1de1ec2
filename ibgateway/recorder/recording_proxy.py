"""The recorder's sockets: a TCP proxy that forwards first and records afterwards."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TextIO

from ibgateway.recorder.connection_log import ConnectionLog
from ibgateway.recorder.transcript.scrub import Scrubber
from ibgateway.recorder.transcript.transcript import (
    CLOSED_BY_CLIENT,
    CLOSED_BY_GATEWAY,
    CONNECTED,
    STOPPED,
    TO_CLIENT,
    TO_GATEWAY,
    ConnectionEvent,
    Line,
    as_json,
)

CHUNK = 1 << 16
CONNECT_S = 10.0  # a gateway on the same machine or network answers sooner, or never
FINISH_S = 10.0  # for a reader who is slow, at the end
CLOSED = {TO_GATEWAY: CLOSED_BY_CLIENT, TO_CLIENT: CLOSED_BY_GATEWAY}

log = logging.getLogger("ibgateway.recorder")


@dataclass(frozen=True)
class SocketAddress:
    """The address of a listening socket."""

    host: str
    port: int


@dataclass(frozen=True)
class _Side:
    """A connection's two ends."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class RecordingProxy:
    """`async with RecordingProxy(listen, gateway, out, scrubber) as recorder:` records until it ends."""

    def __init__(self, listen: SocketAddress, gateway: SocketAddress, out: TextIO, scrubber: Scrubber) -> None:
        self._listen = listen
        self._gateway = gateway
        self._out = out
        self._scrubber = scrubber
        self._start = time.monotonic()
        self._clients = 0
        self._failed = False
        self._sessions: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> RecordingProxy:
        self._server = await asyncio.start_server(self._serve, self._listen.host, self._listen.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.current_task()
        assert session is not None
        self._sessions.add(session)
        self._clients += 1
        client = self._clients
        try:
            async with asyncio.timeout(CONNECT_S):
                from_gateway, to_gateway = await asyncio.open_connection(self._gateway.host, self._gateway.port)
            log.info("client %d has connected", client)
            await self._session(client, _Side(reader, writer), _Side(from_gateway, to_gateway))
            log.info("client %d has disconnected", client)
        except asyncio.CancelledError:
            log.info(
                "client %d was disconnected by the end of the recorder", client
            )  # the recorder ends; its handlers must not end as cancelled
        except OSError as error:
            log.warning("client %d: the gateway cannot be reached: %s", client, error or "no answer")
        finally:
            self._sessions.discard(session)
            writer.transport.abort()

    async def _session(self, client: int, near: _Side, gateway: _Side) -> None:
        tape = ConnectionLog(client, self._scrubber)
        self._write([ConnectionEvent(self._now(), client, CONNECTED)])

        def record(direction: str, data: bytes) -> None:
            if data:
                self._record(tape, client, direction, data)
            else:
                self._write([ConnectionEvent(self._now(), client, CLOSED[direction])])

        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_forward(near.reader, gateway.writer, lambda data: record(TO_GATEWAY, data)))
                both.create_task(_forward(gateway.reader, near.writer, lambda data: record(TO_CLIENT, data)))
            await _finish(near.writer, gateway.writer)
        except* OSError:
            for side in (near, gateway):
                _reset(side.writer)
        finally:
            gateway.writer.transport.abort()

    def _now(self) -> float:
        return time.monotonic() - self._start

    def _record(self, tape: ConnectionLog, client: int, direction: str, data: bytes) -> None:
        if tape.stopped:
            return
        try:
            lines = tape.feed(direction, data, self._now())
        except Exception:  # the rim's one broad except: a defect of the recorder must not end somebody's session
            log.exception("the recording of client %d failed", client)
            tape.stopped = True
            lines = [ConnectionEvent(self._now(), client, STOPPED, "the recorder failed, see its log")]
        for line in lines:
            if isinstance(line, ConnectionEvent):
                log.warning("client %d is forwarded but no longer recorded: %s", client, line.detail)
        self._write(lines)

    def _write(self, lines: list[Line]) -> None:
        """A full disk ends the recording, not the session."""
        if self._failed:
            return
        try:
            self._out.writelines(as_json(line) + "\n" for line in lines)
            self._out.flush()
        except OSError as error:
            self._failed = True
            log.error("the recording has stopped, sessions go on: %s", error)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: Callable[[bytes], None]) -> None:
    """Forward bytes unchanged, then the end of the stream."""
    while data := await _arrived(reader, record):
        writer.write(data)
        record(data)
        await writer.drain()
    record(b"")
    if not writer.is_closing():
        writer.write_eof()


async def _arrived(reader: asyncio.StreamReader, record: Callable[[bytes], None]) -> bytes:
    try:
        return await reader.read(CHUNK)
    except OSError:
        record(b"")
        raise


async def _finish(*writers: asyncio.StreamWriter) -> None:
    """Send the remaining bytes after both sides have closed."""
    with suppress(TimeoutError):
        async with asyncio.timeout(FINISH_S):
            for writer in writers:
                writer.close()
            for writer in writers:
                with suppress(OSError):
                    await writer.wait_closed()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Reset the other side of a broken connection: a close with linger time 0 sends RST."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
