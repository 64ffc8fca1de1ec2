"""The simulator's server: listening sockets, the clock, and the loop that moves the world."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType

import ibgateway.simulator.handlers  # noqa: F401 - fills connection.HANDLERS
from ibgateway.simulator.faults import FaultEngine
from ibgateway.simulator.gateway.connection import Connection
from ibgateway.simulator.gateway.gateway import Gateway
from ibgateway.simulator.model.config import START, SimulatorConfig
from ibgateway.simulator.server.client_socket import ClientSocket, JournalingTap, turn
from ibgateway.simulator.server.control_port import ControlPort
from ibgateway.simulator.server.journal import Journal, opened
from ibgateway.simulator.world.world import World, WorldConfig

PERIOD_S = 0.05  # how often time moves when nobody asks
MAX_LINE = 1 << 20  # of the control port
LOOPBACK = "127.0.0.1"  # the control port is nobody else's, wherever the simulator listens
BACKLOG = 64

log = logging.getLogger("ibgateway.simulator")
__all__ = ["START", "Simulator", "SimulatorConfig"]


def bind(host: str, port: int) -> socket.socket:
    """Open a listening socket; clients can connect from now on, and wait until the server answers."""
    return socket.create_server((host, port), backlog=BACKLOG)


def bind_all(host: str, ports: Sequence[int]) -> list[socket.socket]:
    """Open a listening socket on each port, or on none: raises OSError where one is taken."""
    with ExitStack() as opened_so_far:
        bound = [opened_so_far.enter_context(bind(host, port)) for port in ports]
        opened_so_far.pop_all()
    return bound


class Simulator:
    """A TWS on this machine: `async with Simulator() as sim: … sim.port, sim.journal, sim.faults`."""

    world: World
    gateway: Gateway
    journal: Journal
    faults: FaultEngine

    def __init__(self, config: SimulatorConfig | None = None, bound: Sequence[socket.socket] = ()) -> None:
        """Open the ports, or take the sockets in `bound` that are open already."""
        self.config = config or SimulatorConfig()
        self._bound = bound or bind_all(self.config.host, self.config.ports)
        self.ports: list[int] = []
        self.control_port: int | None = None
        self.fragment_size: int | None = None
        self.sockets: dict[Connection, ClientSocket] = {}
        self._exit = ExitStack()
        self._servers: list[asyncio.Server] = []
        self._control: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._clock_start = time.monotonic()

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def now(self) -> float:
        """Return the simulator's time."""
        return self.config.start + (time.monotonic() - self._clock_start) * self.config.time_factor

    def skip(self, seconds: float) -> None:
        """Move the simulator's clock forward, and everything with it."""
        self._clock_start -= seconds / self.config.time_factor
        self._advance(lambda: False)

    def fault(self, line: str) -> None:
        """Run one line of a fault script."""
        self.gateway.catch_up(self.now)
        self.faults.run(line)
        self.flush()

    # --- start and stop ------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Simulator:
        try:
            await self._start()
        except BaseException:  # such as a time that no calendar covers
            await self._stop()
            raise
        return self

    async def _start(self) -> None:
        config = self.config
        for one in self._bound:
            await self._listen_on(one)
        self.world = World(
            WorldConfig(
                config.seed,
                config.start,
                config.accounts,
                config.data,
                config.first_perm_id,
                config.price_levels,
                config.base_currency,
            )
        )
        self.gateway = Gateway(self.world, replace(config.identity), config.strict)
        path = self.config.journal
        self.journal = Journal(self._exit.enter_context(opened(path)) if path else None)
        self.faults = FaultEngine(self.gateway, self)
        self.gateway.tap = JournalingTap(self)
        self._clock_start = time.monotonic()
        self.faults.load(config.faults)
        if config.control_port is not None:
            await self._listen_for_control(config.control_port)
        for server in self._servers:
            await server.start_serving()
        self._keep(asyncio.create_task(self._run(), name="simulator clock"))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        servers = self._servers + ([self._control] if self._control else [])
        for server in servers:
            server.close()
        for peer in list(self.sockets.values()):
            peer.end()
        await asyncio.sleep(0)  # an orderly end takes one turn of the loop
        for connection in list(self.sockets):
            self.reset(connection)  # who does not read what was sent to it
        for server in servers:
            await server.wait_closed()
        for one in self._bound:
            one.close()  # a start that failed has no server for it
        self._exit.close()

    async def _listen_on(self, bound: socket.socket) -> None:
        server = await asyncio.get_running_loop().create_server(
            lambda: ClientSocket(self), sock=bound, backlog=BACKLOG, start_serving=False
        )
        self._servers.append(server)
        self.ports.append(server.sockets[0].getsockname()[1])

    async def _listen_for_control(self, port: int) -> None:
        self._control = await asyncio.start_server(self._serve_control, LOOPBACK, port, limit=MAX_LINE)
        self.control_port = self._control.sockets[0].getsockname()[1]

    async def _serve_control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer each line of JSON with a line of JSON."""
        control = ControlPort(self, self.fault, self.skip)
        try:
            while line := await reader.readline():
                writer.write(control.answer(line) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # a line without an end, or a peer that left
        finally:
            writer.close()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: %s", task.get_name(), error)  # such as a port that somebody else has taken meanwhile

    # --- time ----------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            pause = 0.0 if self._advance(turn()) else self._pause()
            await asyncio.sleep(pause)

    def _pause(self) -> float:
        due = min(self.faults.next_due(), self.world.next_due() or float("inf"))
        return min(PERIOD_S, max(0.001, (due - self.now) / self.config.time_factor))

    def _advance(self, enough: Callable[[], bool]) -> bool:
        """Send every client what is due until `enough`; return True if some is left."""
        left = False
        try:
            left = self.gateway.advance(self.now, enough)
            self.faults.advance(self.world.now)
        except Exception:  # the rim's broad except: a defect of the world must not stop the clock
            log.exception("the world failed to advance")
        for peer in list(self.sockets.values()):
            peer.begin()
        self.flush()
        return left

    def flush(self) -> None:
        """Send what waits, of every client: one client's request may concern others."""
        for peer in list(self.sockets.values()):
            peer.flush()

    # --- what faults do to sockets -------------------------------------------------------------------------------

    def reset(self, connection: Connection) -> None:
        if peer := self.sockets.get(connection):
            peer.reset()

    def close(self, connection: Connection) -> None:
        connection.closing = True

    def pause(self, connection: Connection, paused: bool) -> None:
        if peer := self.sockets.get(connection):
            peer.pause(paused)

    def hung_up(self, connection: Connection) -> bool:
        return (peer := self.sockets.get(connection)) is None or peer.hung_up

    def write(self, connection: Connection, data: bytes) -> None:
        if peer := self.sockets.get(connection):
            peer.write(data)

    def fragment(self, size: int | None) -> None:
        self.fragment_size = size

    def listen(self, listening: bool) -> None:
        if listening:
            self._keep(asyncio.create_task(self._listen_again(), name="simulator listens again"))
            return
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def _listen_again(self) -> None:
        ports, self.ports = self.ports, []
        for port in ports:
            await self._listen_on(bind(self.config.host, port))
        for server in self._servers:
            await server.start_serving()


def run(config: SimulatorConfig, bound: Sequence[socket.socket]) -> None:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        asyncio.run(_serve(config, bound))
    except (ValueError, OSError) as error:  # a start that no calendar covers, a folder of data that can't be read
        raise SystemExit(f"the simulator cannot start: {error}") from error


async def _serve(config: SimulatorConfig, bound: Sequence[socket.socket]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with Simulator(config, bound) as simulator:
        log.info("listening on %s", ", ".join(f"{config.host}:{port}" for port in simulator.ports))
        if simulator.control_port is not None:
            log.info("control port %s", simulator.control_port)
        await stopped.wait()
