"""One connection for commands, shared by everybody: what is queued while a round trip is under way shares the next."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import structlog

from bridge.bus.timing import USUAL, BusTiming
from bridge.bus.transport.clock import ServerClock, boottime
from bridge.bus.transport.connection import BusError, NotSent, RedisServer, Unanswered, refusal
from bridge.bus.transport.outage_log import RepeatedError
from bridge.bus.transport.protocol import Argument, Command, RedisProtocol
from bridge.bus.transport.redis_parts import InvalidResponse, MovedError, ReadOnlyError, RedisError, ResponseError
from bridge.tasks import cancel_and_wait

BATCH = 500  # commands in one round trip: keeps a flood from outgrowing the sockets' buffers
CLOCK_S = 30  # hosts' clocks drift by a few ms in this time
REDIRECTIONS = 3  # a Cluster whose nodes send us round is not to be followed for ever
QUEUED = 10_000  # far above what fifty messages a second to TWS can need

log = structlog.get_logger()


@dataclass(slots=True)
class _Call:
    command: Command
    answer: asyncio.Future[Any]
    redirections: int = 0


class _Exchange:
    """One batch under way: each reply settles the next of its calls. `done` ends with the last one."""

    def __init__(self, batch: list[_Call]) -> None:
        self.batch = batch
        self._left = deque(batch)
        loop = asyncio.get_running_loop()
        self.began = loop.time()
        self.done: asyncio.Future[None] = loop.create_future()
        self.elsewhere: MovedError | ReadOnlyError | None = None  # says that the server is not the one

    def take(self, reply: Any) -> None:
        call = self._left.popleft()
        if not isinstance(reply, ResponseError):
            if not call.answer.done():
                call.answer.set_result(reply)
        elif isinstance(reply, MovedError) and call.redirections < REDIRECTIONS:
            self.elsewhere = reply
        else:
            if isinstance(reply, ReadOnlyError):
                self.elsewhere = self.elsewhere or reply
            _settle(call, refusal(reply))
        if not self._left and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class CommandPipeline:
    """Sends commands and nothing else: it repeats none, and says of a failed one whether it may have had its effect."""

    def __init__(self, url: str, timing: BusTiming = USUAL) -> None:
        """`timing` is also that of every part of the bus that sends through this pipeline."""
        self.url = url
        self.timing = timing
        self.clock = ServerClock()
        self._server = RedisServer(url, timing.connect_s)
        self._connection: RedisProtocol | None = None
        self._exchange: _Exchange | None = None  # that is under way
        self._begun: _Exchange | None = None  # the same, where `send_alone` has begun it and the task is to end it
        self._queue: deque[_Call] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.on_demoted: Callable[[], None] = lambda: None  # who listens at the same server is to leave it as well
        self._demoted = RepeatedError("server_demoted")
        self.on_round_trip: Callable[[float], None] | None = None  # hears how many seconds each has taken
        self.connects = 0  # a change between two commands means that Redis may be another one now

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="bus pipe")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            await cancel_and_wait([self._task])
            self._task = None
        if self._begun is not None:
            _fail(self._begun.batch, Unanswered("the bus is closing"))
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

    def send_alone(self, *command: Argument) -> asyncio.Future[Any]:
        """As `send`, for a command that shares no round trip: it goes out in this step, if nothing is under way."""
        connection = self._connection
        is_free = self._task is not None and not self._task.done() and self._exchange is None and not self._queue
        if not is_free or connection is None or connection.is_over or self._is_clock_old:
            return self.send(*command)
        call = _Call(command, asyncio.get_running_loop().create_future())
        try:
            self._begun = self._begin(connection, [call])
        except Exception:  # noqa: BLE001  # nothing went out: the task meets it again, and says so
            return self.send(*command)
        self._wake.set()
        return call.answer

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._begun is not None or self._queue:
                if (begun := self._begun) is not None:
                    self._begun = None
                    await self._round_trip(begun.batch, begun)
                else:
                    await self._round_trip(self._take())

    def _take(self) -> list[_Call]:
        batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        return [call for call in batch if not call.answer.done()]

    async def _round_trip(self, batch: list[_Call], begun: _Exchange | None = None) -> None:
        if not batch:
            return
        sent = begun is not None
        try:
            if begun is None:
                connection = await self._ready()
                sent = True
                begun = self._begin(connection, batch)
            elsewhere = await self._ended(begun)
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

    def _begin(self, connection: RedisProtocol, batch: list[_Call]) -> _Exchange:
        """Send a batch. Raises what keeps a command from having a form: then nothing goes out."""
        exchange = _Exchange(batch)
        connection.send([call.command for call in batch])
        self._exchange = exchange
        return exchange

    async def _ended(self, exchange: _Exchange) -> MovedError | ReadOnlyError | None:
        """Wait until an exchange has settled its calls, except those that the answer redirects. Returns what says that
        the server is not the one. Raises TimeoutError, and what has ended the connection."""
        loop = asyncio.get_running_loop()
        timer = loop.call_at(exchange.began + self.timing.answer_s, exchange.fail, TimeoutError())
        try:
            await exchange.done
            if self.on_round_trip is not None:
                self.on_round_trip(loop.time() - exchange.began)
        finally:
            timer.cancel()
            self._exchange = None
        return exchange.elsewhere

    def _take_reply(self, reply: Any) -> None:
        if self._exchange is None:
            raise InvalidResponse("a reply that nobody has asked for")
        self._exchange.take(reply)

    def _broken(self, reason: BaseException) -> None:
        if self._exchange is not None:
            self._exchange.fail(reason)

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

    async def _ready(self) -> RedisProtocol:
        """The connection, made or made anew; its answer to TIME sets the clock."""
        connection = self._connection
        if connection is None or connection.is_over:  # noticed before sending, so that no command is lost
            await self._drop()
            opened = await self._server.open()
            connection = self._connection = RedisProtocol(opened, self._take_reply, self._broken)
            self.connects += 1
            self.clock.measured_at = float("-inf")
        if self._is_clock_old:
            await self._ask_time(connection)
        return connection

    @property
    def _is_clock_old(self) -> bool:
        return boottime() - self.clock.measured_at > CLOCK_S

    async def _ask_time(self, connection: RedisProtocol) -> None:
        before = boottime()
        asked = _Call(("TIME",), asyncio.get_running_loop().create_future())
        await self._ended(self._begin(connection, [asked]))
        seconds, microseconds = asked.answer.result()
        self.clock.measured(int(seconds) + int(microseconds) / 1e6, before, boottime())

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


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
