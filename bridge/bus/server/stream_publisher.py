"""The ticks that a leader publishes on its streams."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import msgspec

from bridge.bus.keys import Keys
from bridge.bus.leadership.lease import Lease
from bridge.bus.messages import Tick, Ticks
from bridge.bus.server.stream_recorder import StreamRecorder
from bridge.bus.transport.clock import boottime
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.immediate import ImmediatePublisher
from bridge.bus.transport.outage_log import Outage
from bridge.bus.transport.pipeline import CommandPipeline

UNSENT = 5_000  # ticks of one stream that wait for Redis; older ones are dropped, and show as a gap
TICKS_OF_ONE = 500  # message: those that gathered while Redis was away are three megabytes
PROBE = "nobody"  # no stream's name: a contract's or an account's has a hyphen
UNCOUNTED = -1  # while Redis is away listeners can't be counted, and no stream may be called abandoned


@dataclass
class _PublishedStream:
    life: str  # no other stream, nor this one when it was opened before, has the same
    heard_at: float = 0  # when somebody was last known to listen, or the stream was opened
    seq: int = 0
    receivers: int = 0
    unsent: deque[Tick] = field(default_factory=lambda: deque(maxlen=UNSENT))


class StreamPublisher:
    """The leader's streams. Nothing here waits: ticks go out at the end of the step that publishes them, on a
    connection of their own. Without one they gather for the pipeline's next round trip."""

    def __init__(self, pipe: CommandPipeline, keys: Keys, lease: Lease) -> None:
        self._pipe = pipe
        self._timing = pipe.timing
        self._keys = keys
        self._lease = lease
        self._streams: dict[str, _PublishedStream] = {}
        self.recorder = StreamRecorder(pipe, keys, lease)
        self._uncounted = Outage("ticks_not_counted")
        self._opened = 0
        self.published = self.dropped = 0  # ticks, so far; those that did not wait for Redis any longer
        self._gathered: dict[str, _PublishedStream] = {}  # those with ticks that are not sent
        self._immediate = ImmediatePublisher(pipe, keys.ticks(PROBE), self._counted)
        self._pushing = False  # the end of this step sends what has gathered
        self._piped = False  # messages are under way in the pipeline: those after them must not overtake them
        self._due = asyncio.Event()  # the pipeline is to take what has gathered
        self.on_abandoned: Callable[[str], None] = lambda stream: None

    def open(self, stream: str) -> tuple[str, int]:
        """Begin a stream, or give an open one another `linger_s` to be listened to. Returns its life and last seq."""
        if stream not in self._streams:
            self._opened += 1
            self._streams[stream] = _PublishedStream(f"{self._lease.token}-{self._opened}")
        each = self._streams[stream]
        each.heard_at = boottime()
        return each.life, each.seq

    def publish(self, stream: str, kind: str, body: bytes) -> None:
        """Send JSON to whoever listens; opens the stream if need be."""
        if stream not in self._streams:
            self.open(stream)
        each = self._streams[stream]
        each.seq += 1
        self.published += 1
        self.dropped += len(each.unsent) == UNSENT
        each.unsent.append(Tick(each.seq, kind, self._pipe.clock.now_ms(), msgspec.Raw(body)))
        self.recorder.take(stream, each.life, each.seq, kind, body)
        self._gathered[stream] = each
        if self._piped or not self._immediate.may_publish():
            self._due.set()
        elif not self._pushing:
            self._pushing = True
            asyncio.get_running_loop().call_soon(self._push)

    def _push(self) -> None:
        self._pushing = False
        self.push()

    def push(self) -> None:
        """Send what has gathered now, and not at the end of this step: one message for each stream."""
        if self._piped or not self._immediate.may_publish():
            self._due.set()
            return
        due = [(name, each) for name, each in self._gathered.items() if each.unsent and self._streams.get(name) is each]
        self._gathered.clear()
        if due:
            self._immediate.publish([(name, self._keys.ticks(name), self._message(each)) for name, each in due])

    def duties(self) -> "list[Coroutine[Any, Any, None]]":
        """Return what has to run while this worker leads."""
        return [self.send(), self._immediate.run(), self.watch(), self.recorder.run()]

    def listened_to(self) -> int:
        """Return how many streams fronts listened to when they were last counted."""
        return sum(each.receivers > 0 for each in self._streams.values())

    def close(self, stream: str) -> None:
        """End a stream without calling on_abandoned."""
        self._streams.pop(stream, None)

    def receivers(self, stream: str) -> int:
        """Return the last known number of fronts that listen; UNCOUNTED while Redis is away."""
        each = self._streams.get(stream)
        return each.receivers if each else 0

    async def send(self) -> None:
        """For ever: one message per stream with what has gathered, all streams in one round trip."""
        self._piped = False
        while True:
            await self._due.wait()
            self._due.clear()
            self._piped = True
            self._gathered.clear()
            sent = [(name, self._pipe.send("SPUBLISH", self._keys.ticks(name), self._message(each)))
                    for name, each in self._streams.items() if each.unsent]  # fmt: skip
            for name, receivers in sent:
                await self._count(name, receivers)
            self._piped = False

    def _message(self, stream: _PublishedStream) -> bytes:
        """The oldest ticks that wait, as many as one message holds; the rest follows by the pipeline."""
        ticks = [stream.unsent.popleft() for _ in range(min(len(stream.unsent), TICKS_OF_ONE))]
        if stream.unsent:
            self._due.set()
        return msgspec.json.encode(Ticks(stream.life, ticks))

    async def watch(self) -> None:
        """Call `check` every `listener_check_s`, for ever."""
        while True:
            await asyncio.sleep(self._timing.listener_check_s)
            await self.check()

    async def check(self) -> None:
        """Ask who listens, and abandon what nobody has listened to for `linger_s`."""
        asked = [(name, self._pipe.send("PUBSUB", "SHARDNUMSUB", self._keys.ticks(name))) for name in self._streams]
        for name, receivers in asked:
            await self._count(name, receivers)
        for name in filter(self.recorder.keeps, self._streams):
            self._streams[name].heard_at = boottime()
        oldest = boottime() - self._timing.linger_s
        for name in [name for name, each in self._streams.items() if each.heard_at < oldest]:
            del self._streams[name]
            self.on_abandoned(name)

    async def _count(self, name: str, answer: "asyncio.Future[int | list[bytes | int]]") -> None:
        try:
            counted = await answer
        except BusError as error:
            self._uncounted.failed(error, stream=name)
            counted = UNCOUNTED
        else:
            self._uncounted.over()
        self._counted(name, counted if isinstance(counted, int) else int(counted[1]))

    def _counted(self, name: str, receivers: int) -> None:
        each = self._streams.get(name)
        if each is None:
            return
        each.receivers = receivers
        if receivers:
            each.heard_at = boottime()
