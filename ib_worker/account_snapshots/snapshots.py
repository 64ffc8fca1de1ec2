"""Takes each account's snapshot at a session's close, and at the start of a term."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import NamedTuple, NoReturn

from bridge.bus.history.records import SnapshotKind
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.outage_log import Outage
from bridge.tool import ToolError
from bridge.tools.account import AccountSummaryValue, AccountUpdate, GetAccountSummary
from ib_worker.account_history.closes import NEW_YORK, is_late, latest_close
from ib_worker.account_history.figures import snapshot_of
from ib_worker.session.session import Session
from ib_worker.tws.errors import ConnectionLost, TwsError
from ib_worker.tws.requests import CURRENT_TIME

CLOCK_S = 2.0  # TWS ignores a question for its time within a second of the last answer
IN_USE_CHECK_S = 0.5
AGAIN_AFTER = 100  # times as long as TWS took for the day's executions: so little of the time orders wait behind them
FRESH_S = 60.0  # a list of executions that is this old is read again before a close

AskSummary = Callable[[GetAccountSummary, Session], Awaitable[list[AccountSummaryValue]]]


class Wanted(NamedTuple):
    """A snapshot that is to be taken: of which session, and how it is marked."""

    day: date
    kind: SnapshotKind


def wanted_snapshot(there: Collection[str], account: str, now: datetime, *, starting: bool) -> Wanted | None:
    """Return the snapshot that an account lacks; `there` has the names of those that Redis has, of every account.

    A close that no worker saw is taken late, where an earlier snapshot shows that the account was recorded by then.
    """
    own = {name[:11] for name in there if name[11:] == f" {account}"}
    day, today = latest_close(now), now.astimezone(NEW_YORK).date()
    recorded = any(name[1:] <= day.isoformat() for name in own)
    if recorded and f"d{day}" not in own:
        return Wanted(day, "late" if is_late(day, now) else "close")
    if starting and not {f"s{today}", f"d{today}"} & own:
        return Wanted(today, "start")
    return None


class SnapshotTaker:
    """One for each term of leadership."""

    def __init__(self, session: Session, ask_summary: AskSummary) -> None:
        self._session = session
        self._past = session.services.past
        self._ask_summary = ask_summary
        self._looked: set[tuple[str, date]] = set()  # accounts whose snapshot of the close is there, or never will be
        self._started: set[str] = set()  # accounts that this term has looked at
        self._not_before = 0.0  # no read of the day's executions before, by the monotonic clock
        self._moved = session.positions.moved_by_others
        self._read_at = time.monotonic()  # when TWS has told the day's executions: at the synchronization, for one
        self._not_taken = Outage("account_snapshot_not_taken")

    async def run(self) -> NoReturn:
        """For ever: look every half minute whether a close has come."""
        await self._session.until_ready()
        await asyncio.sleep(self._past.timing.first_s)
        while True:
            await self._session.until_ready()
            try:
                await self._look()
            except (BusError, ConnectionLost, TwsError, ToolError, TimeoutError) as error:
                self._not_taken.failed(error)
            except Fenced:
                pass  # another worker leads, and takes it
            else:
                self._not_taken.over()
            await asyncio.sleep(self._past.timing.check_s)

    async def _look(self) -> None:
        """Take what is wanted of each account. Raises the first error of one after the others have theirs."""
        if self._past.lost.is_set():
            self._looked.clear()
        await self._read_executions()
        now = await self._now()
        day = latest_close(now)
        accounts = [each for each in self._session.accounts if (each, day) not in self._looked]
        there = await self._past.snapshots() if accounts else ()
        failed = list[Exception]()
        for account in accounts:
            wanted = wanted_snapshot(there, account, now, starting=account not in self._started)
            try:
                if wanted is not None:
                    await self._take(account, wanted)
            except (TwsError, ToolError, TimeoutError) as error:
                failed.append(error)
                continue
            self._started.add(account)
            self._looked.add((account, day))
        if failed:
            raise failed[0]

    async def _read_executions(self, *, fresh: bool = False) -> None:
        """Let TWS tell the day's executions again where it may have told some to nobody: those of other clients and of
        TWS itself come on request alone. Orders wait behind a long list, so after one the next is put off."""
        began, moved, past = time.monotonic(), self._session.positions.moved_by_others, self._past
        due = past.lost.is_set() or moved != self._moved or began - self._read_at > past.timing.read_s
        if not fresh and (not due or began < self._not_before):
            return
        await self._session.tws.share_at_length("executions for the record", self._ask_executions)
        self._moved, self._read_at = moved, time.monotonic()
        self._not_before = self._read_at + (self._read_at - began) * AGAIN_AFTER
        past.lost.clear()

    async def _ask_executions(self) -> None:
        """A list that was told just now is not asked for again, unless Redis has lost what was recorded of it."""
        tws = self._session.tws
        await (
            tws.ask_executions()
            if self._past.lost.is_set()
            else self._session.caches.executions.read(tws.ask_executions)
        )

    async def _take(self, account: str, wanted: Wanted) -> None:
        """Take a snapshot, after the executions before it. Raises ToolError no_data where TWS has not told the net
        liquidation."""
        if wanted.kind != "start":  # at a start TWS has just told them
            await self._read_executions(fresh=time.monotonic() - self._read_at > FRESH_S)
        updates = await self._told(account)
        snapshot = snapshot_of(account, wanted.day, wanted.kind, await self._now(), updates)
        if snapshot is None:
            raise ToolError("no_data", "TWS has not told the account's net liquidation.")
        await self._past.add_snapshot(snapshot)

    async def _told(self, account: str) -> list[AccountUpdate]:
        """Return the account's values and portfolio as TWS tells them together, at one time. While a stream of another
        account has that subscription, the summary and the positions without prices."""
        for _ in range(max(round(self._past.timing.in_use_s / IN_USE_CHECK_S), 1)):
            try:
                async with asyncio.timeout(self._past.timing.told_s):
                    reading = self._session.account_updates.read(account, brief_s=0)
                    return await self._session.tws.while_connected(reading)
            except ToolError as error:
                if error.code != "in_use":
                    raise
                await asyncio.sleep(IN_USE_CHECK_S)
        return await self._summary(account)

    async def _summary(self, account: str) -> list[AccountUpdate]:
        now = self._session.now()
        rows = await self._ask_summary(GetAccountSummary(account=account), self._session)
        values = [
            AccountUpdate(kind="value", account=account, time=now, tag=row.tag, value=row.value, currency=row.currency)
            for row in rows
        ]
        held = [each for each in self._session.positions.all() if each.account == account]
        return values + [
            AccountUpdate(kind="portfolio", account=account, time=now, contract=each.contract, position=each.position)
            for each in held
        ]

    async def _now(self) -> datetime:
        """Return the time by the gateway's clock; a simulator's may be moved at any time, so it is asked for."""
        session = self._session
        if session.simulated:
            with suppress(TimeoutError, TwsError, ToolError):
                async with asyncio.timeout(CLOCK_S):
                    told = await session.tws.request_list(CURRENT_TIME, lambda wire: wire.reqCurrentTime())
                return datetime.fromtimestamp(float(told[-1]), UTC)
        return session.now()
