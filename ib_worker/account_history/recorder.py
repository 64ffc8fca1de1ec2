"""Records the account's past: executions and commissions as TWS tells them, and snapshots.

Nothing here waits on an order's way: what TWS tells is queued, and written once a second in one step.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeVar

import ib_async
import structlog

from bridge.bus.history.records import AccountSnapshot, EquitySample, TradeCommission
from bridge.bus.history.store import (
    EQUITY,
    EXECUTIONS,
    SHELVES,
    SNAPSHOTS,
    Record,
    Shelf,
    commission_record,
    equity_record,
    execution_record,
    names_on,
    put,
    read_records,
    seconds,
    snapshot_record,
)
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.outage_log import Outage
from bridge.bus.transport.pipeline import CommandPipeline
from ib_worker.account_history.archive import HistoryArchive, Name
from ib_worker.account_history.executions import trade_commission, trade_execution

KEPT_NAMES = 50_000  # of executions that are written: TWS tells all of a day again at each look at the orders
WAITING = 50_000  # records that wait for Redis; the oldest go first, and TWS tells those of today again

K = TypeVar("K")
V = TypeVar("V")

log = structlog.get_logger("ib_worker.account_history.recorder")


@dataclass(frozen=True)
class HistoryTiming:
    """The recorder's waits, in seconds."""

    first_s: float = 5.0  # after the session is ready: the callers that wait come first
    check_s: float = 30.0  # between looks for a close
    equity_s: float = 60.0  # between samples of net liquidation
    read_s: float = 900.0  # between reads of the day's executions of other clients
    record_s: float = 1.0  # between writes of executions
    retry_s: float = 1.0
    whole_s: float = 60.0  # between looks whether Redis still has what was written
    told_s: float = 20.0  # for the whole of an account
    in_use_s: float = 60.0  # for a stream of another account to end


USUAL_HISTORY = HistoryTiming()


class HistoryRecorder:
    """The leader's record of the account's past. Only the holder of the lease writes it."""

    def __init__(
        self,
        pipe: CommandPipeline,
        keys: Keys,
        token: int,
        archive: HistoryArchive | None = None,
        timing: HistoryTiming = USUAL_HISTORY,
    ) -> None:
        self.pipe = pipe
        self.keys = keys
        self.timing = timing
        self.lost = asyncio.Event()  # Redis has lost what was written: TWS is to tell the day's executions again
        self.ahead = timedelta(0)  # the gateway's clock is ahead of this machine's, where its date is another
        self._token = str(token)
        self._archive = archive
        self._times: dict[str, float] = {}  # of executions that were taken, by execId
        self._paid: dict[str, TradeCommission] = {}
        self._waiting: list[Record] = []
        self._unarchived: list[Record] = []
        self._known: dict[str, str] = {}  # a record that Redis has, by shelf
        self._uneven = False  # a snapshot has come since the archive was compared with Redis
        self._due = asyncio.Event()
        self._unwritten = Outage("account_history_not_written")
        self._not_archived = Outage("history_archive_not_written")

    # what TWS tells

    def execution(self, contract: ib_async.Contract, told: ib_async.Execution) -> None:
        """Take an execution, of whatever client. One that was taken before is passed over."""
        if told.execId in self._times:
            return
        found = trade_execution(contract, told, datetime.now(UTC) + self.ahead)
        if found is None:
            return
        _remember(self._times, found.execId, seconds(found.time))
        self._queue(execution_record(found))
        if (paid := self._paid.get(found.execId)) is not None:
            self._queue(commission_record(paid, self._times[found.execId]))

    def commission(self, told: ib_async.CommissionReport) -> None:
        """Take a commission, which may come before its execution."""
        paid = trade_commission(told)
        if paid is None or self._paid.get(told.execId) == paid:
            return
        _remember(self._paid, told.execId, paid)
        if (at := self._times.get(told.execId)) is not None:
            self._queue(commission_record(paid, at))

    def _queue(self, record: Record) -> None:
        self._waiting.append(record)
        if len(self._waiting) > WAITING:
            lost = self._waiting.pop(0)
            self._times.pop(lost.field[1:], None)
        self._due.set()

    # what is written

    async def run(self) -> NoReturn:
        """For ever: write what has gathered."""
        await self._insist(self.level)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.timing.whole_s):
                    await self._due.wait()
                    await asyncio.sleep(self.timing.record_s)  # an order's own steps at Redis come first
            self._due.clear()
            await self._insist(self.flush)
            if self._uneven:  # once a day: the operator may have imported a statement
                self._uneven = False
                await self._insist(self.level)

    async def _insist(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except BusError as error:
                self._unwritten.failed(error)
                await asyncio.sleep(self.timing.retry_s)
            else:
                self._unwritten.over()
                return

    async def flush(self) -> None:
        """Write the executions that wait, and see that Redis still has what was written. Raises BusError: then they
        wait on. So they do where Redis does not know the lease: it may have lost that too, until it is renewed."""
        written = list(self._waiting)
        try:
            await self._put(EXECUTIONS, written)
            await self._put(SNAPSHOTS, [])
        except Fenced:
            self._due.set()
            return
        del self._waiting[: len(written)]
        await self._archived(written)

    async def add_snapshot(self, snapshot: AccountSnapshot) -> None:
        """Write a snapshot, unless its session has one. Raises Fenced or BusError."""
        record = snapshot_record(snapshot)
        await self._put(SNAPSHOTS, [record])
        await self._archived([record])
        self._uneven = True

    async def add_equity(self, samples: Sequence[EquitySample]) -> None:
        """Write samples of net liquidation. Redis alone has them: a loss costs the curve of some days. Raises Fenced or
        BusError."""
        await put(self.pipe, self.keys, self._token, EQUITY, [equity_record(each) for each in samples])

    async def snapshots(self) -> set[str]:
        """Return the names of the snapshots that are there. Raises BusError."""
        return await names_on(self.pipe, self.keys, SNAPSHOTS)

    async def _put(self, shelf: Shelf, records: Sequence[Record]) -> None:
        known = self._known.get(shelf.name, "")
        written = await put(self.pipe, self.keys, self._token, shelf, records, known)
        if records:
            self._known[shelf.name] = max(records, key=lambda each: each.at).field
        if not written.whole:
            self._note_loss()
            await self.level()

    def _note_loss(self) -> None:
        """Redis has lost what was written: let TWS tell today again."""
        log.warning("account_history_lost", archive=self._archive is not None)
        self._known.clear()
        self._times.clear()
        self.lost.set()

    # the archive

    async def level(self) -> None:
        """Give Redis what only the archive has, and the archive what only Redis has. Raises BusError."""
        if self._archive is None:
            return
        try:
            archived = await asyncio.to_thread(self._archive.read)
        except OSError as error:
            self._not_archived.failed(error)
            return
        try:
            for shelf in SHELVES.values():
                await self._level(shelf, archived)
        except Fenced:
            self._uneven = True
            self._due.set()

    async def _level(self, shelf: Shelf, archived: dict[Name, Record]) -> None:
        there = await names_on(self.pipe, self.keys, shelf)
        if self._known.get(shelf.name, "") not in {"", *there}:
            self._note_loss()
        lacking = [each for (name, field), each in archived.items() if name == shelf.name and field not in there]
        lacking.sort(key=lambda each: each.at)
        if lacking and len(there) < shelf.most:
            await put(self.pipe, self.keys, self._token, shelf, lacking[-shelf.most :])
        if any((shelf.name, field) not in archived for field in there):
            rows, _ = await read_records(self.pipe, self.keys, shelf)
            await self._archived([each for each in rows if (each.shelf, each.field) not in archived])

    async def _archived(self, records: Sequence[Record]) -> None:
        """Add the records to the archive. Where that fails they wait for the next."""
        if self._archive is None or not (records or self._unarchived):
            return
        self._unarchived = [*self._unarchived, *records][-WAITING:]
        try:
            await asyncio.to_thread(self._archive.append, list(self._unarchived))
        except OSError as error:
            self._not_archived.failed(error)
        else:
            self._not_archived.over()
            self._unarchived.clear()


def _remember(names: dict[K, V], name: K, value: V) -> None:
    names[name] = value
    while len(names) > KEPT_NAMES:
        del names[next(iter(names))]
