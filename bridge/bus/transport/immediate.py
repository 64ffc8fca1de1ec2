"""A connection of its own for messages that are published in the step that makes them, without waiting for a reply.

`CommandPipeline` has one round trip under way: what comes meanwhile waits for its end, and its task has to run before
anything goes out. Here many messages may be under way. What can't go out at once is left to the caller.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bridge.bus.transport.connection import BusError, NotSent, RedisServer
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.protocol import RedisProtocol
from bridge.bus.transport.redis_parts import InvalidResponse, MovedError, RedisError, ResponseError

UNANSWERED = 2_000  # messages under way: a server that stands still gets no more, and memory stays bounded
LOOK_S = 1.0  # between looks at a connection whose messages may go nowhere
FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 5.0  # between attempts to connect; the pipeline's messages go out meanwhile

Answered = Callable[[str, int], None]


class ImmediatePublisher:
    """`answered` gets each message's name and how many received it. Messages of a connection that breaks are lost.

    It stays at the pipeline's server: when the pipeline connects anew, so does this, since the session's name may lead
    to another one by now.
    """

    def __init__(self, pipe: CommandPipeline, probe: str, answered: Answered) -> None:
        """`probe`: a channel in the session's slot that nobody listens to; the first message shows which node has it
        and that it may be published to."""
        self._pipe = pipe
        self._probe = probe
        self._answered = answered
        self._server = RedisServer(pipe.url, pipe.timing.connect_s)
        self._connection: RedisProtocol | None = None
        self._connects = 0  # of the pipeline, when this connection was opened
        self._under_way: deque[tuple[str, float]] = deque()  # names, and when they went out
        self._wanted = asyncio.Event()

    def may_publish(self) -> bool:
        """Return whether messages can go out at once. Where there is no connection one is opened."""
        self._wanted.set()
        connection = self._connection
        is_open = connection is not None and not connection.is_over and self._connects == self._pipe.connects
        return is_open and len(self._under_way) < UNANSWERED

    def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Publish messages, each by its name, channel and body. `may_publish` was asked before."""
        assert self._connection is not None
        at = asyncio.get_running_loop().time()
        self._connection.send([("SPUBLISH", channel, body) for _, channel, body in messages])
        self._under_way.extend((name, at) for name, _, _ in messages)

    async def run(self) -> None:
        """For ever: keep a connection open from the first message on."""
        await self._wanted.wait()
        wait_s = FIRST_WAIT_S
        while True:
            try:
                await self._connected()
            except (RedisError, OSError, BusError):  # the pipeline meets the same, and says so
                wait_s = FIRST_WAIT_S if self._connection is not None else min(2 * wait_s, LONGEST_WAIT_S)
            finally:
                self._connection = None
            await asyncio.sleep(wait_s)

    async def _connected(self) -> None:
        """Open a connection, and raise what ends it."""
        connects, loop = self._pipe.connects, asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        self._under_way.clear()
        connection = RedisProtocol(await self._server.open(), self._take, partial(_fail, ended))
        try:
            self._under_way.append((self._probe, loop.time()))
            connection.send([("SPUBLISH", self._probe, b"")])
            while self._under_way:
                await self._look(connects, ended, LOOK_S / 100)
            self._connection, self._connects = connection, connects
            while True:
                await self._look(connects, ended, LOOK_S)
        finally:
            await connection.close()

    async def _look(self, connects: int, ended: "asyncio.Future[None]", seconds: float) -> None:
        """Let time pass. Raises what has ended the connection, and NotSent where its messages go nowhere."""
        await asyncio.wait((ended,), timeout=seconds)
        if ended.done():
            ended.result()
        if connects != self._pipe.connects:
            raise NotSent("the pipeline has connected anew")
        if self._under_way and asyncio.get_running_loop().time() - self._under_way[0][1] > self._pipe.timing.answer_s:
            raise NotSent("no answer in time")

    def _take(self, reply: Any) -> None:
        """Raises what a reply says against this connection; the next goes where it points."""
        if not self._under_way:
            raise InvalidResponse("a reply that nobody has asked for")
        name, _ = self._under_way.popleft()
        if isinstance(reply, MovedError):
            self._server.follow(reply)
        if isinstance(reply, ResponseError):
            raise reply
        if name != self._probe:
            self._answered(name, reply)


def _fail(ended: "asyncio.Future[None]", reason: BaseException) -> None:
    if not ended.done():
        ended.set_exception(reason)
