"""Carries out the faults of a plan on a stage."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from tests.faults.link import messages
from tests.faults.plan import REDIS, Fault
from tests.faults.points import FRAMES, POINTS
from tests.faults.stage import Stage, Worker

SEEN_S = 4.0  # so long a point of a send is waited for; a run may have no such send left


async def strike(stage: Stage, fault: Fault) -> None:
    """Wait for its time, break, and mend what does not mend itself."""
    await asyncio.sleep(fault.at_s)
    if fault.lines:
        for line in fault.lines:
            stage.sim.fault(line)
    elif fault.name in REDIS:
        async with stage.redis_turn:
            await stage.redis_faults.run(fault.name)
    elif fault.name == "front killed":
        await stage.fronts[fault.front].kill()
        await asyncio.sleep(fault.for_s)
        await stage.front(fault.front)
    elif fault.name == "front cut from redis":
        await stage.fronts[fault.front].link.away(fault.for_s)
    else:
        await _WORKER[fault.name](stage, fault)


async def _killed(stage: Stage, fault: Fault) -> None:
    await _crash(stage.workers[0], fault.for_s)


async def _crash(worker: Worker, down_s: float) -> None:
    await worker.kill()
    await asyncio.sleep(down_s)
    await worker.start()


async def _killed_at_a_point(stage: Stage, fault: Fault) -> None:
    worker, struck = stage.workers[0], asyncio.Event()

    async def kill() -> None:
        await worker.kill()
        struck.set()

    POINTS[fault.point](worker.redis_link, worker.tws_link, fault.kind, kill)
    if await _within(struck):
        await _crash(worker, fault.for_s)
    else:
        worker.redis_link.open()
        worker.tws_link.open()


async def _frozen(stage: Stage, fault: Fault) -> None:
    await stage.workers[0].freeze(fault.for_s)


async def _frozen_at_a_point(stage: Stage, fault: Fault) -> None:
    """Stopped in the moment in which the step is on its way; what it has written arrives all the same."""
    worker, struck = stage.workers[0], asyncio.Event()

    def hook(meant: Callable[[bytes], bool]) -> Callable[[bytes], Awaitable[bytes]]:
        async def passing(data: bytes) -> bytes:
            if meant(data) and not struck.is_set():
                worker.send(signal.SIGSTOP)
                struck.set()
            return data

        return passing

    if fault.point.startswith("frame"):
        worker.tws_link.up = hook(lambda data: FRAMES[fault.kind] in messages(data))
    else:
        worker.redis_link.down = hook(lambda data: b"accepted" in data)
    if await _within(struck):
        await worker.freeze(fault.for_s)
    worker.tws_link.open()
    worker.redis_link.open()


async def _terminated(stage: Stage, fault: Fault) -> None:
    worker = stage.workers[0]
    await worker.stop()
    await asyncio.sleep(fault.for_s)
    await worker.start()


async def _cut_from_redis(stage: Stage, fault: Fault) -> None:
    await stage.workers[0].redis_link.away(fault.for_s)


async def _cut_from_gateway(stage: Stage, fault: Fault) -> None:
    await stage.workers[0].tws_link.away(fault.for_s)


async def _within(struck: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(SEEN_S):
            await struck.wait()
    except TimeoutError:
        return False
    return True


_WORKER = {
    "killed": _killed,
    "killed at a point": _killed_at_a_point,
    "frozen": _frozen,
    "frozen at a point": _frozen_at_a_point,
    "terminated": _terminated,
    "cut from redis": _cut_from_redis,
    "cut from gateway": _cut_from_gateway,
}
