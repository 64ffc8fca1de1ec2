"""The items of a session's tape: the event log by cursor, the calls that fronts publish, and the profits asked for."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import NoReturn

import msgspec
from pydantic import ValidationError

from bridge.bus.client.call_trace import CallBatch, decode_calls
from bridge.bus.client.client import BusClient
from bridge.bus.events.event import Cursor
from bridge.bus.messages import BusCaller
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.pubsub import PubSubListener
from bridge.tasks import cancel_and_wait
from bridge.tool import OPERATIONS, ToolError
from bridge.tools.account import GetPnl, PnL
from bridge.tools.session import SessionStatus
from cli.operator.redis_target import caller
from cli.tape.items import Missed, TapeItem, TapeNotice

NO_REDIS = "Redis does not answer; the tape goes on when it does"
REDIS_BACK = "Redis answers again"
NO_WORKER = "no worker serves this session"
WORKER_BACK = "a worker serves this session"
CALLS_CUT = "the connection for calls broke; those of meanwhile are not shown"
STALE_MS = 5_000  # a worker writes its status every second
ACCOUNTS = 4  # whose profits are asked for

Tell = Callable[[TapeItem], None]


@dataclass(frozen=True)
class FeedTiming:
    """The waits of a feed, in seconds."""

    retry_s: float = 0.5  # before Redis is asked again
    status_s: float = 1.0
    pnl_s: float = 5.0
    answer_s: float = 4.0


USUAL = FeedTiming()


class TapeFeed:
    """Hands each item to `tell`. It outlives restarts of the worker, the fronts and Redis, and reports missed items.
    `state` and `accounts`: the session's, as last written."""

    def __init__(self, url: str, session: str, tell: Tell, timing: FeedTiming = USUAL) -> None:
        self._bus = BusClient(url, session, f"watch-{secrets.token_hex(3)}")
        self._url = url
        self._tell = tell
        self._timing = timing
        self._place: Cursor | None = None
        self._fronts: dict[str, int] = {}  # the number of each front's latest call
        self._told: dict[str, str] = {}  # the latest notice of each part
        self._profits: dict[str, PnL] = {}
        self.status: SessionStatus | None = None

    async def run(self) -> NoReturn:
        """Pass every item from now on to `tell`, until cancelled."""
        listener = PubSubListener(self._url, self._hear, self._cut)
        async with self._bus, listener:
            listener.subscribe(self._bus.keys.calls)
            tasks = [asyncio.create_task(part()) for part in (self._read_events, self._read_status, self._ask_profits)]
            try:
                await asyncio.gather(*tasks)
            finally:
                await cancel_and_wait(tasks)
        raise AssertionError("its parts run for ever")

    async def _read_events(self) -> NoReturn:
        while True:
            try:
                await self._next_page()
            except (BusError, ToolError):  # the reader of the status says so
                await asyncio.sleep(self._timing.retry_s)

    async def _next_page(self) -> None:
        if self._place is None:
            self._place = await self._bus.events.newest()
            return
        page = await self._bus.events.after(self._place)
        if page.gap:
            self._tell(Missed("events", page.missing))
        self._place = page.next
        for event in page.events:
            self._tell(event)

    async def _read_status(self) -> NoReturn:
        while True:
            try:
                beat = await self._bus.status()
            except ToolError:
                self._notice("redis", NO_REDIS)
                self.status = None
            else:
                self._notice("redis", REDIS_BACK, good=True)
                there = beat is not None and beat.age_ms < STALE_MS
                self._notice("worker", WORKER_BACK if there else NO_WORKER, good=there)
                self.status = _status(beat.status) if beat is not None and there else None
            await asyncio.sleep(self._timing.status_s)

    async def _ask_profits(self) -> NoReturn:
        for number in count(1):
            accounts = self.status.accounts if self.status and self.status.is_connected else []
            for account in accounts[:ACCOUNTS]:
                with suppress(ToolError, ValidationError):  # the state of the session says why there are none
                    self._profit(await self._asked(account, number))
            await asyncio.sleep(self._timing.pnl_s)
        raise AssertionError("it counts for ever")

    async def _asked(self, account: str, number: int) -> PnL:
        asks = BusCaller(principal=caller(), request_id=f"watch-{number}")
        answer = await self._bus.ask(OPERATIONS["get_pnl"], GetPnl(account=account), asks, self._timing.answer_s)
        return PnL.model_validate_json(answer)

    def _profit(self, found: PnL) -> None:
        if self._profits.get(found.account) != found:
            self._profits[found.account] = found
            self._tell(found)

    def _hear(self, _: str, message: bytes) -> None:
        with suppress(msgspec.DecodeError):  # a later release's
            self._calls(decode_calls(message))

    def _calls(self, batch: CallBatch) -> None:
        before = self._fronts.get(batch.front)
        self._fronts[batch.front] = batch.first + len(batch.calls) - 1
        if before is not None and batch.first > before + 1:
            self._tell(Missed("calls", batch.first - before - 1))
        for call in batch.calls:
            self._tell(call)

    def _cut(self) -> None:
        self._tell(TapeNotice(CALLS_CUT))

    def _notice(self, part: str, text: str, good: bool = False) -> None:
        """Tell what has changed; that all is well from the beginning is no news."""
        if self._told.get(part, text if good else "") != text:
            self._tell(TapeNotice(text, good))
        self._told[part] = text


def _status(written: bytes) -> SessionStatus | None:
    """Return the session's status; None for one that a later release has written otherwise."""
    with suppress(ValidationError):
        return SessionStatus.model_validate_json(written)
    return None
