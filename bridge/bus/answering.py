"""The worker's side of the bus: leads the session, takes requests, answers them, publishes ticks and the heartbeat."""

import asyncio
from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import Self

import structlog

from bridge.bus.envelopes import Request
from bridge.bus.keys import Keys
from bridge.bus.lease import Lease
from bridge.bus.orders import Records
from bridge.bus.pipe import Pipe
from bridge.bus.ticks import Publisher
from bridge.tool import Shape

HEARTBEAT_KEPT_MS = 10 * 60 * 1000  # so long a front can say since when the worker is gone
AT_ONCE = 1_000  # requests in hand; TWS takes fifty messages a second, so more only wait for their deadline
RETRY_S = 0.2  # between attempts to store the answer of an order while Redis is away

log = structlog.get_logger()

Handle = Callable[["Asked"], Awaitable[bytes]]
Reconcile = Callable[[], Awaitable[None]]


class Asked:
    """One request as its handler sees it. `deadline` is by the loop's clock; nobody waits after it."""

    def __init__(self, request: Request, lease: Lease, records: Records, deadline: float) -> None:
        self.request = request
        self.operation = request.op
        self.arguments = bytes(request.args)
        self.caller = request.caller
        self.key = request.key
        self.request_id = request.request_id
        self.traceparent = request.traceparent
        self.deadline = deadline
        self.accepted = False
        self._execution = token_hex(8)
        self._lease = lease
        self._records = records

    def remaining_s(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()

    def still_leader(self) -> bool:
        """Needs no await: ask between accept() and the frame, and send nothing if it says no."""
        return self._lease.held()

    async def accept(self) -> None:
        """For a write, the last step before its frame: from here on the caller is never told `not executed`. Raises
        Fenced or Gone (let both pass: the request is dropped without a reply, as nobody waits for it)."""
        raise NotImplementedError

    async def note(self, **fields: str) -> None:
        """Write down how far the order has come (sent, acked, permId …) on its record. Raises Fenced or Gone."""
        raise NotImplementedError


class Answerer:
    """Used as `async with Answerer(…) as bus: await bus.lead(); await bus.serve(handle)`; leaving releases the lease.

    `records` is there once the worker leads: orders of earlier leaders, notes, order ids.
    """

    def __init__(self, url: str, session: str, worker_id: str) -> None:
        self.keys = Keys(session)
        self.worker_id = worker_id
        self.pipe = Pipe(url)
        self.lease = Lease(self.pipe, self.keys)
        self.ticks = Publisher(self.pipe, self.keys, lambda: self.lease.token)
        self.records: Records

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(self, *_: object) -> None:
        raise NotImplementedError

    async def lead(self) -> int:
        """Wait, as standby, until this worker leads, and renew the lease from then on. Returns the token.

        After a LeaseLost, give up the connection to the gateway and call it again.
        """
        raise NotImplementedError

    async def serve(self, handle: Handle, reconcile: Reconcile | None = None) -> None:
        """Answer requests until `stop()` or until the lease is lost (raises LeaseLost).

        `handle` returns the result as JSON; a ToolError that it raises is the answer too. `reconcile` is awaited at the
        start and whenever Redis has lost its data: fronts refuse writes until it has returned once in a generation.
        """
        raise NotImplementedError

    async def stop(self, grace_s: float = 5.0) -> None:
        """Take no more requests, and let `serve` return when those in hand are answered, or after the grace."""
        raise NotImplementedError

    def publish(self, stream: str, kind: str, body: bytes) -> None:
        """Send a tick (JSON) to whoever listens. Never waits, so ib_async's event handlers may call it."""
        self.ticks.publish(stream, kind, body)

    def open_stream(self, stream: str) -> None:
        """Keep a stream for thirty seconds even if nobody listens; call it whenever its name is handed to a front."""
        self.ticks.open(stream)

    def close_stream(self, stream: str) -> None:
        """End a stream from this side; on_abandoned is not called for it."""
        self.ticks.close(stream)

    def on_abandoned(self, callback: Callable[[str], None]) -> None:
        """`callback(stream)` is called once nobody has listened for thirty seconds; the stream is then forgotten."""
        self.ticks.on_abandoned = callback

    async def beat(self, status: Shape) -> None:
        """Write the session's status (bridge.gateway.SessionStatus): at every change, and every second or two."""
        raise NotImplementedError
