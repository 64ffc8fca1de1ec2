"""Redis goes back a second time between two steps of the worker that restore it after the first: halted again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.client.client import BusClient
from bridge.bus.controls.audit_log import read_head
from bridge.bus.controls.kill_switch import read_halt
from bridge.bus.integrity.watermark import Watermark
from cli.local_stack.embedded_redis import EmbeddedRedis
from ibgateway.simulator.server.server import Simulator
from tests.faults.link import Link, to_unix
from tests.stacks.worker import SOON, Caller, caller, copy_of, frames, goes_back, order, worker
from tests.waiting import until

RESTING = order(orderType="LMT", lmtPrice=50)
STEPS = {  # what its command holds alone of all that the worker sends after a loss
    "the switch is set": b"Compare ibkr_get_open_orders",
    "the rebase": b"math.max(whole(text(revision)), tonumber(ARGV[2])) + 1",
    "the log's cut is written": b'"cut_at"',
    "the mark is set": b"redis.call('SET', generation, ARGV[2], 'NX')",
}
OF_THE_CONNECTION = (b"SSUBSCRIBE", b"SETINFO")
PUSHED = (b"ssubscribe", b"smessage")
pytestmark = pytest.mark.trial("A19")


class Cut:
    """The worker's way to Redis ends at one step: its answer is lost, or arrives and is the last one."""

    def __init__(self, link: Link, step: bytes, lost: bool) -> None:
        self._step = step
        self._lost = lost
        self._sent = self._done = False
        self.reached = asyncio.Event()
        link.up, link.down = self._up, self._down

    async def _up(self, data: bytes) -> bytes:
        if self._done and not any(word in data for word in (self._step, *OF_THE_CONNECTION)):
            self.reached.set()  # the batch before was answered, or was given up
            return b""
        self._sent = self._sent or self._step in data
        return data

    async def _down(self, data: bytes) -> bytes:
        """A server that was started anew asks for a script's text: then the step is still to be done."""
        if not self._sent or b"NOSCRIPT" in data or any(word in data for word in PUSHED):
            return data
        self._done = True
        return b"" if self._lost else data


@asynccontextmanager
async def relayed(
    redis: EmbeddedRedis, session: str, sim: Simulator, **settings: Any
) -> AsyncIterator[tuple[Link, Caller]]:
    """A worker that is ready for writes and reaches Redis over a relay, and a caller that does so without one."""
    async with Link(to_unix(redis.url.removeprefix("unix://"))) as link:
        url = f"redis://127.0.0.1:{link.port}/0"
        async with worker(url, session, sim.port, order_timing=SOON, **settings), caller(redis.url, session) as front:
            await front.writable()
            yield link, front


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "its answer lost"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_redis_that_goes_back_after_any_step_of_its_restoring_is_halted_again(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path, step: str, lost: bool
) -> None:
    async with relayed(own_redis, session, sim) as (link, front):
        copy = copy_of(own_redis, tmp_path)
        await front.submit("place_order", **RESTING)
        if step != "the mark is set":
            await front.ask("disconnect")  # nothing can be reconciled, and no mark is set
        cut = Cut(link, STEPS[step], lost)
        await goes_back(own_redis, tmp_path, copy)
        await asyncio.wait_for(cut.reached.wait(), 20)
        await goes_back(own_redis, tmp_path, copy)
        link.open()

        await until(lambda: halted(front.bus_client), f"Redis went back after {step}, and is halted again", 20)
        refused = await front.refused_order(**RESTING)

    assert refused.code in ("halted", "unknown", "not_ready")
    assert frames(sim) == 1


async def test_a_leader_that_ends_before_the_logs_cut_is_written_leaves_it_to_the_next(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    file, known = tmp_path / "watermark", asyncio.get_running_loop().create_future()

    async def look(data: bytes) -> bytes:
        if STEPS["the log's cut is written"] in data and not known.done():
            mark = Watermark(session, file)
            mark.load()
            known.set_result(mark.known.audit_seq)
        return data

    async with relayed(own_redis, session, sim, watermark_file=file) as (link, front):
        copy = copy_of(own_redis, tmp_path)
        await front.submit("place_order", **RESTING)
        written = (await read_head(front.bus_client.pipe, front.bus_client.keys.audit_head))[0]
        link.up = look
        await goes_back(own_redis, tmp_path, copy)
        left = await asyncio.wait_for(known, 20)

    assert left >= written > 0


async def halted(bus_client: BusClient) -> bool:
    return await read_halt(bus_client.pipe, bus_client.keys) is not None
