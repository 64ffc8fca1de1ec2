"""The demo's stack as processes of this machine, with the simulator's journal and control port."""

import json
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.commands.up import SESSION, Plan, forget_settings, gateway
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.local_stack.processes import Children
from cli.local_stack.readiness import until_ready
from ib_worker.risk.limit_settings import Limits
from tests.hosts.installation import PLACE
from tests.hosts.pseudo_terminal import typed_at

EXEC_DETAILS = "11"
ANSWER_S = 10.0
COMMAND_S = 60.0


@dataclass(frozen=True)
class Stack:
    """A running stack: the front's address, the simulator's journal and control port, and Redis."""

    url: str
    journal: Path
    control: int
    redis: str
    console: str = ""  # its address, where there is one

    def fill_last(self) -> None:
        """Fill the latest open order, whatever the market does. Raises OSError if the simulator refuses."""
        with socket.create_connection(("127.0.0.1", self.control), ANSWER_S) as asked:
            asked.sendall(b'{"do": "fault", "line": "fill last all"}\n')
            answer = json.loads(asked.makefile("rb").readline())
        if not answer["ok"]:
            raise OSError(f"the simulator filled no order: {answer}")

    def approve(self, key: str) -> None:
        """Approve a live order as the operator does, at a terminal. Raises OSError if the command fails."""
        target = ("--redis", self.redis, "--session", SESSION)
        status = typed_at(key, "cli", "approve", key, *target, within_s=COMMAND_S)
        if status:
            raise OSError(f"cli approve {key} ended with {status}")

    def filled_at(self) -> float | None:
        """Return the time at which the latest fill's frame went out to the worker (seconds since the epoch)."""
        frames = (json.loads(line) for line in self.journal.read_text(encoding="utf-8").splitlines())
        fills = [
            frame["wall"] for frame in frames if frame["direction"] == "out" and frame["fields"][0] == EXEC_DETAILS
        ]
        return fills[-1] if fills else None


# Live mode with every limit set or waived, as it must be; the account is the simulator's.
LIVE = {f"LIMIT_{name.upper()}": "off" for name in Limits.model_fields} | {
    "TRADING_MODE": "live",
    "LIVE_ACCOUNTS": "DU1234567",
    "LIMIT_MAX_QUANTITY": "10000",
    "LIMIT_OUTSIDE_RTH": "allowed",
    "LIMIT_QUEUED_MARKET_ORDERS": "allowed",
}


@asynccontextmanager
async def running(*, console: bool = False, documents: bool = False, **settings: str) -> AsyncIterator[Stack]:
    """The stack, ready, with a new account; `settings` are the worker's, beside the demo's. With its console, clients
    sign in by OAuth; with `documents` they may describe themselves at an https URL, where there is a way out."""
    folder = PLACE / "stack"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    journal, control, front = folder / "journal.jsonl", free_port(), free_port()
    further = ("--start", "last-session", "--price-levels", "2025", "--journal", str(journal))
    plan = Plan(front, (free_port(),), folder, (*further, "--control-port", str(control)), tour=False, once=True)
    forget_settings()
    async with EmbeddedRedis(plan.redis) as redis, Children(plan.logs) as children:
        common = {"REDIS_URL": redis.url, "IBKR_SESSION": SESSION}
        place = f"http://127.0.0.1:{free_port()}" if console else ""
        if console:
            common |= {"PUBLIC_URL": f"http://127.0.0.1:{front}", "CONSOLE_URL": place}
            own = {"CONSOLE_PORT": place.rpartition(":")[2], "CONSOLE_CLIENT_DOCUMENTS": "on" if documents else "off"}
            await children.start("console", "console", **common, **own)
        port = str(plan.sim_ports[0])
        await children.start("simulator", "ibgateway.simulator", "--port", port, *plan.simulator)
        await children.start("worker", "ib_worker", **common, **(gateway(plan) | settings))
        await children.start("front", "mcp_front", **common, FRONT_PORT=str(front), FRONT_TOOLSETS="all")
        await until_ready(front, lambda _: None)
        yield Stack(plan.url, journal, control, redis.url, place)
