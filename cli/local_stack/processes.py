"""Child processes that end with this one: their start, their logs, their first death, and their end."""

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.errors import Problem

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PATIENCE_S = 8.0  # a child that has not ended by then is killed; the front gives its streams five
TAIL_LINES = 15
INTERRUPTED = 130  # the status of a command that Ctrl-C ended, as a shell has it


@dataclass(frozen=True)
class Child:
    name: str
    process: Process
    log: Path

    def tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join(f"    {line}" for line in lines) or "    (it wrote nothing)"

    def as_problem(self) -> Problem:
        return Problem(f"{self.name} ended with status {self.process.returncode}; {self.log} ends with\n{self.tail()}")


class Children:
    """The processes of one stack. Leaving the context ends them, the last started first."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[Child] = []
        self._watchers: set[asyncio.Task[None]] = set()
        self._died: asyncio.Queue[Child] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, name: str, *arguments: str, **settings: str) -> Child:
        """Run `python -m …` with settings in its environment and its output in a log of its name."""
        return await self.run(name, sys.executable, "-m", *arguments, **settings)

    async def start_with(self, descriptor: int, name: str, *arguments: str, **settings: str) -> Child:
        """The same, for a program that inherits a descriptor too."""
        return await self._run(name, (sys.executable, "-m", *arguments), settings, (descriptor,))

    async def run(self, name: str, *command: str, **settings: str) -> Child:
        """Run any program likewise."""
        return await self._run(name, command, settings)

    async def _run(
        self, name: str, command: Sequence[str], settings: Mapping[str, str], inherited: tuple[int, ...] = ()
    ) -> Child:
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **settings},
                pass_fds=inherited,
                start_new_session=True,  # Ctrl-C at the terminal is ours alone; we end them in order
                preexec_fn=dies_with(os.getpid()),
            )  # fmt: skip
        child = Child(name, process, log)
        self._running.append(child)
        self.watch(child)
        return child

    def watch(self, child: Child) -> None:
        """Report its death too, whoever started it and ends it."""
        watcher = asyncio.create_task(self._report(child))
        self._watchers.add(watcher)  # the loop itself keeps no task alive
        watcher.add_done_callback(self._watchers.discard)

    async def first_death(self) -> Child:
        """Wait until any child ends, those that are yet to be started included."""
        return await self._died.get()

    async def stop(self) -> None:
        while self._running:
            await end(self._running.pop())

    async def _report(self, child: Child) -> None:
        await child.process.wait()
        self._died.put_nowait(child)


async def end(child: Child) -> None:
    """Ask a child to end, kill its group where it does not, and reap it."""
    send(child, signal.SIGTERM)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await child.process.wait()
    except TimeoutError:
        send(child, signal.SIGKILL)
        await child.process.wait()


def send(child: Child, what: signal.Signals) -> None:
    if child.process.returncode is None:
        try:
            os.killpg(child.process.pid, what)
        except ProcessLookupError:
            return  # it has just ended


def dies_with(parent: int) -> Callable[[], None] | None:
    """Code for the child to run before it becomes its program: end when we do, even if we are killed (Linux)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork, where nothing may be loaded

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # we died between the fork and the line above
            os._exit(1)

    return bind
