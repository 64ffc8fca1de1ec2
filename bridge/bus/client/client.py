"""The front's client of the bus: sends reads, submits writes, reads the heartbeat and subscribes to streams."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Self

import msgspec

from bridge.bus.client.event_reader import EventReader
from bridge.bus.client.front_channel import FrontChannel
from bridge.bus.client.kept_streams import KeptStreams
from bridge.bus.client.replies import ReplyChannelLost, ReplyInbox, WorkerLost
from bridge.bus.client.stream_reader import StreamReader
from bridge.bus.client.submission import Deadlines, Submission, refused_by_bus
from bridge.bus.controls.kill_switch import halted_by, read_halt
from bridge.bus.halt import Halt
from bridge.bus.keys import Keys
from bridge.bus.messages import (
    SHOW_TOKEN,
    VERSION,
    BusCaller,
    Heartbeat,
    Reply,
    Request,
    encode_cancel,
    encode_request,
    result_of,
)
from bridge.bus.records.records import RecordClient, digest_of
from bridge.bus.timing import USUAL, BusTiming
from bridge.bus.transport.connection import BusError, Refused, bus_down, bus_errors
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import WRITABLE
from bridge.tool import Effect, ToolError, ToolRequest, ToolSpec
from bridge.tracing.spans import Tracer

SEAL_BYTES = 32
LONGEST_NUMBER = 15  # digits of a time in ms, or of a token

NO_WORKER = "No worker serves this session. Start ib_worker, or wait for it to start, then retry."
WORKER_LOST = "The worker was lost during this call. Another may take over within 10 seconds; retry then."
RETRY = "The connection to Redis broke during this call, so its reply may be lost. Retry."


class BusClient:
    """The front's client. Entering it does not wait for Redis: while Redis is away each call raises `bus_down`."""

    def __init__(self, url: str, session: str, front_id: str, timing: BusTiming = USUAL) -> None:
        self.keys = Keys(session)
        self.pipe = CommandPipeline(url, timing)
        self.tracer: Tracer | None = None  # where traces are sent
        self._replies = ReplyInbox(self.pipe, self.keys, front_id)
        self.events = EventReader(self.pipe, self._replies, self.keys, timing.event_check_s)
        self.streams = KeptStreams(self.pipe, self._replies, self.keys, timing.event_check_s)
        self.fronts = FrontChannel(self.pipe, self._replies, self.keys)
        self._records = RecordClient(self.pipe, self.keys, self._replies.front)

    async def __aenter__(self) -> Self:
        await self.pipe.__aenter__()
        await self._replies.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.events.close()
        await self._replies.__aexit__()
        await self.pipe.__aexit__()

    def watch_clients(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever somebody has changed a client, or a client's access."""
        self._replies.attach(self.keys.client_news, lambda _: changed())

    async def ask(
        self,
        declared: ToolSpec,
        arguments: ToolRequest,
        caller: BusCaller,
        deadline_s: float | None = None,
    ) -> bytes:
        """Return the result of a read or a session operation, as the JSON that the worker encoded. Raises as `reply`
        does."""
        return bytes((await self.reply(declared, arguments, caller, deadline_s)).result)

    async def reply(
        self,
        declared: ToolSpec,
        arguments: ToolRequest,
        caller: BusCaller,
        deadline_s: float | None = None,
    ) -> Reply:
        """Return the worker's reply; its details report where a long result was cut.

        Raises ToolError: no_worker (at once), bus_down, timeout, retry (the reply may have been missed), worker_lost,
        too_large, or the worker's own error. The caller may retry after all but the worker's own.

        Where the worker has not seen the caller's token of a provider, and asks for it, the call goes out again with
        it.
        """
        total_s = deadline_s or declared.deadline_s
        try:
            ends = asyncio.get_running_loop().time() + total_s
            if not self._is_ready:
                async with asyncio.timeout_at(ends):
                    await self._ready()
            request = self._request(declared, arguments, caller, total_s)
            reply = await self._asked(request, ends, declared.effect)
            if caller.proof.token and reply.details.get(SHOW_TOKEN):
                request = msgspec.structs.replace(request, id=self._replies.next_id(), token=caller.proof.token)
                reply = await self._asked(request, ends, declared.effect)
            result_of(reply)
            return reply
        except BusError as error:
            raise bus_down(self.pipe.url, error) from error
        except TimeoutError:
            raise ToolError("timeout", f"No answer within {total_s:g} s. Retry, or call ibkr_get_status.") from None
        except WorkerLost:
            raise ToolError("worker_lost", WORKER_LOST) from None
        except ReplyChannelLost:
            raise ToolError("retry", RETRY) from None

    async def _asked(self, request: Request, ends: float, effect: Effect) -> Reply:
        """Return the reply, until `ends` by the loop's clock. The task wakes up once, for the reply or for the first
        reason why there will be none. A read that is cancelled ends at the worker too."""
        message, loop = encode_request(request), asyncio.get_running_loop()
        with self._replies.expected(request.id) as call:
            send = self.pipe.send_alone if self._replies.awaits_one else self.pipe.send
            sent = send("SPUBLISH", self.keys.requests, message)
            sent.add_done_callback(partial(_fail_unheard, call))
            timer = loop.call_at(ends, _fail_late, call)
            try:
                return await call
            except asyncio.CancelledError:
                if effect is Effect.READ:
                    self._cancel(request)
                raise
            except ReplyChannelLost:
                await sent  # a request that did not go out says so, and not that its reply is lost
                raise
            finally:
                timer.cancel()
                sent.cancel()  # one that is still queued does not go out

    def _cancel(self, request: Request) -> None:
        """Tell the worker that nobody awaits the answer any more. Best effort: without it the deadline ends the
        read."""
        told = self.pipe.send("SPUBLISH", self.keys.requests, encode_cancel(request))
        told.add_done_callback(asyncio.Future.exception)  # fetched: what could not be told is not missed

    async def submit(
        self,
        declared: ToolSpec,
        arguments: ToolRequest,
        caller: BusCaller,
        *,
        key: str,
        keyless: bool = False,
        deadline_s: float | None = None,
    ) -> bytes:
        """Return the result of a write; the same key never acts twice.

        The key gets the first call's answer for seven days: `replayed` is then true, and the message begins with the
        time of that answer. A cancel is replayed until the first call's deadline, and is a new cancel afterwards.

        Raises ToolError: not_executed (certain; details have the reason), pending (a worker has accepted it: retry with
        the key), unknown (Redis cannot tell: retry with the key), idempotency_conflict (the key belongs to another call
        or principal), or the worker's own error. Every error has the key in its details. A cancelled call does not
        withdraw its order.
        """
        times = Deadlines.within(deadline_s or declared.deadline_s)
        try:
            await self._ready()
        except BusError as error:
            raise refused_by_bus(error, key=key) from error

        def attempt() -> Request:
            read = self._request(declared, arguments, caller, times.accept_in_s())
            digest = digest_of(declared, arguments)
            # A write shows a provider's token at once: to be asked for it would leave a refusal under its key.
            shown = msgspec.structs.replace(read, shows=False, token=caller.proof.token)
            return msgspec.structs.replace(shown, key=key, digest=digest, grace_ms=times.grace_ms(), keyless=keyless)

        return await Submission(self.pipe, self._replies, self._records, times, attempt, declared.relieves).result()

    def _request(self, declared: ToolSpec, arguments: ToolRequest, caller: BusCaller, wait_s: float) -> Request:
        return Request(
            v=VERSION,
            id=self._replies.next_id(),
            op=declared.name,
            args=msgspec.Raw(arguments.model_dump_json(exclude_unset=True).encode()),
            front=self._replies.front,
            until=self.pipe.clock.now_ms() + round(wait_s * 1000),
            caller=caller.principal,
            label=caller.label,
            proof=caller.proof.digest,
            restricted=caller.proof.restricted,
            shows=bool(caller.proof.token),
            request_id=caller.request_id,
            traceparent=caller.traceparent,
        )

    @property
    def _is_ready(self) -> bool:
        return self._replies.is_ready and self.pipe.clock.known

    async def _ready(self) -> None:
        """Wait until replies can be received and the server's clock is known. Raises BusError."""
        await self._replies.ready()
        if not self.pipe.clock.known:
            await self.pipe.send("PING")

    async def halt(self, by: str, reason: str) -> Halt:
        """Set the kill switch: from when this returns, no worker accepts a new order. Raises ToolError bus_down."""
        return (await self.halted_by(by, reason))[0]

    async def halted_by(self, by: str, reason: str) -> tuple[Halt, bool]:
        """Set the kill switch; return it, and whether this call set it. Raises ToolError bus_down."""
        with bus_errors(self.pipe.url):
            return await halted_by(self.pipe, self.keys, "halt", by, reason)

    async def halted(self) -> Halt | None:
        """Return the kill switch, None while it is not set. Raises ToolError bus_down."""
        with bus_errors(self.pipe.url):
            return await read_halt(self.pipe, self.keys)

    async def told(self, key: str) -> None:
        """Note that a call's answer, with the key that was made for it, was delivered. Raises ToolError bus_down."""
        with bus_errors(self.pipe.url):
            await self._records.told(key)

    async def shared_secret(self) -> bytes:
        """Return the secret that all fronts of the session share; the first front creates it. Raises ToolError
        bus_down."""
        with bus_errors(self.pipe.url):
            found: bytes | None = await self.pipe.send("GET", self.keys.seal)
            while found is None:  # by a command that overwrites none: a front has no right to more
                await self.pipe.send("SETNX", self.keys.seal, secrets.token_bytes(SEAL_BYTES))
                found = await self.pipe.send("GET", self.keys.seal)
        return found

    async def status(self) -> Heartbeat | None:
        """Return the session's status as last written, and the number of workers that take requests; None if no status
        was written within a week. Raises ToolError bus_down.

        A status from before the server's clock was set back counts as old by the time it lies in the future.
        """
        try:
            fields = self.pipe.send("HMGET", self.keys.heartbeat, "worker", "token", "written_ms", "status")
            time = self.pipe.send("TIME")  # the clock's estimate may be of before it was set
            receivers = await self._replies.receivers()
            worker, token, written_ms, status = await fields
            seconds, microseconds = await time
        except BusError as error:
            if "WRONGTYPE" not in str(error):
                raise bus_down(self.pipe.url, error) from error
            worker, token, written_ms, status = b"", b"", b"", b""
            seconds, microseconds = await time
        if status is None:
            return None
        written = _number(written_ms)
        age_ms = abs(int(seconds) * 1000 + int(microseconds) // 1000 - written)
        name = (worker or b"").decode(errors="replace")
        return Heartbeat(name, _number(token), written, age_ms, receivers, status if written else b"")

    async def refusal(self) -> BusError | None:
        """Return why a Redis that answers takes no writes now; None if it takes them. Raises ToolError bus_down."""
        try:
            await WRITABLE.run(self.pipe, (self.keys.requests,))
        except Refused as error:
            return error
        except BusError as error:
            raise bus_down(self.pipe.url, error) from error
        return None

    @asynccontextmanager
    async def listen(self, stream: str) -> AsyncIterator[StreamReader]:
        """`async with client.listen(stream) as feed: async for batch in feed` (lists of Tick). Raises ToolError."""
        feed = StreamReader(stream)
        try:
            await self._join(feed)
            yield feed
        finally:
            self._replies.leave(feed)

    async def _join(self, feed: StreamReader) -> None:
        with bus_errors(self.pipe.url):
            await self._replies.join(feed)


def _fail_unheard(call: asyncio.Future[Reply], sent: asyncio.Future[Any]) -> None:
    """End the wait for a reply to a request that nobody has taken, or that did not go out."""
    error = None if sent.cancelled() else sent.exception()
    if call.done() or sent.cancelled():
        return
    if error is not None:
        call.set_exception(error)
    elif sent.result() == 0:
        call.set_exception(ToolError("no_worker", NO_WORKER))


def _fail_late(call: asyncio.Future[Reply]) -> None:
    if not call.done():
        call.set_exception(TimeoutError())


def _number(stored: bytes | None) -> int:
    """A number as a worker writes it, 0 for anything else."""
    return int(stored) if stored is not None and stored.isdigit() and len(stored) <= LONGEST_NUMBER else 0
