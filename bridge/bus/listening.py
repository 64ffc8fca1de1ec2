"""One connection that listens to sharded channels: it subscribes again by itself and says when it was interrupted."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

import structlog
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from bridge.bus.connect import ANSWER_S, BusError, NotSent, connected, connections

IDLE_S = 4.0  # after this much silence a PING goes out
SILENT_S = 4.0  # and after this much more the connection is given up: it is half-open
FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 1.0  # between attempts to come back

log = structlog.get_logger()


class Listener:
    """`hear` gets each message, in order and without waiting; `lost` is called when messages may have been missed."""

    def __init__(self, url: str, hear: Callable[[str, bytes], None], lost: Callable[[BusError], None]) -> None:
        self._pool = connections(url)
        self._hear = hear
        self._lost = lost
        self._wanted: dict[str, asyncio.Event] = {}  # channel -> the server has confirmed it
        self._connection: AbstractConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self.last_error: BusError = NotSent("not connected yet")

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="bus listener")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def add(self, channel: str, timeout_s: float = ANSWER_S) -> None:
        """Listen to a channel from now on; returns once the server confirms. Raises NotSent when it does not in time
        (the channel stays wanted, and is taken up when Redis is back)."""
        if channel not in self._wanted:
            self._wanted[channel] = asyncio.Event()
            await self._tell("SSUBSCRIBE", channel)
        await self.confirmed(channel, timeout_s)

    async def confirmed(self, channel: str, timeout_s: float) -> None:
        if self._wanted[channel].is_set():
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._wanted[channel].wait()
        except TimeoutError:
            raise NotSent(f"no subscription: {self.last_error}") from None

    async def drop(self, channel: str) -> None:
        if self._wanted.pop(channel, None) is not None:
            await self._tell("SUNSUBSCRIBE", channel)

    async def _tell(self, command: str, *channels: str) -> None:
        """Failing is no matter here: the reader notices, and subscribes to what is then wanted."""
        with suppress(RedisError, OSError):
            if self._connection is not None and channels:
                await self._connection.send_command(command, *channels)

    async def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            try:
                async with connected(self._pool) as connection:
                    wait_s = FIRST_WAIT_S
                    await self._listen(connection)
            except (RedisError, OSError, BusError) as error:
                self._interrupted(error)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _interrupted(self, error: Exception) -> None:
        """Whatever was confirmed is not any more, and messages may have passed by."""
        self._connection = None
        self.last_error = error if isinstance(error, BusError) else NotSent(str(error))
        heard = any(confirmed.is_set() for confirmed in self._wanted.values())
        for confirmed in self._wanted.values():
            confirmed.clear()
        if heard:
            log.warning("bus_interrupted", error=str(error))
            self._lost(self.last_error)

    async def _listen(self, connection: AbstractConnection) -> None:
        self._connection = connection
        for channel in tuple(self._wanted):  # one command each: a Cluster moves slots one by one
            await connection.send_command("SSUBSCRIBE", channel)
        asked = False
        while True:
            message = await connection.read_response(timeout=SILENT_S if asked else IDLE_S)
            if message is not None:
                asked = False
                self._take(message)
            elif asked:
                raise NotSent("the connection is silent")
            else:
                asked = True
                await connection.send_command("PING")

    def _take(self, message: list[Any]) -> None:
        kind = message[0]
        if kind == b"smessage":
            self._hear(message[1].decode(), message[2])
        elif kind == b"ssubscribe":
            confirmed = self._wanted.get(message[1].decode())
            if confirmed is not None:
                confirmed.set()
        elif kind == b"sunsubscribe" and message[1].decode() in self._wanted:
            raise NotSent("the server moved a channel away")  # its slot went to another node
