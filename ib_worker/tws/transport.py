"""The socket below a connection to TWS: ib_async's, with its buffers bounded and its end orderly."""
# ib_async's connection is not annotated:
# mypy: disable-error-code="no-untyped-call"

import asyncio
import socket
from asyncio.trsock import TransportSocket
from typing import cast

from ib_async.connection import Connection

ACKNOWLEDGE: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux alone has it


class DrainableTransport(Connection):
    """Tells when the transport's buffer is empty.

    It acknowledges each read at once. Linux waits up to 40 ms with that on a connection that is written to as well, and
    a gateway whose socket has Nagle's algorithm, as Java's sockets have by default, keeps its next message until then:
    an order's status behind ticks.
    """

    transport: asyncio.Transport | None

    def __init__(self) -> None:
        self.writable = asyncio.Event()
        self._socket: TransportSocket | None = None
        super().__init__()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.WriteTransport", transport).set_write_buffer_limits(high=0)
        self._socket = transport.get_extra_info("socket")
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        self._acknowledge()
        super().data_received(data)

    def _acknowledge(self) -> None:
        """Linux forgets the wish with the next write, so each read renews it. It costs a microsecond."""
        if ACKNOWLEDGE is not None and self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, ACKNOWLEDGE, 1)

    def disconnect(self) -> None:
        """End the sending side; the socket is closed when the peer ends its own."""
        if self.transport is None:
            return
        try:
            self.transport.write_eof()
        except OSError:  # it was reset
            self.transport.abort()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.writable.set()
        super().connection_lost(exc)
