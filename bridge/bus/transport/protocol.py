"""Redis's protocol on a connection that redis-py has opened: commands out, and each reply in the step that brings it.

redis-py reads replies through a stream, whose reader is a task that wakes up for each piece: more than half of what a
reply costs. Its connection still does what is done once: addresses, TLS, authentication, the database.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, cast

import hiredis

from bridge.bus.transport.redis_parts import (
    AbstractConnection,
    DefaultParser,
    InvalidResponse,
    RedisError,
    ResponseError,
)

Argument = str | bytes | int
Command = tuple[Argument, ...]  # its words apart: ("CONFIG", "GET", …)

HUNG_UP = "the server closed the connection"
BUFFER = 64 * 1024  # bytes that are read at a time; asyncio's own reads allocate 256 KiB each
NOT_YET = object()  # of a reply that has not come whole


class RedisProtocol(asyncio.BufferedProtocol):
    """One connection. `take` gets each reply in order, an error reply as a ResponseError; what it raises ends the
    connection. `lost` is called once with the reason when the connection ends, unless `close` has ended it."""

    def __init__(
        self,
        connection: AbstractConnection,
        take: Callable[[Any], None],
        lost: Callable[[BaseException], None],
    ) -> None:
        self._connection = connection
        self._take = take
        self._lost = lost
        self._replies = hiredis.Reader(protocolError=InvalidResponse, replyError=_error, notEnoughData=NOT_YET)
        # No method of redis-py's returns these two. All that has come so far is read: it answers the greeting.
        self._transport = cast("asyncio.Transport", connection._writer.transport)  # type: ignore[union-attr]
        self._transport.pause_reading()  # which callbacks a loop reads with is settled when it begins to read
        self._transport.set_protocol(self)
        self._transport.resume_reading()
        self._buffer = bytearray(BUFFER)
        self.is_over = False
        self._now = asyncio.get_running_loop().time
        self.heard_at = self._now()  # by the loop's clock

    def send(self, commands: Iterable[Command]) -> None:
        """Raises TypeError or UnicodeError for a command that has no form, and then sends none."""
        self._transport.write(b"".join([hiredis.pack_command(each) for each in commands]))  # type: ignore[arg-type] # of any length

    async def close(self) -> None:
        self.is_over = True
        await self._connection.disconnect(nowait=True)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self.is_over:
            return
        self.heard_at = self._now()
        try:
            self._replies.feed(self._buffer, 0, nbytes)  # type: ignore[arg-type] # it takes any buffer
            while (reply := self._replies.gets()) is not NOT_YET:
                if isinstance(reply, RedisError) and not isinstance(reply, ResponseError):
                    raise reply
                self._take(reply)
        except Exception as error:  # noqa: BLE001  # whatever it is, it ends this connection and no more
            self._end(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionResetError(HUNG_UP))

    def _end(self, reason: Exception) -> None:
        if not self.is_over:
            self.is_over = True
            self._transport.close()
            self._lost(reason)


def _error(text: str) -> RedisError:
    """Return redis-py's exception for an error reply."""
    return cast("RedisError", DefaultParser.parse_error(text))  # type: ignore[no-untyped-call] # redis-py types it not
