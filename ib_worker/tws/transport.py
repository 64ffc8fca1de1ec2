"""The socket below a connection to TWS: ib_async's, with its buffers bounded and its end orderly."""
# ib_async's connection is not annotated:
# mypy: disable-error-code="no-untyped-call"

import asyncio

from ib_async.connection import Connection

BUFFER = 256 * 1024  # bytes that one read takes at most


class DrainableTransport(Connection, asyncio.BufferedProtocol):
    """Tells when the transport's buffer is empty, and reads into one buffer: asyncio's plain protocols allocate 256 KiB
    for each read, which takes longer than a tick."""

    transport: asyncio.Transport | None

    def __init__(self) -> None:
        self.writable = asyncio.Event()
        self._buffer = bytearray(BUFFER)
        super().__init__()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.set_write_buffer_limits(high=0)
        self.writable.set()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(memoryview(self._buffer)[:nbytes]))

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
