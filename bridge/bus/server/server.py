"""The worker's server of the bus: leads the session, answers requests, publishes ticks and the heartbeat."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, Self

import msgspec
import structlog

from bridge.bus.controls.kill_switch import leaders_halt
from bridge.bus.events.stream_grants import StreamGrant, add_grant
from bridge.bus.halt import Level, halt_of
from bridge.bus.integrity.watermark import Watermark
from bridge.bus.keys import Keys
from bridge.bus.leadership.lease import Lease
from bridge.bus.messages import LOOK_NOW, VERSION, Request, decode_request
from bridge.bus.records.records import RecordKeeper
from bridge.bus.records.take_over import Judge, doubt_all
from bridge.bus.server import scripts
from bridge.bus.server.in_flight import InFlightLimits, overloaded
from bridge.bus.server.request import Handle, Leave, RequestContext, RequestRunner, retry_until_answered
from bridge.bus.server.stream_publisher import StreamPublisher
from bridge.bus.timing import USUAL, BusTiming
from bridge.bus.transport.connection import BusError, NotSent, bus_errors
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.outage_log import Outage
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.pubsub import PubSubListener
from bridge.tasks import cancel_and_wait
from bridge.tool import OPERATIONS, Effect, Model, ToolError

HEARTBEAT_KEPT_MS = 7 * 24 * 3600 * 1000  # so long a front can say since when the worker is gone
LONGEST_WAIT_MS = 3_600_000  # of any call; a front never asks for more
NOT_LEADING = "Another worker leads the session now. Retry."

log = structlog.get_logger()

Reconcile = Callable[[], Awaitable[None]]


class BusServer:
    """Used as `async with BusServer(…) as bus: await bus.lead(); await bus.serve(handle)`; leaving releases the lease.

    `records` exists once the worker leads: orders of earlier leaders, notes, order ids.
    """

    def __init__(
        self,
        url: str,
        session: str,
        worker_id: str,
        leader_file: Path | None = None,
        watermark_file: Path | None = None,
        timing: BusTiming = USUAL,
    ) -> None:
        self.keys = Keys(session)
        self.worker_id = worker_id
        self.pipe = CommandPipeline(url, timing)
        self.watermark = Watermark(session, watermark_file)
        self.lease = Lease(self.pipe, self.keys, leader_file, self.watermark)
        self.ticks = StreamPublisher(self.pipe, self.keys, self.lease)
        self.records: RecordKeeper
        self._keeper: asyncio.Task[None] | None = None
        self._syncer: asyncio.Task[None] | None = None
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._contexts: dict[str, RequestContext] = {}  # the same ones
        self._load = InFlightLimits()
        self._stop = asyncio.Event()
        self._grace_s = 0.0
        self.unreadable = 0  # requests that were dropped
        self._unwritten = Outage("heartbeat_not_written")
        self.has_served = False  # this process has taken writes, in this term or an earlier one
        self._leave: Leave = lambda record: None
        self._judge: Judge = doubt_all
        self._clients_changed: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Self:
        await self.pipe.__aenter__()
        self._syncer = asyncio.create_task(self.watermark.sync(), name="watermark file")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._forget_lease()
        if self._syncer is not None:
            await cancel_and_wait([self._syncer])
        with suppress(BusError):  # it lapses by itself
            await self.lease.release()
        await self.pipe.__aexit__()

    async def lead(self) -> int:
        """Wait, as standby, until this worker leads, and renew the lease from then on. Returns the token.

        After a LeaseLost, give up the connection to the gateway and call it again.
        """
        await self._forget_lease()
        token = await self.lease.acquire()
        self.records = RecordKeeper(self.pipe, self.keys, token, self.watermark)
        self._keeper = asyncio.create_task(self.lease.keep(), name="bus lease")
        return token

    async def hand_over(self) -> None:
        """Release the lease for another worker; `lead` is to follow. Raises BusError."""
        await self._forget_lease()
        await self.lease.release()

    async def _forget_lease(self) -> None:
        if self._keeper is not None:
            await cancel_and_wait([self._keeper])
            self._keeper = None

    async def serve(self, handle: Handle, reconcile: Reconcile | None = None) -> None:
        """Answer requests until `stop()` or until the lease is lost (raises LeaseLost).

        `handle` returns the result as JSON; a ToolError that it raises is the answer too. `reconcile` is awaited at the
        start and whenever Redis has lost its data: fronts refuse writes until it has returned once in a generation.
        """
        if self._keeper is None:
            raise RuntimeError("serve() without lead()")
        self._stop.clear()
        self.records.owned.clear()
        duties = (*self.ticks.duties(), self._generations(reconcile), self._stop.wait())
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(duty) for duty in duties]
        leave, is_alone = lambda record: self._leave(record), lambda: len(self._in_hand) == 1
        runner = RequestRunner(self.pipe, self.keys, self.records, leave, is_alone)
        listener = self._listener(lambda message: self._hear(runner, handle, message))
        try:
            async with listener:
                listener.subscribe(self.keys.requests)
                listener.subscribe(self.keys.client_news)
                self.pipe.on_demoted = listener.reconnect
                await _first_end([self._keeper, *tasks])
            if self._in_hand:
                await asyncio.wait(self._in_hand.values(), timeout=self._grace_s)
        finally:
            await cancel_and_wait([*tasks, *self._in_hand.values()])

    def _listener(self, hear: Callable[[bytes], None]) -> PubSubListener:
        def take(channel: str, message: bytes) -> None:
            if channel == self.keys.client_news:
                self._clients_changed()
            else:
                hear(message)

        return PubSubListener(self.pipe.url, take, lambda: None, self.pipe.timing)

    async def stop(self, grace_s: float = 5.0) -> None:
        """Take no more requests, and let `serve` return when those in hand are answered, or after the grace."""
        self._grace_s = grace_s
        self._stop.set()

    async def _generations(self, reconcile: Reconcile | None) -> None:
        """For ever: reconcile, then mark that Redis holds the session's history; again when it has lost some of it."""
        while True:
            await self.lease.compared.wait()
            await self._reconciled(reconcile)
            await retry_until_answered(self._mark)
            self.has_served = True
            await self.lease.data_lost.wait()

    async def _reconciled(self, reconcile: Reconcile | None) -> None:
        """Reconcile, and begin anew as soon as Redis goes back meanwhile: what was set then may be gone, and the
        gateway may be away for hours."""
        while True:
            self.lease.data_lost.clear()
            await self._unless_lost(self._own_records)
            if reconcile is not None:
                await self._unless_lost(reconcile)
            if self.lease.data_lost.is_set():
                continue
            if self.lease.lacking:
                await self.rebase()
            self.lease.loss = None
            return

    async def _own_records(self) -> None:
        with suppress(Fenced):  # the lease says so as well
            await retry_until_answered(lambda: self.records.own(self._judge))

    async def _unless_lost(self, reconcile: Reconcile) -> None:
        tasks = [asyncio.ensure_future(reconcile()), asyncio.ensure_future(self.lease.data_lost.wait())]
        try:
            await _first_end(tasks)
        finally:
            await cancel_and_wait(tasks)

    async def rebase(self) -> None:
        """After a loss: let the steps go on above all that were known, and the day's orders be as many. Until the next
        mark no write is taken. The kill switch is set before; repeated until Redis has answered."""
        await retry_until_answered(self._rebase)

    async def _rebase(self) -> None:
        keys, known = self.keys, self.watermark.known
        names = (
            keys.lease, keys.generation, keys.revision, keys.accepted, keys.halt, keys.halts, keys.steering,
        )  # fmt: skip
        halt = known.halt
        switch = (halt.level, halt.by, halt.reason, halt.since_ms) if halt is not None else ("", "", "", 0)
        figures = (known.revision, known.day_from_ms, known.day_orders, *switch, known.releases, known.steered)
        revision, *found = await scripts.REBASE.run(self.pipe, names, str(self.lease.token), *figures)
        if not revision:
            raise NotSent("the lease is not this worker's before its next renewal")
        self.watermark.note(int(revision), generation="", halt=halt_of(found) if any(found) else None)
        if self.watermark.known.steered != known.steered:
            raise NotSent("who connected or disconnected has changed meanwhile")
        self.lease.lacking = False

    async def halt(self, level: Level, by: str, reason: str) -> None:
        """Set the kill switch, or tighten it, as the leader, who knows it from the answer on: a Redis that goes back
        right after it is found to lack it. Raises BusError."""
        leader = (str(self.lease.token), self.watermark.known.revision)
        halt, releases, revision = await leaders_halt(self.pipe, self.keys, level, by, reason, leader)
        self.watermark.note(revision, halt=halt, **({"releases": releases} if revision else {}))

    async def has_history(self) -> bool:
        """Return whether Redis holds this session's history: true from the first mark until Redis loses its data."""
        found = False

        async def ask() -> None:
            nonlocal found
            found = bool(await self.pipe.send("EXISTS", self.keys.generation))

        await retry_until_answered(ask)
        return found

    async def order_ids(self, floor: int) -> int:
        """Return an orderId, not below `floor` and above every earlier one: Redis keeps the highest, since a gateway's
        own may go back. Raises ToolError bus_down or worker_lost."""
        try:
            with bus_errors(self.pipe.url):
                return await self.records.order_ids(floor)
        except Fenced as error:
            raise ToolError("worker_lost", NOT_LEADING) from error

    async def _mark(self) -> None:
        keys = (self.keys.generation, self.keys.lease, self.keys.revision)
        made = f"{self.lease.token}-{token_hex(8)}"
        known = self.watermark.known.revision
        if found := await scripts.MARK.run(self.pipe, keys, str(self.lease.token), made, known):
            self.watermark.note(int(found[1]), generation=found[0].decode())
            self.lease.vouch()

    def in_hand(self) -> tuple[int, int]:
        """Return how many reads and how many writes are in progress."""
        return self._load.counts()

    def keys_in_hand(self) -> set[str]:
        """The keys of writes that a handler of this process carries out now."""
        return {asked.key for asked in self._contexts.values() if asked.key is not None}

    def _hear(self, runner: RequestRunner, handle: Handle, message: bytes) -> None:
        """Start a request, unless it is unreadable, late, in progress already, or this worker leads no more."""
        if message == LOOK_NOW:
            self.lease.renew_now()
            return
        try:
            request = decode_request(message)
        except msgspec.DecodeError as error:
            self.unreadable += 1
            log.warning("request_unreadable", error=str(error), count=self.unreadable)
            return
        if request.cancelled:
            self._cancel_read(request.id)
            return
        wait_ms = min(request.until - self.pipe.clock.now_ms(), LONGEST_WAIT_MS)
        if wait_ms <= 0 or not self.lease.may_serve_reads() or request.id in self._in_hand:
            log.info("request_dropped", id=request.id, operation=request.op, wait_ms=wait_ms)
            return
        if request.v != VERSION:
            handle = _other_version
        elif not self._load.has_room(request):
            handle = overloaded
        context = RequestContext(request, wait_ms / 1000, self.lease, self.records, self.pipe.timing.note_s)
        task = asyncio.create_task(runner.carry_out(context, handle), name=f"bus request {request.id}")
        self._in_hand[request.id] = task
        self._contexts[request.id] = context
        self._load.add(request)
        task.add_done_callback(lambda _: self._put_down(request))

    def _cancel_read(self, id: str) -> None:
        """End a read whose caller has gone. A write goes on to its record, whatever a message says."""
        asked = self._contexts.get(id)
        operation = OPERATIONS.get(asked.operation) if asked is not None else None
        if asked is None or operation is None or operation.effect is not Effect.READ or asked.key is not None:
            return
        log.info("request_cancelled", id=id, operation=asked.operation)
        asked.caller_left = True
        self._in_hand[id].cancel()

    def _put_down(self, request: Request) -> None:
        del self._in_hand[request.id], self._contexts[request.id]
        self._load.remove(request)

    def publish(self, stream: str, kind: str, body: bytes) -> None:
        """Send a tick (JSON) to whoever listens. Never waits, so ib_async's event handlers may call it."""
        self.ticks.publish(stream, kind, body)

    def open_stream(self, stream: str) -> tuple[str, int]:
        """Keep a stream for thirty seconds even if nobody listens; call it whenever a front is told its name. Returns
        its life and its last tick's seq, for the answer that tells what the ticks so far add up to."""
        return self.ticks.open(stream)

    def push_ticks(self) -> None:
        self.ticks.push()

    async def keep_stream(self, stream: str, grant: StreamGrant | None = None) -> str:
        """Write a stream into its log from now on: while a handle of it is read, and thirty seconds anyway. Returns the
        cursor before its next update. `grant`: to the client that asks. Raises ToolError bus_down or worker_lost."""
        life, seq = self.ticks.open(stream)
        try:
            with bus_errors(self.pipe.url):
                if grant is not None:
                    await add_grant(self.pipe, self.keys, grant)
                return str(await self.ticks.recorder.begin(stream, life, seq, self.pipe.timing.keep_grace_s))
        except Fenced as error:
            raise ToolError("worker_lost", NOT_LEADING) from error

    def close_stream(self, stream: str) -> None:
        """End a stream from this side; on_abandoned is not called for it."""
        self.ticks.close(stream)

    def on_abandoned(self, callback: Callable[[str], None]) -> None:
        """`callback(stream)` is called once nobody has listened for thirty seconds; the stream is then forgotten."""
        self.ticks.on_abandoned = callback

    def on_clients_changed(self, callback: Callable[[], None]) -> None:
        """`callback()` is called whenever somebody has changed a client, or a client's access."""
        self._clients_changed = callback

    def on_unowned(self, judge: Judge) -> None:
        """`judge(records)` is asked what became of the orders of an earlier release, before anything is served."""
        self._judge = judge

    def on_unfinished(self, callback: Leave) -> None:
        """`callback(record)` is called with a write whose handler failed after accept(): it is to be settled like one
        that an earlier leader left."""
        self._leave = callback

    async def write_heartbeat(self, status: Model) -> None:
        """Write the session's status (bridge.tools.session.SessionStatus): at every change, and every second or two."""
        keys = (self.keys.lease, self.keys.heartbeat)
        told = status.model_dump_json()
        compared, known = self.lease.replication_id, self.watermark.known
        figures = (HEARTBEAT_KEPT_MS, compared, known.day_from_ms, known.day_orders)
        try:
            await scripts.BEAT.run(self.pipe, keys, str(self.lease.token), self.worker_id, told, *figures)
        except BusError as error:
            self._unwritten.failed(error)
        else:
            self._unwritten.over()


async def _other_version(context: RequestContext) -> bytes:
    versions = f"The front uses version {context.request.v} of the bus protocol, the worker version {VERSION}."
    raise ToolError("internal", f"{versions} Update the older one.")


async def _first_end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Wait until one of the tasks is over, and raise what it raised."""
    ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in ended:
        task.result()
