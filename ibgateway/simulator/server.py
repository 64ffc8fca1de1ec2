"""The rim: sockets, the clock and the loop that moves the world. The only module of the simulator with asyncio."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TextIO

import ibgateway.simulator.answers  # noqa: F401 - fills connection.ANSWERS
from ibgateway.simulator.connection import Connection
from ibgateway.simulator.gateway import Gateway, Identity
from ibgateway.simulator.journal import Journal
from ibgateway.simulator.wire.frames import frames
from ibgateway.simulator.world import World, WorldConfig

START = 1749652200.0  # Wednesday 2025-06-11 10:30:00 US/Eastern, in an open session
PERIOD_S = 0.05  # how often time moves when nobody asks
MAX_UNSENT = 64 << 20  # a client that does not read is dropped before it costs more memory than this
BACKLOG = 64

log = logging.getLogger("ibgateway.simulator")


@dataclass(frozen=True)
class SimulatorConfig:
    """What `python -m ibgateway.simulator` can be told."""

    host: str = "127.0.0.1"
    ports: tuple[int, ...] = (0,)  # 0 is any free port
    seed: int = 1
    start: float = START
    time_factor: float = 1.0
    accounts: tuple[str, ...] = ("DU1234567",)
    data: Path | None = None
    journal: Path | None = None
    identity: Identity = field(default_factory=Identity)


class Simulator:
    """A TWS on loopback: `async with Simulator() as sim: … sim.port, sim.journal`."""

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        self.config = config or SimulatorConfig()
        self.ports: list[int] = []
        self._exit = ExitStack()
        self._servers: list[asyncio.Server] = []
        self._peers: set[_Peer] = set()
        self._pump: asyncio.Task[None] | None = None
        self._clock_start = time.monotonic()

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def now(self) -> float:
        """The simulator's time."""
        return self.config.start + (time.monotonic() - self._clock_start) * self.config.time_factor

    # --- start and stop ------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Simulator:
        await self._listen()
        config = self.config
        self.world = World(WorldConfig(config.seed, config.start, config.accounts, config.data))
        self.gateway = Gateway(self.world, config.identity)
        self.journal = Journal(self._journal_file())
        self._clock_start = time.monotonic()
        for server in self._servers:
            await server.start_serving()
        self._pump = asyncio.create_task(self._run(), name="simulator clock")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()
        for peer in list(self._peers):
            peer.drop()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        self._exit.close()

    async def _listen(self) -> None:
        """The ports are bound before the world is built, so that a client may connect from the first moment."""
        loop = asyncio.get_running_loop()
        for port in self.config.ports:
            server = await loop.create_server(
                lambda: _Peer(self), self.config.host, port, backlog=BACKLOG, start_serving=False
            )
            self._servers.append(server)
            self.ports.append(server.sockets[0].getsockname()[1])

    def _journal_file(self) -> TextIO | None:
        path = self.config.journal
        return None if path is None else self._exit.enter_context(path.open("w", encoding="utf-8"))

    # --- time ----------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._pause())
            try:
                self.gateway.advance(self.now)
                self.flush()
            except Exception:  # the rim's one broad except: a defect of the world must not stop the clock
                log.exception("the world failed to move on")

    def _pause(self) -> float:
        due = self.world.next_due()
        if due is None:
            return PERIOD_S
        return min(PERIOD_S, max(0.0, (due - self.now) / self.config.time_factor))

    def flush(self) -> None:
        """Send what waits, of every client: one client's request may concern others."""
        for peer in list(self._peers):
            peer.flush()
        self.journal.flush()


class _Peer(asyncio.Protocol):
    """One socket and its connection."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.connection: Connection | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.connection = self.simulator.gateway.connect()
        if self.connection is None:
            transport.close()
            return
        self.simulator._peers.add(self)

    def data_received(self, data: bytes) -> None:
        simulator, connection = self.simulator, self.connection
        if connection is None:
            return
        try:
            simulator.gateway.catch_up(simulator.now)
            connection.receive(data)
        except Exception:
            log.exception("a request of client %s failed", connection.clientId)
            connection.error(-1, 320, "Server error when processing an API client request.")
        simulator.flush()

    def flush(self) -> None:
        """Write what waits; drop a client that does not read."""
        connection, transport = self.connection, self.transport
        if connection is None or transport is None:
            return
        payloads = connection.take()
        if payloads:
            self.simulator.journal.record("out", connection, payloads, self.simulator.world.now, time.time())
            transport.write(frames(payloads))
        if transport.get_write_buffer_size() > MAX_UNSENT:
            log.warning("client %s does not read and is dropped", connection.clientId)
            transport.abort()
        elif connection.closing:
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.simulator._peers.discard(self)
        if self.connection is not None:
            self.simulator.gateway.disconnect(self.connection)

    def drop(self) -> None:
        if self.transport is not None:
            self.transport.abort()
