"""Workers and fronts as processes of their own, forked from one that has imported everything: a start is milliseconds.

They run what `python -m ib_worker` and `python -m mcp_front` run, and take every signal as those do.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self

from bridge.bus.client.client import BusClient
from ib_worker.__main__ import work
from ib_worker.logging_setup import configure_logs
from ib_worker.risk.circuit_breakers import CircuitBreakerSettings
from ib_worker.risk.limit_settings import Limits
from ib_worker.settings import WorkerSettings as WorkerSettings
from mcp_front.__main__ import assemble, front_id, serve
from mcp_front.logging_setup import configure_logs as configure_front_logs
from mcp_front.settings import FrontSettings as FrontSettings

WARM = "warm"  # no session's name
NO_LIMITS = Limits.model_validate({name: "off" for name in Limits.model_fields if name != "outside_rth"})

TRADES_ON = CircuitBreakerSettings(
    data_loss="off"
)  # a run goes on after Redis has lost its data; `rollback` looks at the switch

# What a process assembles first is what costs: in the parent of all, once.
assemble(FrontSettings(), BusClient("unix:///nowhere", WARM, front_id()))

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.faults.forks"])


class Forked:
    """One process, begun by `start`."""

    def __init__(self, run: Callable[..., None], log: Path, *arguments: Any) -> None:
        self._process = _CONTEXT.Process(target=_begin, args=(run, str(log), *arguments), daemon=True)
        self._ended = asyncio.Event()

    async def start(self) -> Self:
        """In a thread: the parent of all may be busy, and everything else is to go on meanwhile."""
        await asyncio.to_thread(self._process.start)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._process.sentinel, self._end, loop)
        return self

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

    def send(self, what: signal.Signals) -> None:
        if self.alive and self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, what)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    async def ended(self) -> None:
        await self._ended.wait()

    async def kill(self) -> None:
        self.send(signal.SIGKILL)
        await self.ended()

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.remove_reader(self._process.sentinel)
        self._process.join()
        self._ended.set()


def worker(
    redis_url: str, session: str, gateway_port: int, beat: str, breakers: CircuitBreakerSettings = TRADES_ON
) -> None:
    settings = WorkerSettings(
        redis_url=redis_url, ibkr_session=session, gateway_port=gateway_port, limits=NO_LIMITS,
        beat_file=Path(beat), leader_file=Path(beat).with_name("worker.leader"),
        watermark_file=Path(beat).with_suffix(".watermark"), breakers=breakers,
    )  # fmt: skip
    configure_logs("info", "json")
    asyncio.run(work(settings))


def front(redis_url: str, session: str, port: int) -> None:
    settings = FrontSettings(redis_url=redis_url, ibkr_session=session, front_port=port, front_toolsets=("all",))
    bus_client = BusClient(redis_url, session, front_id())
    assembled = assemble(settings, bus_client)
    configure_front_logs("warning", "json")
    _run(serve(settings, bus_client, assembled))


def _run(serving: Coroutine[Any, Any, None]) -> None:
    import uvloop  # noqa: PLC0415  # there is none on Windows, where nothing can be forked either

    uvloop.run(serving)


def _end_with(parent: BaseProcess | None) -> None:
    if parent is not None:
        parent.join()
    os._exit(1)


def _begin(run: Callable[..., None], log: str, *arguments: Any) -> None:
    """In the child: end with the process that asked for it, write into a file, then be the process."""
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(written, stream.fileno())
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    run(*arguments)
