"""Where around a send the worker is killed, and what happens to Redis in that moment."""

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from bridge.bus.keys import Keys
from bridge.bus.records import scripts
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.faults.link import Link, messages, nothing

HEAL_S = 3.0  # so long a fault of Redis lasts
FRAMES = {"place_order": b"3", "modify_order": b"3", "cancel_order": b"4"}
Kill = Callable[[], Awaitable[None]]


def before_accept(redis: Link, tws: Link, kind: str, kill: Kill) -> None:
    """The request is in hand, and its acceptance never reaches Redis."""
    redis.up = _kill_at(scripts.ACCEPT.sha, kill, forward=False)


def accept_unanswered(redis: Link, tws: Link, kind: str, kill: Kill) -> None:
    """Redis has accepted, and the worker never hears of it."""
    seen = asyncio.Event()

    async def up(data: bytes) -> bytes:
        if scripts.ACCEPT.sha.encode() in data:
            seen.set()
        return data

    async def down(data: bytes) -> bytes:
        if not seen.is_set() or not data.count(b"accepted"):
            return data
        await kill()
        return b""

    redis.up, redis.down = up, down


def frame_lost(redis: Link, tws: Link, kind: str, kill: Kill) -> None:
    """The frame is written, and never reaches the gateway."""
    tws.up = _kill_at_frame(kind, kill, forward=False)


def frame_unacknowledged(redis: Link, tws: Link, kind: str, kill: Kill) -> None:
    """The gateway has the frame, and its answer never reaches the worker."""
    tws.up = _kill_at_frame(kind, kill, forward=True, silence=tws)


def answer_unstored(redis: Link, tws: Link, kind: str, kill: Kill) -> None:
    """IBKR has acknowledged, and the answer never reaches Redis."""
    redis.up = _kill_at(scripts.FINISH.sha, kill, forward=False)


POINTS = {
    each.__name__: each
    for each in (before_accept, accept_unanswered, frame_lost, frame_unacknowledged, answer_unstored)
}


def _kill_at(sha: str, kill: Kill, forward: bool) -> Callable[[bytes], Awaitable[bytes]]:
    async def up(data: bytes) -> bytes:
        if sha.encode() not in data:
            return data
        await kill()
        return data if forward else b""

    return up


def _kill_at_frame(
    kind: str, kill: Kill, forward: bool, silence: Link | None = None
) -> Callable[[bytes], Awaitable[bytes]]:
    async def up(data: bytes) -> bytes:
        if FRAMES[kind] not in messages(data):
            return data
        if silence is not None:
            silence.down = nothing
        await kill()
        return data if forward else b""

    return up


class Faults:
    """The nine faults of one Redis; each begins at the kill and is over when its coroutine returns."""

    def __init__(
        self, redis: EmbeddedRedis, folder: Path, fronts: list[Link], workers: list[Link], keys: Keys, key: str
    ) -> None:
        self._redis = redis
        self._folder = folder
        self._fronts = fronts
        self._workers = workers
        self._keys = keys
        self.key = key  # of the write that is delivered twice

    async def run(self, name: str) -> None:
        await getattr(self, name)()

    async def down(self) -> None:
        await self._killed()
        await asyncio.sleep(HEAL_S)
        await self._redis.start()

    async def restarted(self) -> None:
        await self._killed()
        await self._redis.start()

    async def restarted_empty(self) -> None:
        await self._killed()
        shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)
        await self._redis.start()

    async def paused(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(HEAL_S)
        self._process.send_signal(signal.SIGCONT)

    async def slow(self) -> None:
        for link in (*self._fronts, *self._workers):
            link.delay_s = 0.2
        await asyncio.sleep(HEAL_S)
        for link in (*self._fronts, *self._workers):
            link.delay_s = 0.0

    async def full(self) -> None:
        await self._told("CONFIG", "SET", "maxmemory", "1")
        await asyncio.sleep(HEAL_S)
        await self._told("CONFIG", "SET", "maxmemory", "0")

    async def read_only(self) -> None:
        await self._told("REPLICAOF", "127.0.0.1", "1")
        await asyncio.sleep(HEAL_S)
        await self._told("REPLICAOF", "NO", "ONE")

    async def reply_lost(self) -> None:
        for link in self._fronts:
            link.down = nothing
        await asyncio.sleep(HEAL_S)
        for link in self._fronts:
            link.open()
            link.cut()

    async def duplicate_delivery(self) -> None:
        """The request is delivered over and over, long after its worker has died."""
        async with CommandPipeline(self._redis.url) as pipe:
            request = await pipe.send("HGET", self._keys.order(self.key), "req")
            for _ in range(20 if request else 0):
                await pipe.send("SPUBLISH", self._keys.requests, request)
                await asyncio.sleep(HEAL_S / 4)

    async def _told(self, *command: str) -> None:
        async with CommandPipeline(self._redis.url) as pipe:
            await pipe.send(*command)

    async def _killed(self) -> None:
        self._process.kill()
        await self._process.wait()
        for link in (*self._fronts, *self._workers):
            link.cut()

    @property
    def _process(self) -> asyncio.subprocess.Process:
        assert self._redis.process is not None
        return self._redis.process


REDIS_FAULTS = (
    "down", "restarted", "restarted_empty", "paused", "slow", "full", "read_only", "reply_lost", "duplicate_delivery",
)  # fmt: skip
