"""The stack that random runs share for a while: Redis, simulator, worker and front processes, a relay on each link."""

import asyncio
import signal
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Self, TypeVar

from bridge.bus.controls.audit_log import read_log
from bridge.bus.keys import Keys
from bridge.bus.records import scripts
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.faults import forks
from tests.faults.forks import Forked
from tests.faults.link import Link, to_port, to_unix
from tests.faults.points import Faults
from tests.stacks.worker import Caller, caller
from tests.waiting import until

T = TypeVar("T")
PASSING = {
    "bus_down", "retry", "worker_lost", "no_worker", "not_ready", "timeout", "not_executed", "pending", "unknown",
    "gateway_unreachable", "gateway_login_pending", "client_id_in_use", "link_down",
}  # fmt: skip
SESSION = "faults"
START_S = 150.0  # a machine that does much else


async def insisted(step: Callable[[], Awaitable[T]], within_s: float = 60.0) -> T:
    """The answer to what may be asked again: the last fault of a run may still be passing."""
    async with asyncio.timeout(within_s):
        while True:
            try:
                return await step()
            except (BusError, ToolError, AssertionError) as problem:  # the last is a wait's that was too short
                if isinstance(problem, ToolError) and problem.code not in PASSING:
                    raise
            await asyncio.sleep(0.2)


async def whole_log(pipe: CommandPipeline, keys: Keys, after: int = 0) -> list[bytes]:
    return [line async for line in read_log(pipe, keys, after)]


class Worker:
    """A worker process, which may die and come back, and its two links."""

    def __init__(self, folder: Path, number: int, redis: Link, tws: Link) -> None:
        self.log = folder / f"worker-{number}.log"
        self.beat = folder / f"worker-{number}.beat"  # there while it lives
        self.redis_link = redis
        self.tws_link = tws
        self.process: Forked | None = None
        self._turn = asyncio.Lock()  # two faults that begin it again at once are to leave one process

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.alive

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None else None

    async def start(self) -> None:
        async with self._turn:
            if self.alive:
                return
            self.redis_link.open()
            self.tws_link.open()
            url = f"redis://127.0.0.1:{self.redis_link.port}/0"
            worker = Forked(forks.worker, self.log, url, SESSION, self.tws_link.port, str(self.beat))
            self.process = await worker.start()

    def send(self, what: signal.Signals) -> None:
        if self.process is not None:
            self.process.send(what)

    async def kill(self) -> None:
        if self.process is not None:
            await self.process.kill()

    async def freeze(self, for_s: float) -> None:
        self.send(signal.SIGSTOP)
        await asyncio.sleep(for_s)
        self.send(signal.SIGCONT)

    async def stop(self) -> None:
        """As a deployment stops it."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        stopping = self.process  # another fault may begin it again meanwhile
        if stopping is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(15):
                    await stopping.ended()
            await stopping.kill()


class Front:
    """A front process and its link to Redis. Its port stays the same when it is started again."""

    def __init__(self, folder: Path, number: int, link: Link) -> None:
        self.log = folder / f"front-{number}.log"
        self.link = link
        self.port = free_port()
        self.process: Forked | None = None
        self._served = False  # the process has answered
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        async with self._turn:
            await until(self._serves, f"the front serves, see {self.log}", START_S)

    async def kill(self) -> None:
        if self.process is not None:
            await self.process.kill()

    async def _serves(self) -> bool:
        if self.process is None or not self.process.alive:
            await self._begin()
        with suppress(OSError, TimeoutError, asyncio.LimitOverrunError):
            async with asyncio.timeout(1):
                return await self._greets()
        return False

    async def _begin(self) -> None:
        if self.process is not None and not self._served:
            self.port = free_port()  # somebody else was quicker to take the one that was free
        self._served = False
        self.link.open()
        url = f"redis://127.0.0.1:{self.link.port}/0"
        self.process = await Forked(forks.front, self.log, url, SESSION, self.port).start()

    async def _greets(self) -> bool:
        """Whether it is this front that listens, and nobody else."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            self._served = (await reader.readline()).startswith(b"HTTP/1.1 200")
        finally:
            writer.close()
        return self._served


class Stage:
    """`async with Stage() as stage`. What is killed may be started again; leaving ends everything."""

    async def __aenter__(self) -> Self:
        self._stack = await AsyncExitStack().__aenter__()
        enter = self._stack.enter_async_context
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="runs-")))
        self.redis = await enter(EmbeddedRedis(self.folder))
        self.path = self.redis.url.removeprefix("unix://")
        self.sim = await enter(Simulator(SimulatorConfig(ports=(free_port(),))))  # its own also while it restarts
        self.workers: list[Worker] = []
        self.fronts: list[Front] = []
        self._front_links: list[Link] = []
        self._worker_links: list[Link] = []
        self._stack.push_async_callback(self._kill)
        self.operator: Caller = await enter(caller(self.redis.url, SESSION, "operator"))
        keys = self.operator.bus_client.keys
        self.redis_faults = Faults(self.redis, self.folder, self._front_links, self._worker_links, keys, "none")
        self.redis_turn = asyncio.Lock()  # one fault of Redis at a time
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def worker(self, number: int) -> Worker:
        """The worker of a number, running."""
        while len(self.workers) <= number:
            redis = await self._stack.enter_async_context(Link(to_unix(self.path)))
            tws = await self._stack.enter_async_context(Link(to_port(self.sim.port)))
            self._worker_links.append(redis)
            self.workers.append(Worker(self.folder, len(self.workers), redis, tws))
        await self.workers[number].start()
        return self.workers[number]

    async def front(self, number: int) -> Front:
        """The front of a number, listening."""
        while len(self.fronts) <= number:
            link = await self._stack.enter_async_context(Link(to_unix(self.path)))
            self._front_links.append(link)
            self.fronts.append(Front(self.folder, len(self.fronts), link))
        await self.fronts[number].start()
        return self.fronts[number]

    async def ready(self) -> None:
        """Every process runs, nothing is broken any more, and writes are taken."""
        for link in (*self._front_links, *self._worker_links):
            link.open()
        for worker in self.workers[:1]:
            await worker.start()
        for each in self.workers:
            each.tws_link.open()
            each.send(signal.SIGCONT)
        for number in range(len(self.fronts)):
            await self.front(number)
        await insisted(lambda: self.operator.writable(START_S), START_S)
        await insisted(self.know_scripts)

    async def read_whole(self) -> None:
        """What an earlier run made unreadable is read by now: the worker does that every half minute at most."""

        async def whole() -> bool:
            concerns = (await self.operator.status())["concerns"]
            return not any("could not be read" in each["what"] for each in concerns)

        await until(whole, "all is read that TWS has told", START_S)

    async def know_scripts(self) -> None:
        """Redis has the scripts, so that the next EVALSHA is the step itself and not a question for its text."""
        for each in (scripts.ACCEPT, scripts.FINISH):
            await self.operator.bus_client.pipe.send("SCRIPT", "LOAD", each.text)

    async def _kill(self) -> None:
        for worker in self.workers:
            await worker.kill()
        for front in self.fronts:
            await front.kill()
