"""A leader fails in one of four ways beside a standby: how long until calls are carried out again, and by whom."""

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from bridge.bus.controls.audit_log import read_log
from bridge.tool import ToolError
from tests.faults.stage import START_S, Stage, Worker, insisted
from tests.stacks.worker import order
from tests.waiting import until

WAYS = ("killed", "frozen", "cut from redis", "cut from gateway", "terminated")
EVERY_S = 0.25  # a call begins so often
GIVEN_UP_S = 60.0
ORDER_REF = re.compile(rb"mcp[a-z2-7]{26}")


@dataclass
class HandOver:
    """`read_s` and `write_s`: from the failure to the end of the first call that was carried out after it."""

    way: str
    read_s: float = 0.0
    write_s: float = 0.0
    by_standby: bool = False
    wrong: list[str] = field(default_factory=list)


class Pair:
    """Two workers on one stage, and which of them wrote which order's frame."""

    def __init__(self, stage: Stage, workers: tuple[Worker, Worker]) -> None:
        self.stage = stage
        self.workers = workers
        self._refs: list[tuple[Worker, str]] = []
        for each in workers:
            each.tws_link.tap = lambda data, worker=each: self._sent(worker, data)

    def _sent(self, worker: Worker, data: bytes) -> None:
        self._refs += [(worker, ref.decode()) for ref in ORDER_REF.findall(data)]

    async def leader(self) -> Worker:
        await insisted(lambda: self.stage.operator.writable(START_S), START_S)
        led_by = (await insisted(self.stage.operator.status))["worker"]
        return next(each for each in self.workers if led_by.endswith(f"-{each.pid}"))

    async def fail(self, way: str, for_s: float) -> HandOver:
        """One failure of the leader, and its end. `for_s`: how long it stays frozen or cut off."""
        leader = await self.leader()
        other = next(each for each in self.workers if each is not leader)
        result = HandOver(way)
        mended = asyncio.create_task(_broken(leader, way, for_s))
        began = time.monotonic()
        result.read_s, result.write_s = await asyncio.gather(self._first_read(began), self._first_write(began))
        result.by_standby = await self.leader() is other
        await mended
        await self._stands_by(leader, result)
        result.wrong += [each async for each in self._two_in_one_lease()]
        return result

    async def _stands_by(self, worker: Worker, result: HandOver) -> None:
        """The one that failed lives, and the session has one leader that takes writes."""
        if not worker.alive:
            result.wrong.append("the leader that failed did not come back")
        await insisted(self._written)

    async def _first_read(self, began: float) -> float:
        return await self._first(began, lambda: self.stage.operator.ask("get_positions"))

    async def _first_write(self, began: float) -> float:
        return await self._first(began, self._written)

    async def _written(self) -> None:
        await self.stage.operator.submit("place_order", **order())

    async def _first(self, began: float, call: Callable[[], Awaitable[object]]) -> float:
        """A call begins every moment, whatever became of the earlier ones; the time at which the first is done."""
        done = asyncio.Event()

        async def once() -> None:
            with suppress(ToolError):
                await call()
                done.set()

        calls: set[asyncio.Task[None]] = set()
        while not done.is_set() and time.monotonic() < began + GIVEN_UP_S:
            calls.add(asyncio.create_task(once()))
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await done.wait()
        took = time.monotonic() - began
        await asyncio.gather(*calls)
        return took

    async def _two_in_one_lease(self) -> AsyncIterator[str]:
        """Each intent names the lease under which it was written, and its frame went out over one worker's link."""
        bus_client = self.stage.operator.bus_client
        token_of = {
            entry["orderRef"]: entry["token"]
            async for line in read_log(bus_client.pipe, bus_client.keys)
            if (entry := json.loads(line))["event"] == "intent"
        }
        wrote: dict[str, set[int]] = defaultdict(set)
        for worker, ref in self._refs:
            wrote[token_of[ref]].add(self.workers.index(worker))
        for token, numbers in wrote.items():
            if len(numbers) > 1:
                yield f"two workers wrote frames in the lease {token}"
        tokens = [int(token_of[ref]) for _, ref in self._refs]
        if tokens != sorted(tokens):
            yield "a frame of an earlier lease went out after one of a later"
        refs = [ref for _, ref in self._refs]
        if len(refs) != len(set(refs)):
            yield "an order was sent twice"


async def _broken(leader: Worker, way: str, for_s: float) -> None:
    """Break the leader, and mend it."""
    if way == "killed":
        await leader.kill()
        await asyncio.sleep(1)
        await leader.start()
    elif way == "terminated":
        await leader.stop()
        await leader.start()
    elif way == "frozen":
        await leader.freeze(for_s)
    else:
        link = leader.redis_link if way == "cut from redis" else leader.tws_link
        await link.away(for_s)


@asynccontextmanager
async def a_pair() -> AsyncIterator[Pair]:
    """A leader that takes writes, and a standby that waits for the lease."""
    async with Stage() as stage:
        workers = await stage.worker(0), await stage.worker(1)
        for each in workers:
            await until(each.beat.exists, "the worker lives", START_S)
        yield Pair(stage, workers)
