"""The reply inbox of a front: its reply channel, the waiting calls, the feeds, and the check that a worker is alive."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from secrets import token_hex
from typing import Self

import msgspec
import structlog

from bridge.bus.client.stream_reader import StreamReader
from bridge.bus.keys import Keys
from bridge.bus.messages import Reply, decode_reply, decode_ticks
from bridge.bus.transport.connection import BusError, bus_down
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.pubsub import PubSubListener
from bridge.tasks import cancel_and_wait
from bridge.tool import ToolError

GONE = 2  # looks in vain: a worker whose connection blinks is back by then

log = structlog.get_logger()


class ReplyChannelLost(Exception):
    """The reply channel broke while a call waited: its reply may have been missed."""


class WorkerLost(Exception):
    """No worker takes requests any more: the worker that has the call is gone."""


class ReplyInbox:
    """The calls and feeds that wait for replies. `front` is the name of this front's channel, unique to this
    process."""

    def __init__(self, pipe: CommandPipeline, keys: Keys, front_id: str) -> None:
        self.front = f"{front_id}-{token_hex(4)}"  # a front that comes back under its old name must not get old replies
        self._pipe = pipe
        self._keys = keys
        self._channel = keys.replies(self.front)
        self._listener = PubSubListener(pipe.url, self._hear, self._lost, pipe.timing)
        self._calls: dict[str, asyncio.Future[Reply]] = {}
        self._feeds: dict[str, set[StreamReader]] = {}  # by channel
        self._attached: dict[str, Callable[[bytes], None]] = {}  # by channel
        self._counter = 0
        self.unreadable = 0  # messages that were dropped

    async def __aenter__(self) -> Self:
        await self._listener.__aenter__()
        self._pipe.on_demoted = self._listener.reconnect
        self._listener.subscribe(self._channel)
        self._watcher = asyncio.create_task(self._watch(), name="bus watch")
        return self

    async def __aexit__(self, *_: object) -> None:
        await cancel_and_wait([self._watcher])
        await self._listener.__aexit__()

    def next_id(self) -> str:
        """Return the id of a new request. Nobody can guess it, and so have the worker answer it otherwise."""
        self._counter += 1
        return f"{self.front}-{self._counter}-{token_hex(8)}"

    @property
    def is_ready(self) -> bool:
        return self._listener.is_confirmed(self._channel)

    @property
    def awaits_one(self) -> bool:
        """Return whether a single call waits for its reply."""
        return len(self._calls) == 1

    async def ready(self) -> None:
        """Wait until replies can be heard. Raises NotSent."""
        await self._listener.confirmed(self._channel, self._pipe.timing.confirm_s)

    @contextmanager
    def expected(self, id: str) -> Iterator[asyncio.Future[Reply]]:
        """The reply to a request; as an exception Interrupted or WorkerLost."""
        call: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._calls[id] = call
        try:
            yield call
        finally:
            del self._calls[id]
            if call.done() and not call.cancelled():
                call.exception()  # fetched, even when the caller has gone

    async def join(self, feed: StreamReader) -> None:
        """Let a feed hear its stream. Raises NotSent; the feed must be left in any case."""
        channel = self._keys.ticks(feed.stream)
        self._feeds.setdefault(channel, set()).add(feed)
        self._listener.subscribe(channel)
        await self._listener.confirmed(channel, self._pipe.timing.confirm_s)

    def leave(self, feed: StreamReader) -> None:
        channel = self._keys.ticks(feed.stream)
        self._feeds[channel].discard(feed)
        if not self._feeds[channel]:
            del self._feeds[channel]
            self._listener.unsubscribe(channel)

    def attach(self, channel: str, hear: Callable[[bytes], None]) -> None:
        """Listen to one more channel for as long as this front runs."""
        self._attached[channel] = hear
        self._listener.subscribe(channel)

    def _hear(self, channel: str, message: bytes) -> None:
        try:
            if channel == self._channel:
                self._deliver(decode_reply(message))
            elif channel in self._feeds:
                ticks = decode_ticks(message)
                for feed in self._feeds[channel]:
                    feed.hear(ticks)
            elif channel in self._attached:
                self._attached[channel](message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
            self.unreadable += 1
            log.warning("message_unreadable", channel=channel, error=str(error), count=self.unreadable)

    def _deliver(self, reply: Reply) -> None:
        call = self._calls.get(reply.id)
        if call is not None and not call.done():
            call.set_result(reply)

    def _lost(self) -> None:
        self._fail(ReplyChannelLost, bus_down(self._pipe.url, "the connection broke"), self._calls.keys())

    def _fail(self, reason: type[Exception], feeds: ToolError, calls: Collection[str]) -> None:
        """End the wait of the calls with these ids, and of every feed."""
        for id, call in self._calls.items():
            if id in calls and not call.done():
                call.set_exception(reason())
        for feed in [feed for channel in self._feeds.values() for feed in channel]:
            feed.fail(feeds)

    async def _watch(self) -> None:
        """For ever: while somebody waits, make sure that somebody takes requests. A call that came after the last look
        is told by its own request that nobody has taken it."""
        missed, waited = 0, set[str]()
        while True:
            await asyncio.sleep(self._pipe.timing.worker_check_s)
            missed = missed + 1 if await self._unserved() else 0
            if missed >= GONE:
                text = "The worker is gone. Another may take over within 10 seconds; call ibkr_get_status, then retry."
                self._fail(WorkerLost, ToolError("worker_lost", text), waited)
            waited = set(self._calls)

    async def _unserved(self) -> bool:
        if not self._calls and not self._feeds:
            return False
        try:
            return await self.receivers() == 0
        except BusError:
            return False  # the listener finds out by itself

    async def receivers(self) -> int:
        """Return the number of workers that take requests. Raises BusError."""
        _, count = await self._pipe.send("PUBSUB", "SHARDNUMSUB", self._keys.requests)
        return int(count)
