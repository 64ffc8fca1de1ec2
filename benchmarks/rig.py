"""Parts that the long measurements share: the stack as processes that can be killed, the simulator's control port, a
caller on the bus, and what a process holds."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import ib_worker.__main__  # noqa: F401  # importing it fills the registry of operations
from bridge.bus.client.client import BusClient
from bridge.bus.messages import BusCaller
from bridge.bus.transport.connection import BusError
from bridge.tool import OPERATIONS, ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.local_stack.processes import Child, Children, send
from cli.local_stack.readiness import until_ready

SESSION = "bench"
LOOK_AGAIN_S = 0.02
STOCKS = (
    "AAPL", "MSFT", "IBM", "GOOG", "GOOGL", "META", "SPY", "VTI", "VOO", "IVV", "QQQ", "IWM",
    "DIA", "GLD", "TLT", "EEM", "EFA", "XLF", "XLK", "AMD", "BAC", "BBY", "CVX", "GE",
    "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "PEP", "PFE", "PG", "UNH", "WMT", "XOM",
    "NVDA", "TSLA", "AMZN", "NFLX", "INTC", "CSCO",
)  # fmt: skip
UNLIMITED = {
    f"LIMIT_{name}": "off"
    for name in (
        "MAX_QUANTITY",
        "MAX_ORDER_VALUE",
        "MAX_OPEN_ORDERS",
        "MAX_ORDERS_PER_MINUTE",
        "MAX_ORDERS_PER_DAY",
        "PRICE_COLLAR",
        "DUPLICATE_WINDOW_S",
    )
}


async def until(holds: Callable[[], Awaitable[bool]], what: str, within_s: float) -> float:
    """Wait until a condition holds; the seconds that took."""
    clock = asyncio.get_running_loop().time
    began = clock()
    while not await holds():
        if clock() - began > within_s:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        await asyncio.sleep(LOOK_AGAIN_S)
    return clock() - began


class Control:
    """The simulator's control port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, do: str, **more: Any) -> dict[str, Any]:
        async with self._lock:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 28)
            reader, writer = self._streams
            writer.write(json.dumps({"do": do, **more}).encode() + b"\n")
            answer: dict[str, Any] = json.loads(await reader.readline())
        if not answer["ok"]:
            raise RuntimeError(f"the simulator refused {do}: {answer['error']}")
        return answer

    async def fault(self, line: str) -> None:
        await self.ask("fault", line=line)

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            with suppress(OSError):
                await self._streams[1].wait_closed()


@dataclass
class Client:
    """A front's side of the bus."""

    bus_client: BusClient
    name: str = "bench"

    @property
    def _caller(self) -> BusCaller:
        return BusCaller(principal=self.name, request_id=token_hex(4))

    async def ask(self, operation: str, **arguments: Any) -> Any:
        declared = OPERATIONS[operation]
        request = declared.request(**arguments)
        return json.loads(await self.bus_client.ask(declared, request, self._caller))

    async def submit(self, operation: str, key: str, **arguments: Any) -> dict[str, Any]:
        declared = OPERATIONS[operation]
        request = declared.request(**arguments)
        answer = await self.bus_client.submit(declared, request, self._caller, key=key)
        said: dict[str, Any] = json.loads(answer)
        return said

    async def state(self) -> str:
        """Return the state that ibkr_get_status would say; `no_worker` where nobody takes requests."""
        try:
            beat = await self.bus_client.status()
        except ToolError as error:
            return error.code
        if beat is None or not beat.receivers:
            return "no_worker"
        return str(json.loads(beat.status)["state"])

    async def is_ready(self) -> bool:
        """Reads and writes are taken."""
        if await self.state() != "ready":
            return False
        try:
            return await self.bus_client.pipe.send("GET", self.bus_client.keys.generation) is not None
        except BusError:
            return False


@dataclass
class Stack:
    """Redis, the simulator and workers, each a process; workers come and go."""

    folder: Path
    redis: EmbeddedRedis
    children: Children
    control: Control
    gateway_port: int
    client: Client
    simulator: Child
    settings: dict[str, str] = field(default_factory=dict)

    async def worker(self, name: str = "worker", program: str = "ib_worker", machine: str = "this") -> Child:
        """Workers of different machines know nothing of each other's end."""
        files = {"BEAT_FILE": str(self.folder / f"{name}.beat"), "LEADER_FILE": str(self.folder / f"{machine}.leader")}
        return await self.children.start(name, program, **self.settings, **files)

    async def front(self, name: str, **settings: str) -> tuple[Child, int]:
        """Start a front on a port of its own; return both once it is ready, and the session too."""
        port = free_port()
        child = await self.children.start(
            f"front-{name}", "mcp_front", **self.settings, FRONT_PORT=str(port), **settings
        )
        await until_ready(port, lambda _: None)
        await self.ready()
        return child, port

    async def ready(self, within_s: float = 90) -> float:
        return await until(self.client.is_ready, "the session is ready", within_s)


async def kill(child: Child) -> None:
    send(child, signal.SIGKILL)
    await child.process.wait()


@asynccontextmanager
async def stack(folder: Path, *simulator: str, **settings: str) -> AsyncIterator[Stack]:
    """Everything but a worker; `settings` are the workers' environment, `simulator` more of its flags."""
    gateway, control_port = free_port(), free_port()
    async with EmbeddedRedis(folder / "redis") as redis, Children(folder) as children:
        common = {"REDIS_URL": redis.url, "IBKR_SESSION": SESSION, "GATEWAY_PORT": str(gateway), **UNLIMITED}
        flags = ("--port", str(gateway), "--control-port", str(control_port), *simulator)
        gateway_process = await children.start("simulator", "ibgateway.simulator", *flags)
        control = Control(control_port)
        async with BusClient(redis.url, SESSION, f"front-{token_hex(4)}") as bus_client:
            await _listening(control)
            client = Client(bus_client)
            yield Stack(folder, redis, children, control, gateway, client, gateway_process, common | settings)
            await control.close()


async def _listening(control: Control) -> None:
    async def answers() -> bool:
        try:
            await control.ask("status")
        except OSError:
            return False
        return True

    await until(answers, "the simulator answers", 60)


def resident_mib(child: Child) -> float:
    """Return how much of the process is in memory (Linux)."""
    pages = int(Path(f"/proc/{child.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_s(pid: int) -> float:
    """Return the seconds of a core that the process has had (Linux)."""
    _, _, fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    user, system = fields.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def open_files(child: Child) -> int:
    return len(list(Path(f"/proc/{child.process.pid}/fd").iterdir()))


def percentile(values: list[float], share: float) -> float:
    """The nearest rank: the 95th of twenty is the nineteenth."""
    ranked = sorted(values)
    return ranked[max(0, -int(-len(ranked) * share // 1) - 1)]
