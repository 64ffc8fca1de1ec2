"""One connection that listens to sharded channels: it subscribes again by itself and says when it was interrupted."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import structlog

from bridge.bus.timing import USUAL, BusTiming
from bridge.bus.transport.connection import BusError, NotSent, RedisServer
from bridge.bus.transport.outage_log import RepeatedError
from bridge.bus.transport.protocol import RedisProtocol
from bridge.bus.transport.redis_parts import MovedError, RedisError, ResponseError
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
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection = RedisProtocol(await self._server.open(), self._take, partial(_fail, ended))
        try:
            self._start_over()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._talk(connection))
                group.create_task(self._watch(connection, ended))
        finally:
            await connection.close()

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

    async def _talk(self, connection: RedisProtocol) -> None:
        while True:
            command = await self._commands.get()
            if not command:
                raise NotSent("the server became a replica")
            connection.send((command,))

    async def _watch(self, connection: RedisProtocol, ended: "asyncio.Future[None]") -> None:
        """Raise what ends the connection, or NotSent when a silent server does not answer a PING."""
        now = asyncio.get_running_loop().time
        while True:
            left_s = connection.heard_at + self._timing.idle_s - now()
            if left_s > 0:
                await _pass(left_s, ended)
            else:
                self._commands.put_nowait(("PING",))
                await self._heard_again(connection, ended)

    async def _heard_again(self, connection: RedisProtocol, ended: "asyncio.Future[None]") -> None:
        now, heard_at = asyncio.get_running_loop().time, connection.heard_at
        until = now() + self._timing.silent_s
        while connection.heard_at == heard_at:
            if now() >= until:
                raise NotSent("the connection is silent")
            await _pass(min(self._timing.idle_s, until - now()), ended)

    def _take(self, message: list[Any] | ResponseError) -> None:
        if isinstance(message, ResponseError):
            raise message
        kind = message[0]
        if kind == b"smessage":
            channel = message[1].decode()
            if channel in self._wanted:  # what comes until an unsubscription is confirmed is not asked for any more
                self._hear(channel, message[2])
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


async def _pass(seconds: float, ended: "asyncio.Future[None]") -> None:
    """Let time pass. Raises what ends the connection meanwhile."""
    await asyncio.wait((ended,), timeout=seconds)
    if ended.done():
        ended.result()


def _fail(ended: "asyncio.Future[None]", reason: BaseException) -> None:
    ended.set_exception(reason)


def _first(errors: ExceptionGroup[Exception]) -> Exception:
    error: Exception = errors
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
