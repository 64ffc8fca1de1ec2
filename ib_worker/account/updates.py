"""The account's values and portfolio as TWS's Account window has them: one subscription, which streams and
readers share."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import ib_async
import structlog

from bridge.tool import ToolError
from bridge.tools.account import AccountUpdate
from ib_worker.client_rights.current import current_rights
from ib_worker.pacing.message_pacer import MessagePacer, Priority
from ib_worker.publisher import Publisher
from ib_worker.tws.errors import ConnectionLost, refusal
from ib_worker.tws.values import convert

BRIEF_S, LOOK_S = 30.0, 0.1  # how long a reader's subscription stays for the next one, and how often that is checked

log = structlog.get_logger("ib_worker.account.updates")


def stream_of(account: str) -> str:
    return f"account-{account}"


class AccountUpdates:
    """TWS sends one account's updates at a time: a second account's subscription would silently end the first's."""

    def __init__(self, pacer: MessagePacer, publisher: Publisher, now: Callable[[], datetime]) -> None:
        self._pacer = pacer
        self._publisher = publisher
        self._now = now
        self._wire: Any = None
        self.account: str | None = None
        self.streamed = False  # opened for listeners; else for a reader, and goes after BRIEF_S or for another account
        self._turn = asyncio.Lock()  # readers of different accounts follow one another
        self._until = 0.0  # when a reader's subscription goes, by the loop's clock
        self._asked: str | None = None  # whose updates TWS sends
        self._stale = False  # it is wanted again, and what TWS has told of it is forgotten
        self._values: dict[tuple[str, str], AccountUpdate] = {}
        self._portfolio: dict[int, AccountUpdate] = {}
        self._unsent: list[AccountUpdate] = []
        self._before: dict[int, AccountUpdate] | None = (
            None  # the portfolio as told before a break, where there was one
        )
        self.problem: ToolError | None = None  # why TWS tells nothing
        self.complete = asyncio.Event()  # accountDownloadEnd has come, or a problem
        self._work = asyncio.Event()

    def open(self, account: str) -> str:
        """Subscribe, or join. Returns the stream's name; the caller awaits `complete`."""
        self._want(account)
        self.streamed = True
        self._publisher.open_stream(stream_of(account))
        return stream_of(account)

    async def read(self, account: str, brief_s: float = BRIEF_S) -> list[AccountUpdate]:
        """Return the account's values and portfolio, out of the present subscription or of one that stays for
        `brief_s`. Raises ToolError in_use while another account is streamed. The caller keeps the deadline."""
        async with self._turn:
            self._want(account)
            loop = asyncio.get_running_loop()
            self._until = loop.time() + brief_s
            loop.call_at(self._until, self._lapse)
            while not self.complete.is_set():  # what was told may be forgotten before this task goes on
                await self.complete.wait()
            if self.account != account:  # a stream has begun meanwhile
                raise _in_use(self.account)
            if self.problem is not None:
                raise self.problem
            return self.known()

    def _want(self, account: str) -> None:
        """Make this the account of the subscription. Raises ToolError in_use while another one is streamed."""
        if self.account not in (None, account) and self.streamed:
            raise _in_use(self.account)
        if self.account != account or self.problem is not None:
            self.account, self.problem = account, None
            self._stale = self._asked == account
            self._before = None
            self._forget()
        self._work.set()

    def _lapse(self) -> None:
        """End a reader's subscription when its time is over and nobody listens or reads."""
        if self.account is None or self.streamed:
            return
        loop = asyncio.get_running_loop()
        if self._turn.locked() or self._until > loop.time():
            loop.call_at(max(self._until, loop.time() + LOOK_S), self._lapse)
        else:
            self._drop()

    def known(self) -> list[AccountUpdate]:
        return [*self._values.values(), *self._portfolio.values()]

    def position(self, account: str) -> tuple[str, int]:
        """The life and seq of the last tick that what is known has."""
        return self._publisher.open_stream(stream_of(account))

    def abandoned(self, stream: str) -> None:
        if self.account is not None and stream == stream_of(self.account):
            self.streamed = False
            if self._turn.locked():
                self._lapse()
            else:
                self._drop()

    def _drop(self) -> None:
        self.account = None
        self.streamed = False
        self._stale = False
        self._before = None
        self._forget()
        self._work.set()

    def refused(self, code: int, text: str) -> None:
        """TWS has refused a request without naming it; this one has no id, and may be it."""
        self.fail(refusal(code, text))

    def fail(self, problem: ToolError | None) -> None:
        """Fail the waiting callers: the account's values are incomplete or do not arrive."""
        if problem is not None and self.account is not None and not self.complete.is_set():
            self.problem = problem
            self.complete.set()

    def connected(self, wire: Any) -> None:
        """A connection stands, or its subscriptions are gone (1101): ask anew."""
        self._wire = wire
        self._lose()
        self._work.set()

    def disconnected(self) -> None:
        self._wire = None
        self._lose()

    def value(self, tag: str, value: str, currency: str, account: str) -> None:
        if account == self.account:
            update = convert.value_update(account, tag, value, currency, self._now())
            self._values[(tag, currency)] = update
            self._unsent.append(update)

    def portfolio(self, item: ib_async.PortfolioItem) -> None:
        """A line of the portfolio; a position that is closed comes once more with position 0."""
        if item.account == self.account:
            update = convert.portfolio_update(item, self._now())
            if item.position:
                self._portfolio[item.contract.conId] = update
            else:
                self._portfolio.pop(item.contract.conId, None)
            self._unsent.append(update)

    def ended(self, account: str) -> None:
        """All is told. It is part of the answer to whoever opened the stream; after a break who listens is told too."""
        if account == self.account and not self.complete.is_set():
            self._unsent = [] if self._before is None else [*self.known(), *self._gone(self._before)]
            self._before = None
            self.complete.set()

    def _gone(self, before: dict[int, AccountUpdate]) -> list[AccountUpdate]:
        """TWS tells nothing of a position that was closed meanwhile."""
        gone = [update for conId, update in before.items() if conId not in self._portfolio]
        return [_closed(update, self._now()) for update in gone]

    def flush(self) -> None:
        """Publish what the last packet has changed, once all is told: the first values are the opener's answer."""
        updates, self._unsent = self._unsent, []
        if not self.streamed or not self.complete.is_set():
            return
        for update in updates:
            self._publisher.publish(stream_of(update.account), update.kind, update.model_dump_json().encode())

    async def run(self) -> None:
        """For ever: tell TWS whose updates are wanted."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._wire is not None and self._asked != self._wanted():
                await self._pacer.wait_turn(Priority.READS)
                self._step()

    def _wanted(self) -> str | None:
        """Return the account whose updates TWS is to send next; None first where all values must be sent anew."""
        return None if self._stale else self.account

    def _step(self) -> None:
        wanted, wire = self._wanted(), self._wire
        if wire is None or wanted == self._asked:
            return
        try:
            wire.reqAccountUpdates(wanted is not None, wanted or self._asked)
        except ConnectionLost:
            self._wire = None  # the session is about to say so
        else:
            self._asked, self._stale = wanted, False

    def _lose(self) -> None:
        """TWS has forgotten the subscription: whoever listens is told that nothing is known now."""
        self._asked, self._stale = None, False
        if self.account is not None and self.streamed and self.complete.is_set():
            self._before = dict(self._portfolio)
            nothing = AccountUpdate(kind="value", account=self.account, time=self._now())
            self._publisher.publish(stream_of(self.account), "gap", nothing.model_dump_json().encode())
        self._forget()

    def _forget(self) -> None:
        self.problem = None
        self._values.clear()
        self._portfolio.clear()
        self._unsent.clear()
        self.complete.clear()


def _in_use(account: str | None) -> ToolError:
    told = account if current_rights().has_account(account or "") else "another one"
    return ToolError(
        "in_use",
        f"TWS streams one account at a time, and {told} is being streamed. Retry when that stream has ended (30 "
        "seconds after its last listener left).",
    )


def _closed(update: AccountUpdate, at: datetime) -> AccountUpdate:
    """Return the closed position without its profit, which nobody has reported meanwhile."""
    return AccountUpdate(kind="portfolio", account=update.account, time=at, contract=update.contract, position=0.0)
