"""One connection for commands, shared by everybody: what is queued while a round trip is under way shares the next."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import structlog
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import MovedError, ReadOnlyError, RedisError, ResponseError

from bridge.bus.timing import USUAL, BusTiming
from bridge.bus.transport.clock import ServerClock, boottime
from bridge.bus.transport.connection import BusError, NotSent, RedisServer, Unanswered, refusal
from bridge.bus.transport.outage_log import RepeatedError
from bridge.tasks import cancel_and_wait

BATCH = 500  # commands in one round trip: keeps a flood from outgrowing the sockets' buffers
CLOCK_S = 30  # hosts' clocks drift by a few ms in this time
REDIRECTIONS = 3  # a Cluster whose nodes send us round is not to be followed for ever
QUEUED = 10_000  # far above what fifty messages a second to TWS can need

Argument = str | bytes | int


log = structlog.get_logger()


@dataclass(slots=True)
class _Call:
    command: tuple[Argument, ...]
    answer: asyncio.Future[Any]
    redirections: int = 0


class CommandPipeline:
    """Sends commands and nothing else: it repeats none, and says of a failed one whether it may have had its effect."""

    def __init__(self, url: str, timing: BusTiming = USUAL) -> None:
        """`timing` is also that of every part of the bus that sends through this pipeline."""
        self.url = url
        self.timing = timing
        self.clock = ServerClock()
        self._server = RedisServer(url, timing.connect_s)
        self._connection: AbstractConnection | None = None
        self._queue: deque[_Call] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.on_demoted: Callable[[], None] = lambda: None  # who listens at the same server is to leave it as well
        self._demoted = RepeatedError("server_demoted")
        self.connects = 0  # a change between two commands means that Redis may be another one now

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="bus pipe")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            await cancel_and_wait([self._task])
            self._task = None
        _fail(self._queue, NotSent("the bus is closing"))
        self._queue.clear()
        await self._drop()

    def send(self, *command: Argument) -> asyncio.Future[Any]:
        """The future of the answer; it raises a BusError. A future that is cancelled in time is not sent at all."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            answer.set_exception(NotSent("the bus is closed"))
        elif len(self._queue) >= QUEUED:
            answer.set_exception(NotSent("too many commands are waiting"))
        else:
            self._queue.append(_Call(command, answer))
            self._wake.set()
        return answer

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._round_trip(self._take())

    def _take(self) -> list[_Call]:
        batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        return [call for call in batch if not call.answer.done()]

    async def _round_trip(self, batch: list[_Call]) -> None:
        sent = False
        try:
            connection = await self._ready()
            sent = True
            async with asyncio.timeout(self.timing.answer_s):
                elsewhere = await _exchange(connection, batch)
            if isinstance(elsewhere, MovedError):
                await self._follow(elsewhere, batch)
            elif elsewhere is not None:
                await self._leave()
        except (RedisError, OSError, BusError) as error:
            await self._give_up(batch, error, sent)
        except Exception as error:  # a command that can't be packed must not stop the next ones
            log.exception("pipe_failed")
            await self._give_up(batch, error, sent)
        except BaseException as error:
            await self._give_up(batch, error, sent)
            raise

    async def _follow(self, moved: MovedError, batch: list[_Call]) -> None:
        """A Cluster told where the session's slot is, and did nothing: ask again there."""
        self._server.follow(moved)
        await self._drop()
        for call in reversed(batch):
            if not call.answer.done():
                call.redirections += 1
                self._queue.appendleft(call)

    async def _leave(self) -> None:
        """The server has become a replica, and keeps its connections: the session's name may lead to another by now."""
        self._demoted.happened()
        await self._drop()
        self.on_demoted()

    async def _give_up(self, batch: list[_Call], error: BaseException, sent: bool) -> None:
        await self._drop()
        _fail(batch, _named(error, sent))

    async def _ready(self) -> AbstractConnection:
        """The connection, made or made anew; its answer to TIME sets the clock."""
        if self._connection is not None and await _is_stale(self._connection):
            await self._drop()
        if self._connection is None:
            self._connection = await self._server.open()
            self.connects += 1
            self.clock.measured_at = float("-inf")
        if boottime() - self.clock.measured_at > CLOCK_S:
            await self._ask_time(self._connection)
        return self._connection

    async def _ask_time(self, connection: AbstractConnection) -> None:
        before = boottime()
        async with asyncio.timeout(self.timing.answer_s):
            await connection.send_command("TIME")
            seconds, microseconds = await connection.read_response(timeout=float("inf"))
        self.clock.measured(int(seconds) + int(microseconds) / 1e6, before, boottime())

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


async def _exchange(connection: AbstractConnection, batch: list[_Call]) -> MovedError | ReadOnlyError | None:
    """Settle the calls, except those that the answer redirects. Returns what says that the server is not the one."""
    elsewhere: MovedError | ReadOnlyError | None = None
    await connection.send_packed_command(connection.pack_commands([call.command for call in batch]))
    for call in batch:
        try:
            answer = await connection.read_response(timeout=float("inf"))
        except ResponseError as error:
            if isinstance(error, MovedError) and call.redirections < REDIRECTIONS:
                elsewhere = error
                continue
            if isinstance(error, ReadOnlyError):
                elsewhere = elsewhere or error
            _settle(call, refusal(error))
        else:
            if not call.answer.done():
                call.answer.set_result(answer)
    return elsewhere


async def _is_stale(connection: AbstractConnection) -> bool:
    """Return whether the server hung up while idle. Checked before sending, so that no command is lost."""
    return bool(await connection.can_read())


def _named(error: BaseException, sent: bool) -> BusError:
    if isinstance(error, BusError):
        return error
    text = str(error) or "no answer in time"
    return Unanswered(text) if sent else NotSent(text)


def _fail(calls: "deque[_Call] | list[_Call]", error: BusError) -> None:
    for call in calls:
        _settle(call, error)


def _settle(call: _Call, error: BusError) -> None:
    if not call.answer.done():
        call.answer.set_exception(error)
        call.answer.exception()  # whoever was cancelled meanwhile need not fetch it
