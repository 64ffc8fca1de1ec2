"""One cell of the matrix: a worker killed at a point, Redis failing then, a new worker; and what must have held."""

import asyncio
import tempfile
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from bridge.audit_chain import CUT, verify
from bridge.bus.controls.audit_log import read_head
from bridge.bus.records import scripts
from bridge.order_references import order_ref
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from ibgateway.simulator.server.server import Simulator
from tests.faults import forks
from tests.faults.cells import Verdict, judged
from tests.faults.forks import Forked
from tests.faults.link import Link, to_port, to_unix
from tests.faults.points import FRAMES, POINTS, REDIS_FAULTS, Faults
from tests.faults.stage import insisted, whole_log
from tests.stacks.worker import Caller, caller, order

KINDS = tuple(FRAMES)
OPEN = {"pending", "unknown"}  # answers that leave the outcome open, and say so
AGAIN = {  # ask again with the same key
    *OPEN, "not_executed", "not_ready", "bus_down", "timeout", "retry", "no_worker", "audit_unavailable",
    "gateway_unreachable", "client_id_in_use",
}  # fmt: skip
KEY, PLACED = "the-key-of-the-write", "the-key-of-the-order"
CALL_S = 20.0
SETTLED_S = 90.0
START_S = 150.0  # a Python process with all it imports, on a machine that does much else


@dataclass(frozen=True)
class Cell:
    point: str
    fault: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} {self.point} {self.fault}"


CELLS = [Cell(*each) for each in product(POINTS, REDIS_FAULTS, KINDS)]


async def run_cell(cell: Cell) -> Verdict:
    return await judged(cell, _Stage(cell), _play)


class _Stage:
    """The stack of one cell: its own Redis, simulator, links, and worker processes that can be killed."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.killed = asyncio.Event()
        self.worker: Forked | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "_Stage":
        enter = self._stack.enter_async_context
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="fault-")))
        self.folder = folder
        self.redis = await enter(EmbeddedRedis(folder))
        path = self.redis.url.removeprefix("unix://")
        self.sim = await enter(Simulator())
        self.front_link = await enter(Link(to_unix(path)))
        self.redis_link = await enter(Link(to_unix(path)))
        self.tws_link = await enter(Link(to_port(self.sim.port)))
        self._stack.push_async_callback(self.kill)
        self.front = await enter(caller(f"redis://127.0.0.1:{self.front_link.port}/0", "faults"))
        self.bus_client = await enter(caller(self.redis.url, "faults"))
        self.faults = Faults(
            self.redis, folder, [self.front_link], [self.redis_link], self.bus_client.bus_client.keys, KEY
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def start(self) -> None:
        """A worker process, as a restart policy would start it."""
        url, beat = f"redis://127.0.0.1:{self.redis_link.port}/0", str(self.folder / "beat")
        worker = Forked(forks.worker, self.folder / "worker.log", url, "faults", self.tws_link.port, beat)
        self.worker = await worker.start()

    async def kill(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            await worker.kill()
        self.killed.set()

    async def arm(self) -> None:
        """The scripts are loaded, so that the next EVALSHA is the step itself and not a question for its text."""
        for each in (scripts.ACCEPT, scripts.FINISH):
            await self.bus_client.bus_client.pipe.send("SCRIPT", "LOAD", each.text)
        POINTS[self.cell.point](self.redis_link, self.tws_link, self.cell.kind, self.kill)

    def frames(self) -> int:
        """Frames of the write under test, as the gateway has received them."""
        if self.cell.kind == "cancel_order":
            return len(self.sim.journal.entries("in", 4))
        reference = order_ref(KEY if self.cell.kind == "place_order" else PLACED)
        sent = [each for each in self.sim.journal.orders() if each.request.placed[1].orderRef == reference]
        return len(sent) - (self.cell.kind == "modify_order")


async def _play(stage: _Stage, verdict: Verdict) -> None:
    await stage.start()
    await insisted(lambda: stage.bus_client.writable(START_S), START_S)
    arguments = await _prepared(stage)
    await insisted(stage.arm)
    call = await _until_killed(stage, arguments)
    stage.redis_link.open()
    stage.tws_link.open()
    stage.redis_link.cut()
    stage.tws_link.cut()
    fault = asyncio.create_task(stage.faults.run(stage.cell.fault))
    await stage.start()
    async with asyncio.timeout(CALL_S + 5):
        verdict.first = await call
    verdict.frames_then = stage.frames()
    await fault
    verdict.last = await _settled(stage, arguments)
    verdict.frames = stage.frames()
    _judge(stage.cell, verdict)
    await _check_log(stage, verdict)


async def _until_killed(stage: _Stage, arguments: dict[str, Any]) -> asyncio.Task[str]:
    """The call in which the worker dies; one that a busy machine has kept from getting there is asked again."""
    killed = asyncio.create_task(stage.killed.wait())
    while True:
        call = asyncio.create_task(_told(stage.front, stage.cell.kind, arguments))
        await asyncio.wait([call, killed], return_when=asyncio.FIRST_COMPLETED)
        if stage.killed.is_set():
            return call
        if (told := await call) not in AGAIN:
            raise AssertionError(f"the worker was not killed: {told}")


async def _prepared(stage: _Stage) -> dict[str, Any]:
    """The write's arguments; what it changes or cancels is placed first."""
    resting = order(orderType="LMT", lmtPrice=400, totalQuantity=2)
    if stage.cell.kind == "place_order":
        return resting
    placed = await insisted(lambda: stage.bus_client.submit("place_order", key=PLACED, **resting))
    return {"orderId": placed["orderId"]} | ({"lmtPrice": 401} if stage.cell.kind == "modify_order" else {})


async def _told(front: Caller, kind: str, arguments: dict[str, Any]) -> str:
    """`done`, or the code of the error."""
    try:
        await front.submit(kind, key=KEY, deadline_s=CALL_S, **arguments)
    except ToolError as error:
        return error.code
    return "done"


async def _settled(stage: _Stage, arguments: dict[str, Any]) -> str:
    """What the same call comes to once everything is back: asked again with the same key until the answer is final."""
    told = ""
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLED_S):
            while True:
                told = await _told(stage.bus_client, stage.cell.kind, arguments)
                if told not in AGAIN:
                    break
                await asyncio.sleep(0.5)
    return told


def _judge(cell: Cell, verdict: Verdict) -> None:
    say, first, last = verdict.wrong.append, verdict.first, verdict.last
    if verdict.frames > 1:
        say(f"{verdict.frames} frames went out")
    if first == "not_executed" and verdict.frames_then:
        say("told not_executed, and the gateway had the frame")
    if first == "done" and not verdict.frames_then:
        say("told done, and the gateway had no frame")
    if first == "not_found" and (verdict.frames or last != first):
        say(f"told not_found at first, with {verdict.frames} frames in the end, and {last}")
    if first not in {"done", "not_executed", "not_confirmed", "not_found", *OPEN}:
        say(f"the first answer was {first}")
    if last not in {"done", "not_found", "not_confirmed"}:
        say(f"the key stayed {last}")
    forgotten = cell.kind == "cancel_order" and cell.fault == "restarted_empty"  # and archived by TWS
    if last == "not_confirmed" and (cell.kind == "place_order" or verdict.frames):
        say("told not_confirmed, and the gateway had the frame")
    if last == "not_found" and verdict.frames and not forgotten:
        say("told not_found, and the gateway had the frame")
    if last == "done" and not verdict.frames:
        say("told done in the end, and the gateway had no frame")


async def _check_log(stage: _Stage, verdict: Verdict) -> None:
    """The audit chain is whole, and tells the intent of whatever went out; Redis that lost all has lost the log too."""
    pipe, keys = stage.bus_client.bus_client.pipe, stage.bus_client.bus_client.keys
    head = await insisted(lambda: read_head(pipe, keys.audit_head))  # first: the worker goes on writing
    lines = (await insisted(lambda: whole_log(pipe, keys)))[: head[0]]
    emptied = stage.cell.fault == "restarted_empty"  # which the log then says of itself
    for each in verify(lines, head):
        if emptied and CUT in each.reason:
            continue
        verdict.wrong.append(f"audit entry {each.seq}: {each.reason}")
    told = any(b'"event":"intent"' in line and KEY.encode() in line for line in lines)
    if verdict.frames and stage.cell.fault != "restarted_empty" and not told:
        verdict.wrong.append("a frame went out without an intent in the audit log")
