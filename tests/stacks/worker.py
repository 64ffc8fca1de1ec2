"""What the worker's tests share: a session on a simulator over TCP, a whole worker over a real bus, ways to wait."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import ib_worker.__main__  # noqa: F401  # importing it registers the handlers
from bridge.bus.client.client import BusClient
from bridge.bus.controls.audit_log import AuditLog
from bridge.bus.events.stream_grants import StreamGrant
from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.keys import Keys
from bridge.bus.leadership.lease import LeaseLost
from bridge.bus.messages import NO_PROOF, BusCaller, ClientProof
from bridge.bus.records.client_orders import ClientOrders
from bridge.bus.server.server import BusServer
from bridge.bus.timing import BusTiming
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tasks import run_until_first_ends
from bridge.tool import OPERATIONS, ToolError
from bridge.tools.session import SessionStatus
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.account_history.recorder import USUAL_HISTORY, HistoryRecorder, HistoryTiming
from ib_worker.audit.kill_switch import KillSwitch
from ib_worker.audit.order_history import OrderHistoryReader
from ib_worker.audit.refused_calls import RefusedCalls
from ib_worker.audit.trail import AuditTrail
from ib_worker.client_rights.admission import ClientAdmission
from ib_worker.leader import TermTiming, run_term
from ib_worker.metrics.serving import counting
from ib_worker.orders.timing import USUAL, OrderTiming
from ib_worker.risk.approvals import Approvals
from ib_worker.risk.circuit_breakers import CircuitBreakers
from ib_worker.risk.confirmation_tokens import ConfirmationTokens
from ib_worker.session.connection_loop import ConnectionLoop, Timing
from ib_worker.session.session import Services, Session
from ib_worker.settings import WorkerSettings
from ib_worker.watches.table import WatchTable
from ibgateway.simulator.server.server import Simulator
from tests.stacks.timing import waits_at
from tests.waiting import until

FAST = Timing(
    connect_s=10, sync_s=15, first_pause_s=0.05, longest_pause_s=0.2, longest_cheap_pause_s=0.2, settle_s=0.05,
    reread_s=0.3, grace_s=0.2, keys_again_s=0,
)  # fmt: skip
# Looks at the gateway follow one another within the test's patience.
SOON = OrderTiming(looks_apart_s=0.2, resync_gap_s=0, first_status_wait_s=0.3, recovery_wait_s=0.3)


@dataclass
class Published:
    """A publisher that writes down what it is told."""

    ticks: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def publish(self, stream: str, kind: str, body: bytes) -> None:
        self.ticks.append((stream, kind, json.loads(body)))

    def push_ticks(self) -> None:
        """Everything is written down at once."""

    def open_stream(self, stream: str) -> tuple[str, int]:
        self.open.append(stream)
        return "1-1", sum(each == stream for each, _, _ in self.ticks)

    async def keep_stream(self, stream: str, grant: StreamGrant | None = None) -> str:
        return "0.0-0"

    def close_stream(self, stream: str) -> None:
        self.open = [each for each in self.open if each != stream]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [body for _, each, body in self.ticks if each == kind]


@dataclass
class Stand:
    """A session that lives, without a bus."""

    session: Session
    lifecycle: ConnectionLoop
    published: Published

    @property
    def status(self) -> SessionStatus:
        return self.session.status()

    async def ready(self, timeout_s: float = 20) -> None:
        await until(lambda: self.status.is_connected, "the session is ready", timeout_s)

    async def reaches(self, state: str, timeout_s: float = 20) -> SessionStatus:
        await until(lambda: self.status.state == state, f"the session is {state}", timeout_s)
        return self.status


def services_without_bus(settings: WorkerSettings) -> Services:
    """A term's services whose Redis is nowhere: for what is tried without a bus."""
    pipe, keys = CommandPipeline("redis://127.0.0.1:9/0"), Keys("test")
    return Services(
        audit=AuditTrail(AuditLog(pipe, keys, 1)),
        approvals=Approvals(pipe, keys, forms=False),
        tokens=ConfirmationTokens(pipe, keys),
        history=OrderHistoryReader(pipe, keys),
        refusals=RefusedCalls(pipe, keys),
        breakers=CircuitBreakers(settings.breakers.in_force(settings.trading_mode)),
        kill_switch=KillSwitch(pipe, keys),
        watches=WatchTable(pipe, keys, 1),
        past=HistoryRecorder(pipe, keys, 1),
        clients=ClientAdmission(ClientDirectory(pipe, keys)),
        client_orders=ClientOrders(pipe, keys),
    )


async def same_id(floor: int) -> int:
    return floor


@asynccontextmanager
async def session_at(
    port: int, timing: Timing = FAST, order_timing: OrderTiming = USUAL, **settings: Any
) -> AsyncIterator[Stand]:
    published = Published()
    whole = WorkerSettings(gateway_port=port, **settings)
    services = services_without_bus(whole)
    session = Session(whole, "test", published, same_id, services, order_timing=order_timing)
    lifecycle = ConnectionLoop(session, timing)
    task = asyncio.create_task(
        run_until_first_ends(lifecycle.run(), session.quotes.run(), session.account_updates.run())
    )
    try:
        yield Stand(session, lifecycle, published)
    finally:
        crashed = task.done()
        task.cancel()
        outcome = await asyncio.gather(task, return_exceptions=True)
        await session.close()
        if crashed:
            raise AssertionError("the session's life ended by itself") from outcome[0]


@asynccontextmanager
async def ready_session(
    sim: Simulator, timing: Timing = FAST, order_timing: OrderTiming = USUAL, **settings: Any
) -> AsyncIterator[Stand]:
    async with session_at(sim.port, timing, order_timing, **settings) as stand:
        await stand.ready()
        yield stand


@dataclass
class Caller:
    """A front's side of the bus: results as JSON values."""

    bus_client: BusClient
    name: str = "claude"
    label: str = ""
    proof: ClientProof = NO_PROOF
    keyless: bool = False

    @property
    def _on_bus(self) -> BusCaller:
        return BusCaller(principal=self.name, label=self.label, proof=self.proof, request_id="r-1")

    async def ask(self, operation: str, deadline_s: float | None = None, **arguments: Any) -> Any:
        declared = OPERATIONS[operation]
        reply = await self.bus_client.ask(declared, declared.request(**arguments), self._on_bus, deadline_s)
        return json.loads(reply)

    async def submit(
        self, operation: str, key: str | None = None, deadline_s: float | None = None, **arguments: Any
    ) -> Any:
        declared = OPERATIONS[operation]
        reply = await self.bus_client.submit(
            declared,
            declared.request(**arguments),
            self._on_bus,
            key=key or f"key-{token_hex(8)}",
            keyless=self.keyless,
            deadline_s=deadline_s,
        )
        return json.loads(reply)

    async def refused(self, operation: str, **arguments: Any) -> ToolError:
        try:
            answer = await self.ask(operation, **arguments)
        except ToolError as error:
            return error
        raise AssertionError(f"{operation} was answered: {answer}")

    async def refused_order(self, operation: str = "place_order", **arguments: Any) -> ToolError:
        try:
            answer = await self.submit(operation, **arguments)
        except ToolError as error:
            return error
        raise AssertionError(f"{operation} was carried out: {answer}")

    async def status(self) -> dict[str, Any]:
        heartbeat = await self.bus_client.status()
        return json.loads(heartbeat.status) if heartbeat else {}

    async def reaches(self, state: str, timeout_s: float = 20) -> dict[str, Any]:
        async def there() -> bool:
            return (await self.status()).get("state") == state

        await until(there, f"the session is {state}", timeout_s)
        return await self.status()

    async def writable(self, timeout_s: float = 20) -> None:
        """Wait until the session is ready and the bus takes writes."""
        await self.reaches("ready", timeout_s)

        async def marked() -> bool:
            return await self.bus_client.pipe.send("GET", self.bus_client.keys.generation) is not None

        await until(marked, "writes are open")


def order(**changes: Any) -> dict[str, Any]:
    return {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1} | changes


@asynccontextmanager
async def worker(
    redis_url: str,
    session: str,
    port: int,
    timing: Timing = FAST,
    order_timing: OrderTiming = USUAL,
    bus_timing: BusTiming | None = None,
    history_timing: HistoryTiming = USUAL_HISTORY,
    **settings: Any,
) -> AsyncIterator[asyncio.Event]:
    """A worker in this process. Setting the event stops it as SIGTERM does."""
    whole = WorkerSettings(redis_url=redis_url, ibkr_session=session, gateway_port=port, **settings)
    stopping = asyncio.Event()

    async def lead_once() -> None:
        name = f"worker-{token_hex(4)}"
        file = whole.watermark_file
        async with (
            BusServer(redis_url, session, name, watermark_file=file, timing=bus_timing or waits_at(redis_url)) as bus,
            counting(whole, bus) as parts,
        ):
            await bus.lead()
            waits = TermTiming(timing, order_timing, history_timing)
            await run_term(bus, whole, stopping, begin=parts.begin if parts else None, timing=waits)

    task = asyncio.create_task(lead_once())
    try:
        yield stopping
    finally:
        stopping.set()
        with suppress(LeaseLost):  # where the test has taken Redis away, or the machine stood still
            await task


@asynccontextmanager
async def caller(redis_url: str, session: str, name: str = "claude") -> AsyncIterator[Caller]:
    async with BusClient(redis_url, session, f"front-{token_hex(4)}", waits_at(redis_url)) as bus_client:
        yield Caller(bus_client, name)


@asynccontextmanager
async def trading(
    redis_url: str,
    session: str,
    sim: Simulator,
    timing: Timing = FAST,
    order_timing: OrderTiming = USUAL,
    bus_timing: BusTiming | None = None,
    history_timing: HistoryTiming = USUAL_HISTORY,
    **settings: Any,
) -> AsyncIterator[Caller]:
    """A worker that is ready for writes, and a caller."""
    async with (
        worker(redis_url, session, sim.port, timing, order_timing, bus_timing, history_timing, **settings),
        caller(redis_url, session) as front,
    ):
        await front.writable()
        yield front


def frames(sim: Simulator) -> int:
    """How many frames of orders have reached the gateway."""
    return len(sim.journal.orders())


async def loses_all(redis: EmbeddedRedis, folder: Path) -> None:
    """Redis is killed and comes back without its data, which the fixture `own_redis` keeps under `folder`."""
    assert redis.process is not None
    redis.process.kill()
    await redis.process.wait()
    shutil.rmtree(folder / "redis" / "appendonlydir")
    await redis.start()


def copy_of(redis: EmbeddedRedis, folder: Path, name: str = "copy") -> Path:
    """The data as they are on the disk now, which the fixture `own_redis` keeps under `folder`."""
    copy = folder / name
    shutil.copytree(folder / "redis" / "appendonlydir", copy)
    return copy


async def goes_back(redis: EmbeddedRedis, folder: Path, copy: Path) -> None:
    """Redis is killed and comes back with an older copy of its data."""
    assert redis.process is not None
    redis.process.kill()
    await redis.process.wait()
    shutil.rmtree(folder / "redis" / "appendonlydir")
    shutil.copytree(copy, folder / "redis" / "appendonlydir")
    await redis.start()
