"""Writes the streams that handles read into Redis: what has gathered in a tenth of a second, in one step."""

import asyncio
from contextlib import suppress

import msgspec

from bridge.bus.events.event import Cursor
from bridge.bus.events.kept_stream import BEGIN, KeptBatch, KeptUpdate, newest_kept, record
from bridge.bus.keys import Keys
from bridge.bus.leadership.lease import Lease
from bridge.bus.transport.clock import boottime
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.outage_log import Outage
from bridge.bus.transport.pipeline import CommandPipeline

UNWRITTEN = 2_000  # updates of one stream that wait for Redis; older ones are dropped, and show as a gap
IN_ONE_STEP = 500  # updates: Redis serves orders between two steps
TOUCH_S = 60.0  # between touches of the logs that nothing is written to
CONFLATED = frozenset({"quote", "book"})  # kinds whose latest update has all that those before it said
NOTHING = b"{}"


class _KeptStream:
    """One stream's updates that wait to be written."""

    def __init__(self, life: str, until: float) -> None:
        self.life = life
        self.until = until  # so long it is kept without a handle, by `boottime`
        self.unwritten: list[KeptUpdate] = []

    def take(self, update: KeptUpdate) -> None:
        last = self.unwritten[-1] if self.unwritten else None
        if last is not None and last.kind == update.kind and update.kind in CONFLATED:
            self.unwritten[-1] = KeptUpdate(last.first, update.last, update.kind, update.body)
            return
        self.unwritten.append(update)
        if len(self.unwritten) > UNWRITTEN:
            del self.unwritten[0]

    def written(self, last: int) -> None:
        self.unwritten = [each for each in self.unwritten if each.last > last]


class StreamRecorder:
    """The leader's kept streams. `take` waits for nothing: a lost Redis costs updates, and the log tells of it."""

    def __init__(self, pipe: CommandPipeline, keys: Keys, lease: Lease) -> None:
        self._pipe = pipe
        self._keys = keys
        self._lease = lease
        self._kept: dict[str, _KeptStream] = {}
        self._due = asyncio.Event()
        self._touched = boottime()
        self._unwritten = Outage("stream_not_written")

    def keeps(self, stream: str) -> bool:
        return stream in self._kept

    def kept(self) -> set[str]:
        """Return the streams, except those whose handle may be on its way."""
        now = boottime()
        return {name for name, each in self._kept.items() if each.until < now}

    async def begin(self, stream: str, life: str, seq: int, grace_s: float) -> Cursor:
        """Keep a stream from now on, for `grace_s` also without a handle. Returns the cursor before its next update.
        Raises Fenced or BusError."""
        found = self._kept.get(stream)
        until = boottime() + grace_s
        if found is None:
            found = self._kept[stream] = _KeptStream(life, until)  # first: what comes meanwhile counts
            try:
                await record(self._pipe, self._keys, self._lease.token, [_beginning(stream, life, seq)])
            except BaseException:
                self._kept.pop(stream, None)
                raise
        found.until = max(found.until, until)
        return await newest_kept(self._pipe, self._keys, stream)

    def drop(self, stream: str) -> None:
        """Write no more of it: nobody reads it."""
        self._kept.pop(stream, None)

    def clear(self) -> None:
        """Keep nothing: a term begins."""
        self._kept.clear()

    def take(self, stream: str, life: str, seq: int, kind: str, body: bytes) -> None:
        """Note an update of a stream; of one that is not kept it is passed over."""
        found = self._kept.get(stream)
        if found is None:
            return
        if found.life != life:  # opened anew: what comes is another count
            found.life, found.unwritten = life, []
        found.take(KeptUpdate(seq, seq, kind, body))
        self._due.set()

    async def run(self) -> None:
        """For ever: write what has gathered."""
        every_s = self._pipe.timing.record_s
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TOUCH_S):
                    await self._due.wait()
            self._due.clear()
            await self._write()
            await asyncio.sleep(every_s)

    async def _write(self) -> None:
        """Write what waits; what Redis does not take is tried again with what comes then."""
        touched = boottime() - self._touched > TOUCH_S
        if touched:
            self._touched = boottime()
        step: list[KeptBatch] = []
        for name, each in list(self._kept.items()):
            if each.unwritten or touched:
                step.append(KeptBatch(name, each.life, [_brief(one) for one in each.unwritten[:IN_ONE_STEP]]))
            if sum(len(batch.updates) for batch in step) >= IN_ONE_STEP:
                await self._record(step)
                step = []
        await self._record(step)

    async def _record(self, batches: list[KeptBatch]) -> None:
        try:
            await record(self._pipe, self._keys, self._lease.token, batches)
        except Fenced:
            self.clear()  # the next leader keeps them
            return
        except BusError as error:
            self._unwritten.failed(error)
            self._due.set()
            return
        self._unwritten.over()
        for batch in batches:
            found = self._kept.get(batch.stream)
            if found is not None and batch.updates and found.life == batch.life:
                found.written(batch.updates[-1].last)
                if found.unwritten:
                    self._due.set()


def _beginning(stream: str, life: str, seq: int) -> KeptBatch:
    return KeptBatch(stream, life, [KeptUpdate(seq, seq, BEGIN, NOTHING)])


def _brief(update: KeptUpdate) -> KeptUpdate:
    """The update without what a reader of entries has no use for: a merged quote's ticks, and values that are null."""
    if update.kind not in CONFLATED:
        return update
    whole = msgspec.json.decode(update.body)
    body = msgspec.json.encode({name: value for name, value in whole.items() if value is not None and name != "ticks"})
    return KeptUpdate(update.first, update.last, update.kind, body)
