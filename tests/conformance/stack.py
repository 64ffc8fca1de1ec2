"""Simulator, Redis, worker, front and control as processes of this machine."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.commands.up import forget_settings
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.local_stack.processes import Children
from cli.local_stack.readiness import until_ready
from tests.conformance.installation import PLACE

SESSION = "conformance"
START_S = 60.0
LOOK_AGAIN_S = 0.1
# A client's read is hung up while it waits for this frame.
NO_HISTORY = "swallow historicalData\n"
# Every client places the same order.
LIMITS = {"LIMIT_DUPLICATE_WINDOW_S": "off", "LIMIT_MAX_ORDERS_PER_MINUTE": "off"}


@dataclass(frozen=True)
class Server:
    """One of the two servers: its address, and the log of its process."""

    name: str
    url: str
    log: Path

    def ended_reads(self) -> int:
        """Return how many calls for history were ended because their client had gone or cancelled them."""
        lines = (json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines() if line[:1] == "{")
        return sum(line.get("tool") == "get_historical_data" and line.get("outcome") == "cancelled" for line in lines)


@asynccontextmanager
async def servers() -> AsyncIterator[tuple[Server, Server]]:
    """The front and the control, ready, over one worker."""
    folder = PLACE / "stack"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "faults").write_text(NO_HISTORY, encoding="utf-8")
    forget_settings()
    gateway, front, control = free_port(), free_port(), free_port()
    async with EmbeddedRedis(folder / "redis") as redis, Children(folder) as children:
        common = {"REDIS_URL": redis.url, "IBKR_SESSION": SESSION, "FRONT_TOOLSETS": "all"}
        worker = {"GATEWAY_PORT": str(gateway), "TRADING_MODE": "paper", **_files(folder), **LIMITS}
        await children.start(
            "simulator", "ibgateway.simulator", "--port", str(gateway), "--faults", str(folder / "faults")
        )
        await children.start("worker", "ib_worker", **common, **worker)
        await children.start("front", "mcp_front", **common, FRONT_PORT=str(front))
        await children.start("control", "tests.conformance.control", **common, FRONT_PORT=str(control))
        await until_ready(front, lambda _: None)
        await _listening(control)
        yield _server(folder, "front", front), _server(folder, "control", control)


def _files(folder: Path) -> dict[str, str]:
    return {f"{name}_FILE": str(folder / f"worker.{name.lower()}") for name in ("BEAT", "LEADER", "WATERMARK")}


def _server(folder: Path, name: str, port: int) -> Server:
    return Server(name, f"http://127.0.0.1:{port}/api/v1", folder / f"{name}.log")


async def _listening(port: int) -> None:
    async with asyncio.timeout(START_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(LOOK_AGAIN_S)
            else:
                writer.close()
                return
