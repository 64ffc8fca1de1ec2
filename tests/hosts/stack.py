"""The demo's stack as processes of this machine, with the simulator's journal and control port."""

import json
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.commands.up import Plan, forget_settings, start
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.local_stack.processes import Children
from cli.terminal import Screen
from tests.hosts.installation import PLACE

EXEC_DETAILS = "11"
ANSWER_S = 10.0


@dataclass(frozen=True)
class Stack:
    """A running stack: the front's address, and the simulator's journal and control port."""

    url: str
    journal: Path
    control: int

    def fill_last(self) -> None:
        """Fill the latest open order, whatever the market does. Raises OSError if the simulator refuses."""
        with socket.create_connection(("127.0.0.1", self.control), ANSWER_S) as asked:
            asked.sendall(b'{"do": "fault", "line": "fill last all"}\n')
            answer = json.loads(asked.makefile("rb").readline())
        if not answer["ok"]:
            raise OSError(f"the simulator filled no order: {answer}")

    def filled_at(self) -> float | None:
        """Return the time at which the latest fill's frame went out to the worker (seconds since the epoch)."""
        frames = (json.loads(line) for line in self.journal.read_text(encoding="utf-8").splitlines())
        fills = [
            frame["wall"] for frame in frames if frame["direction"] == "out" and frame["fields"][0] == EXEC_DETAILS
        ]
        return fills[-1] if fills else None


@asynccontextmanager
async def running() -> AsyncIterator[Stack]:
    """The stack, ready, with a new account."""
    folder = PLACE / "stack"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    journal, control = folder / "journal.jsonl", free_port()
    further = ("--start", "last-session", "--price-levels", "2025", "--journal", str(journal))
    plan = Plan(free_port(), (free_port(),), folder, (*further, "--control-port", str(control)), tour=False, once=True)
    forget_settings()
    async with EmbeddedRedis(plan.redis) as redis, Children(plan.logs) as children:
        await start(plan, Screen(), children, redis.url)
        yield Stack(plan.url, journal, control)
