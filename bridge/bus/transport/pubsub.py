"""One connection that listens to sharded channels: it subscribes again by itself and says when it was interrupted."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Self

import structlog
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import MovedError, RedisError

from bridge.bus.timing import USUAL, BusTiming
from bridge.bus.transport.connection import BusError, NotSent, RedisServer
from bridge.bus.transport.outage_log import RepeatedError
from bridge.tasks import cancel_and_wait

FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 1.0  # between attempts to come back

log = structlog.get_logger()


class PubSubListener:
    """`hear` gets each message, in order and without waiting; `lost` is called when messages may have been missed."""

    def __init__(
        self, url: str, hear: Callable[[str, bytes], None], lost: Callable[[], None], timing: BusTiming = USUAL
    ) -> None:
        self._server = RedisServer(url, timing.connect_s)
        self._timing = timing
        self._hear = hear
        self._lost = lost
        self._wanted: dict[str, asyncio.Event] = {}  # channel -> the server has confirmed it
        self._leaving: Counter[str] = Counter()  # channels whose unsubscription is not confirmed yet
        self._commands: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
        self._wait_s = FIRST_WAIT_S
        self._interruptions = RepeatedError("bus_interrupted")
        self.last_error: Exception = NotSent("not connected yet")

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="bus listener")
        return self

    async def __aexit__(self, *_: object) -> None:
        await cancel_and_wait([self._task])

    def subscribe(self, channel: str) -> None:
        """Listen to a channel from now on, as soon as the server can be reached, until `unsubscribe`."""
        if channel not in self._wanted:
            self._wanted[channel] = asyncio.Event()
            self._commands.put_nowait(("SSUBSCRIBE", channel))

    def unsubscribe(self, channel: str) -> None:
        if self._wanted.pop(channel, None) is not None:
            self._leaving[channel] += 1
            self._commands.put_nowait(("SUNSUBSCRIBE", channel))

    def reconnect(self) -> None:
        """Close the connection and open another one: the session's server may be another one now."""
        self._commands.put_nowait(())

    def is_confirmed(self, channel: str) -> bool:
        return self._wanted[channel].is_set()

    async def confirmed(self, channel: str, timeout_s: float) -> None:
        """Wait until the server has confirmed a wanted channel. Raises NotSent when it does not in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._wanted[channel].wait()
        except TimeoutError:
            raise NotSent(f"not subscribed: {self.last_error}") from None

    async def _run(self) -> None:
        while True:
            try:
                # A task of its own: before Python 3.11.4 a TaskGroup that fails leaves its task half cancelled, and the
                # next timeout in that task would end the listener for good.
                await asyncio.create_task(self._converse(), name="bus conversation")
            except* (RedisError, OSError, BusError) as errors:
                self._interrupted(_first(errors))
            except* Exception as errors:  # whatever it is, the listener must come back
                log.exception("listener_failed")
                self._interrupted(_first(errors))
            await asyncio.sleep(self._wait_s)
            self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)

    async def _converse(self) -> None:
        connection = await self._server.open()
        try:
            self._start_over()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._talk(connection))
                group.create_task(self._listen(connection))
        finally:
            await connection.disconnect(nowait=True)

    def _start_over(self) -> None:
        """Subscribe again to every wanted channel: a new connection has no subscriptions."""
        self._leaving.clear()
        self._commands = asyncio.Queue()
        for channel in self._wanted:
            self._commands.put_nowait(("SSUBSCRIBE", channel))

    def _interrupted(self, error: Exception) -> None:
        """Mark every channel unconfirmed: messages may have been missed."""
        self.last_error = error
        if isinstance(error, MovedError):
            self._server.follow(error)
        heard = any(confirmed.is_set() for confirmed in self._wanted.values())
        for confirmed in self._wanted.values():
            confirmed.clear()
        if heard:
            self._interruptions.happened(error=str(error))
            self._lost()

    async def _talk(self, connection: AbstractConnection) -> None:
        while True:
            command = await self._commands.get()
            if not command:
                raise NotSent("the server became a replica")
            await connection.send_command(*command)

    async def _listen(self, connection: AbstractConnection) -> None:
        asked = False
        while True:
            timeout_s = self._timing.silent_s if asked else self._timing.idle_s
            message = await connection.read_response(timeout=timeout_s)
            if message is not None:
                asked = False
                self._take(message)
            elif asked:
                raise NotSent("the connection is silent")
            else:
                asked = True
                self._commands.put_nowait(("PING",))

    def _take(self, message: list[Any]) -> None:
        kind = message[0]
        if kind == b"smessage":
            self._hear(message[1].decode(), message[2])
        elif kind == b"ssubscribe":
            self._subscribed(message[1].decode())
        elif kind == b"sunsubscribe":
            self._unsubscribed(message[1].decode())  # what is left is the answer to a PING

    def _subscribed(self, channel: str) -> None:
        self._wait_s = FIRST_WAIT_S
        if channel in self._wanted and not self._leaving[channel]:
            self._wanted[channel].set()

    def _unsubscribed(self, channel: str) -> None:
        if self._leaving[channel]:
            self._leaving[channel] -= 1
        elif channel in self._wanted:
            raise NotSent("the server moved a channel away")  # a Cluster gave its slot to another node


def _first(errors: ExceptionGroup[Exception]) -> Exception:
    error: Exception = errors
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
