"""One socket: its bytes in and out of a connection, in turns that are short enough for the other clients."""

from __future__ import annotations

import asyncio
import logging
import select
import socket
import struct
import time
from collections.abc import Callable

from ibgateway.simulator.gateway.connection import Connection
from ibgateway.simulator.server.host import Host
from ibgateway.simulator.wire.frames import frame, frames

LOGIN_S = 10.0  # of this machine's clock, from the connection to startApi
TURN_S = 0.002  # of a processor; then the others are served, before what is left
MAX_UNSENT = 64 << 20  # a client that does not read is dropped before it costs more memory than this
RESET = struct.pack("ii", 1, 0)  # linger on, for no time: closing sends RST

log = logging.getLogger("ibgateway.simulator")


def turn() -> Callable[[], bool]:
    """Begin a turn; the result reports if the turn is over."""
    end = time.thread_time() + TURN_S
    return lambda: time.thread_time() > end


class JournalingTap:
    """A tap that writes every frame of a client to the journal, and passes it to the faults."""

    def __init__(self, host: Host[ClientSocket]) -> None:
        self.host = host

    def incoming(self, connection: Connection, payload: bytes) -> bool:
        self.host.journal.record("in", connection, (payload,), self.host.gateway.world.now, time.time())
        return self.host.faults.incoming(connection, payload)


class ClientSocket(asyncio.Protocol):
    """One socket and its connection."""

    def __init__(self, host: Host[ClientSocket]) -> None:
        self.host = host
        self.connection: Connection | None = None
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._working = False  # there is more to handle than one turn could

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        host = self.host
        self.connection = connection = host.gateway.connect()
        self._limit_login()
        host.sockets[connection] = self
        if not host.faults.connected(connection):
            transport.close()

    def _limit_login(self) -> None:
        asyncio.get_running_loop().call_later(LOGIN_S, self._end_idle)

    def _end_idle(self) -> None:
        """Close a socket whose client does not log in: it would hold a descriptor for good. A gateway that does not
        read, as a fault has it, is silent itself."""
        waits = self.connection is not None and self.connection.waits_for_login and not self._paused
        if self._transport is not None and waits:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self.connection is None:
            return
        self.connection.receive(data)
        if not self._working:
            self._work()

    def begin(self) -> None:
        """Send subscriptions that are due, such as a ranking."""
        if self.connection is not None and self.connection.busy and not self._working:
            self._work()

    def _work(self) -> None:
        """Handle received frames; work that takes longer than a turn continues after the other clients' turns."""
        host, connection, over = self.host, self.connection, turn()
        assert connection is not None
        try:
            host.gateway.catch_up(host.now)
            while connection.step() and not over():
                pass
        except Exception:  # as in Simulator._advance: one client's request must not end the others'
            log.exception("a request of client %s failed", connection.clientId)
            connection.error(connection.answering, 320, "Server error when processing an API client request.")
        self._working = connection.busy
        self._read_or_wait()
        if self._working:
            asyncio.get_running_loop().call_soon(self._work)
        host.flush()

    def flush(self) -> None:
        """Write the payloads that wait; drop a client that does not read."""
        connection, transport = self.connection, self._transport
        if connection is None or transport is None or transport.is_closing():
            return
        payloads = self.host.faults.outgoing(connection, connection.take())
        if payloads:
            self.host.journal.record("out", connection, payloads, self.host.gateway.world.now, time.time())
            self._send(payloads)
        if self.unsent > MAX_UNSENT:
            log.warning(
                "client %s does not read: dropped with more than %d bytes unsent", connection.clientId, MAX_UNSENT
            )
            self.reset()
        elif connection.closing and not self.host.faults.waits(connection):
            transport.close()

    def _send(self, payloads: list[bytes]) -> None:
        size = self.host.fragment_size
        if size is None:
            self.write(frames(payloads))
            return
        for payload in payloads:
            data = frame(payload)
            for at in range(0, len(data), size):
                self.write(data[at : at + size])

    @property
    def unsent(self) -> int:
        """Return the number of bytes that the client has not read yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def pause(self, paused: bool) -> None:
        """Stop or resume reading, as faults ask."""
        if self._paused and not paused:
            self._limit_login()
        self._paused = paused
        self._read_or_wait()

    def _read_or_wait(self) -> None:
        """Pause reading while received frames wait to be handled."""
        if self._transport is not None and not self._transport.is_closing():
            wait = self._paused or self._working
            (self._transport.pause_reading if wait else self._transport.resume_reading)()

    def end(self) -> None:
        if self._transport is not None:
            self._transport.close()

    @property
    def hung_up(self) -> bool:
        """Report if the client has closed its side; its last bytes may still be unread."""
        if self._transport is None or self._transport.is_closing():
            return True
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket"), getattr(select, "POLLRDHUP", 0))  # Linux alone has it
        return bool(poll.poll(0))

    def reset(self) -> None:
        """Close with RST; frames that were received already are dropped."""
        if self._transport is None:
            return
        if self.connection is not None:
            self.connection.closing = True
        raw: socket.socket = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if self.connection is not None:
            self.host.sockets.pop(self.connection, None)
            self.host.faults.gone(self.connection)
            self.host.gateway.disconnect(self.connection)
