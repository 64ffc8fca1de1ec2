"""One cell of the rollback: Redis is put back to an older copy at a point of an order's life; what must have held."""

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from bridge.audit_chain import CUT, verify
from bridge.bus.controls.audit_log import read_head
from bridge.bus.controls.kill_switch import clear_halt, read_halt
from bridge.bus.records import scripts
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.order_references import order_ref
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from ib_worker.risk.circuit_breakers import CircuitBreakerSettings
from ibgateway.simulator.server.server import Simulator
from tests.faults import forks
from tests.faults.cells import Verdict, judged
from tests.faults.forks import Forked
from tests.faults.link import Link, to_port
from tests.faults.matrix import AGAIN, CALL_S, SETTLED_S, START_S
from tests.faults.points import POINTS
from tests.faults.stage import insisted, whole_log
from tests.stacks.worker import caller, order
from tests.waiting import until

KEY, EARLIER = "the-key-of-the-write", "the-key-of-an-earlier-order"
HOWS = ("rdb restored", "aof cut", "replica promoted")
STRUCK = ("waiting", *POINTS, "answered")  # Redis is put back at this point, to a copy of before both orders
AS_OF = {"as submitted": "before_accept", "as accepted": "frame_lost", "as acknowledged": "answer_unstored"}
WORKERS = ("alive", "killed")
RESTING = order(orderType="LMT", lmtPrice=400, totalQuantity=2)


@dataclass(frozen=True)
class Cell:
    how: str
    point: str
    worker: str

    def __str__(self) -> str:
        return f"{self.how}, {self.point}, worker {self.worker}"


CELLS = [Cell(*each) for each in product(HOWS, (*STRUCK, *AS_OF), WORKERS)]


async def run_cell(cell: Cell) -> Verdict:
    return await judged(cell, _Stage(cell), _play)


class _Stage:
    """Redis with a replica, the simulator, and one worker process with a file of its own and the switch on its wire."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.struck = asyncio.Event()
        self.worker: Forked | None = None
        self.counted = 0
        self.steps = 0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "_Stage":
        enter = self._stack.enter_async_context
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="back-")))
        self.redis = await enter(EmbeddedRedis(self.folder / "redis", free_port()))
        self.replica = await enter(EmbeddedRedis(self.folder / "replica", free_port()))
        self.leading = self.redis  # the one that the session's address leads to
        self.sim = await enter(Simulator())
        self.redis_link = await enter(Link(self._to_redis))
        self.bus_client_link = await enter(Link(self._to_redis))
        self.tws_link = await enter(Link(to_port(self.sim.port)))
        self._stack.push_async_callback(self.kill)
        self.bus_client = await enter(caller(f"redis://127.0.0.1:{self.bus_client_link.port}/0", "faults"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _to_redis(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await to_port(_port_of(self.leading))()

    async def start(self) -> None:
        url, beat = f"redis://127.0.0.1:{self.redis_link.port}/0", str(self.folder / "beat")
        log = self.folder / "worker.log"
        self.worker = await Forked(
            forks.worker, log, url, "faults", self.tws_link.port, beat, CircuitBreakerSettings()
        ).start()

    async def kill(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            await worker.kill()

    async def send(self, *command: str) -> Any:
        """Send what may be sent again: on a busy machine a new connection's greeting may come too late."""
        return await insisted(lambda: self.bus_client.bus_client.pipe.send(*command))

    # the older copy

    async def copy(self) -> None:
        """Keep Redis' data as they are now, in the cell's way."""
        if self.cell.how == "replica promoted":
            await _told(self.replica, "REPLICAOF", "NO", "ONE")
        elif self.cell.how == "rdb restored":
            await _told(self.redis, "SAVE")
            shutil.copy(self.folder / "redis" / "dump.rdb", self.folder / "copy.rdb")
        else:
            self.cut_at = {each.name: each.stat().st_size for each in self._log_files()}

    def _log_files(self) -> list[Path]:
        return sorted((self.folder / "redis" / "appendonlydir").iterdir())

    async def follow(self) -> None:
        """The replica has all that Redis has now."""
        if self.cell.how != "replica promoted":
            return
        port = _port_of(self.redis)
        await _told(self.replica, "REPLICAOF", "127.0.0.1", str(port))
        await until(self._linked, "the replica follows", START_S)

    async def _linked(self) -> bool:
        info = await _told(self.replica, "INFO", "replication")
        return b"master_link_status:up" in info

    async def strike(self) -> None:
        """Put Redis back, and kill the worker if it is to die with it."""
        self.counted = int(await self.send("ZCARD", self.bus_client.bus_client.keys.accepted))
        assert self.redis.process is not None
        self.redis.process.kill()
        await self.redis.process.wait()
        if self.cell.worker == "killed":
            await self.kill()
        await self._put_back()
        for link in (self.redis_link, self.bus_client_link):
            link.cut()
        self.struck.set()

    async def _put_back(self) -> None:
        data = self.folder / "redis" / "appendonlydir"
        if self.cell.how == "replica promoted":
            self.leading = self.replica
            return
        if self.cell.how == "rdb restored":
            shutil.rmtree(data)
            data.mkdir()
            shutil.copy(self.folder / "copy.rdb", data / "appendonly.aof.1.base.rdb")
            (data / "appendonly.aof.1.incr.aof").touch()
            (data / "appendonly.aof.manifest").write_text(
                "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
            )
        else:
            for each in self._log_files():
                with each.open("r+b") as file:
                    file.truncate(self.cut_at[each.name])
        await self.redis.start()

    def frames(self, key: str) -> int:
        sent = self.sim.journal.orders()
        return sum(each.request.placed[1].orderRef == order_ref(key) for each in sent)


async def _play(stage: _Stage, verdict: Verdict) -> None:
    point = stage.cell.point
    await stage.follow()
    await stage.start()
    await insisted(lambda: stage.bus_client.writable(START_S), START_S)
    if point in STRUCK:
        await stage.copy()
    await insisted(lambda: stage.bus_client.submit("place_order", key=EARLIER, **order(orderType="LMT", lmtPrice=399)))
    for each in (scripts.ACCEPT, scripts.FINISH):
        await stage.send("SCRIPT", "LOAD", each.text)
    if point == "waiting":
        await stage.strike()
        call = asyncio.create_task(_told_to(stage))
    elif point in POINTS:
        POINTS[point](stage.redis_link, stage.tws_link, "place_order", stage.strike)
        call = asyncio.create_task(_told_to(stage))
        await stage.struck.wait()
    else:
        if point in AS_OF:
            _copy_at(stage, AS_OF[point])
        call = asyncio.create_task(_told_to(stage))
        await call
        await until(lambda: _above(stage), "the worker has heard that its answer is stored", START_S)
        await stage.strike()
    for link in (stage.redis_link, stage.tws_link):
        link.open()
        link.cut()
    if stage.cell.worker == "killed":
        await stage.start()
    async with asyncio.timeout(START_S):
        verdict.first = await call
    verdict.frames_then = stage.frames(KEY)
    await _judge(stage, verdict)


async def _above(stage: _Stage) -> bool:
    """Whether the lease was renewed since the first look: commands are answered in their order."""
    steps = int(await stage.send("GET", stage.bus_client.bus_client.keys.revision))
    stage.steps = stage.steps or steps
    return steps > stage.steps


def _copy_at(stage: _Stage, point: str) -> None:
    """Copy while this step is held, and let it pass then."""
    done = False

    async def up(data: bytes) -> bytes:
        nonlocal done
        if not done and any(sign in data for sign in _signs(point)):
            done = True
            await stage.copy()
        return data

    if point == "frame_lost":
        stage.tws_link.up = up
    else:
        stage.redis_link.up = up


def _signs(point: str) -> tuple[bytes, ...]:
    if point == "frame_lost":
        return (order_ref(KEY).encode(),)
    return ((scripts.ACCEPT if point == "before_accept" else scripts.FINISH).sha.encode(),)


async def _told_to(stage: _Stage) -> str:
    """`done`, or the code of the error."""
    try:
        await stage.bus_client.submit("place_order", key=KEY, deadline_s=CALL_S, **RESTING)
    except ToolError as error:
        return error.code
    return "done"


async def _judge(stage: _Stage, verdict: Verdict) -> None:
    say, pipe, keys = verdict.wrong.append, stage.bus_client.bus_client.pipe, stage.bus_client.bus_client.keys
    if verdict.first == "not_executed" and verdict.frames_then:
        say("told not_executed, and the gateway had the frame")
    if verdict.first not in {"done", "not_found", "not_confirmed", "halted", *AGAIN}:
        say(f"the first answer was {verdict.first}")
    await _noticed(stage, verdict)
    unheard = stage.cell.point == "accept_unanswered" and not stage.frames(KEY)  # nobody knew, and nothing was sent
    counted = int(await stage.send("ZCARD", keys.accepted))
    if counted < stage.counted - unheard:
        say(f"{counted} orders are counted, and {stage.counted} were")
    verdict.last = await _settled(stage)
    verdict.frames = stage.frames(KEY)
    if verdict.frames > 1 or stage.frames(EARLIER) != 1:
        say(f"{verdict.frames} frames of the order and {stage.frames(EARLIER)} of the earlier one went out")
    if verdict.last not in {"done", "not_found", "not_confirmed"}:
        say(f"the key stayed {verdict.last}")
    if verdict.last == "done" and not verdict.frames:
        say("told done in the end, and the gateway had no frame")
    if left := await insisted(lambda: pipe.send("SMEMBERS", keys.inflight)):
        say(f"keys are pending: {left}")
    head = await insisted(lambda: read_head(pipe, keys.audit_head))
    found = list(verify((await insisted(lambda: whole_log(pipe, keys)))[: head[0]], head))
    if not found or any(CUT not in each.reason for each in found):
        say(f"the audit log says {[each.reason for each in found]}")


async def _noticed(stage: _Stage, verdict: Verdict) -> None:
    """The switch is set before anything is accepted, and the writes are open again."""
    pipe, keys = stage.bus_client.bus_client.pipe, stage.bus_client.bus_client.keys
    try:
        await insisted(lambda: until(lambda: _halted(stage), "the switch is set"), START_S)
    except (AssertionError, TimeoutError):
        verdict.wrong.append("the switch is not set")
    await insisted(lambda: stage.bus_client.writable(START_S), START_S)
    if await insisted(lambda: read_halt(pipe, keys)) is None:
        verdict.wrong.append("the switch is not set any more")


async def _halted(stage: _Stage) -> bool:
    return await read_halt(stage.bus_client.bus_client.pipe, stage.bus_client.bus_client.keys) is not None


async def _settled(stage: _Stage) -> str:
    """What the same call comes to: asked again with its key, and after the operator has resumed."""
    told, keys = "", stage.bus_client.bus_client.keys
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLED_S):
            while True:
                told = await _told_to(stage)
                if told == "halted":
                    await insisted(lambda: clear_halt(stage.bus_client.bus_client.pipe, keys, "owner"))
                elif told not in AGAIN:
                    break
                await asyncio.sleep(0.5)
    return told


def _port_of(redis: EmbeddedRedis) -> int:
    return int(redis.url.split(":")[2].removesuffix("/0"))


async def _told(redis: EmbeddedRedis, *command: str) -> Any:
    async with CommandPipeline(redis.url) as pipe:
        return await pipe.send(*command)
