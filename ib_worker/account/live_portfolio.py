"""Accounts and positions with figures that TWS keeps sending while somebody looks, as the operator's console does.

Each position has one subscription of its own (reqPnLSingle), so a look costs TWS no message. Of an account TWS is asked
every few seconds. All of it ends when nobody has looked for ten seconds.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn, Protocol

import structlog

from bridge.tool import ToolError
from bridge.tools.account import PnL, Position
from ib_worker.account.exchange_rates import AccountRow
from ib_worker.account.portfolio import AccountPicture, PricedPosition, picture, with_pnl
from ib_worker.account.positions import Positions
from ib_worker.tws.errors import ConnectionLost, TwsError

WANTED_S = 10.0  # after the last look
LOOK_S = 1.0  # between two comparisons of the subscriptions with the positions
TOTALS_S = 2.0  # between two requests for an account's profit: TWS works it out once a second
VALUES_S = 5.0  # between two requests for an account's values
MOST = 200  # positions with a subscription of their own; of the others no profit is told
MOST_ACCOUNTS = 5

Key = tuple[str, int]  # account and conId
Figures = tuple[float, ...]  # position, daily, unrealized and realized profit, value

log = structlog.get_logger("ib_worker.account.live_portfolio")


class FigureRequests(Protocol):
    """The requests to TWS that this needs; `wire` is None while there is no connection. They raise ToolError, TwsError
    and ConnectionLost."""

    @property
    def wire(self) -> object | None: ...

    async def subscribe(self, send: Callable[[Any, int], None]) -> int: ...

    def unsubscribe(self, reqId: int, cancel: Callable[[Any, int], None]) -> None: ...

    async def ask_pnl(self, account: str, modelCode: str) -> PnL: ...

    async def ask_account_values(self, account: str) -> list[tuple[str, str, str, str]]: ...


@dataclass
class _Line:
    """One position's subscription, and its last figures."""

    reqId: int
    figures: Figures | None = None
    at: datetime | None = None


@dataclass
class _Account:
    """The latest answers about one account."""

    rows: Sequence[AccountRow] = ()
    read: datetime | None = None
    profit: PnL | None = None
    asked: dict[str, float] = field(default_factory=dict)  # when each kind was asked for, by the loop's clock


@dataclass(frozen=True)
class AccountFigures:
    """One account with its positions. `read`: when TWS told the values."""

    picture: AccountPicture
    holdings: Sequence[PricedPosition]
    profit: PnL | None
    read: datetime | None


class LivePortfolio:
    """The figures of this connection. `connection`: the present one, and how often it has lost IBKR: TWS may have
    forgotten the subscriptions then."""

    def __init__(
        self,
        tws: FigureRequests,
        positions: Positions,
        now: Callable[[], datetime],
        connection: Callable[[], tuple[object, int]],
    ) -> None:
        self._tws = tws
        self._positions = positions
        self._now = now
        self._connection = connection
        self._of: tuple[object, int] = (None, 0)
        self._looked = asyncio.Event()
        self._looked_at = float("-inf")
        self._lines: dict[Key, _Line] = {}
        self._by_id: dict[int, _Line] = {}
        self._refused: set[Key] = set()
        self._accounts: dict[str, _Account] = {}

    def look(self, accounts: Iterable[str]) -> list[AccountFigures]:
        """Return what is known, and keep it live for some seconds more."""
        self._looked_at = asyncio.get_running_loop().time()
        for account in list(accounts)[:MOST_ACCOUNTS]:
            self._accounts.setdefault(account, _Account())
        self._looked.set()
        return [self._figures(account) for account in accounts]

    def _figures(self, account: str) -> AccountFigures:
        known = self._accounts.get(account) or _Account()
        held = [each for each in self._positions.all() if each.account == account]
        drawn = picture(account, known.rows, held)
        holdings = [self._with_figures(each) for each in drawn.holdings]
        return AccountFigures(drawn, holdings, known.profit, known.read)

    def _with_figures(self, held: PricedPosition) -> PricedPosition:
        line = self._lines.get((held.account, held.contract.conId))
        return with_pnl(held, line.figures, line.at) if line and line.figures and line.at else held

    def told(self, reqId: int, figures: Figures) -> bool:
        """Take TWS's figures; return whether the request is one of these subscriptions."""
        line = self._by_id.get(reqId)
        if line is not None:
            line.figures, line.at = figures, self._now()
        return line is not None

    def refused(self, reqId: int) -> bool:
        """TWS has an error for a request; return whether it is one of these. Such a position has no figures."""
        line = self._by_id.pop(reqId, None)
        for key, each in list(self._lines.items()):
            if each is line:
                del self._lines[key]
                self._refused.add(key)
        return line is not None

    async def run(self) -> NoReturn:
        """For ever: keep the figures live while somebody looks."""
        loop = asyncio.get_running_loop()
        while True:
            await self._looked.wait()
            try:
                await self._follow()
            except (TwsError, ToolError, ConnectionLost, TimeoutError) as error:
                log.info("live_figures_not_told", error=str(error))
            if loop.time() - self._looked_at >= WANTED_S:
                self._looked.clear()
                self._end(list(self._lines))
                self._forget()  # else the next look would be told figures of long ago
            else:
                await asyncio.sleep(LOOK_S)

    async def _follow(self) -> None:
        """One step: subscriptions for what is held, and the accounts' figures where they are due."""
        if self._tws.wire is None:
            return
        if self._of != (now := self._connection()):
            if self._of[0] is now[0]:
                self._end(list(self._lines))
            self._of = now
            self._forget()
        held = {(each.account, each.contract.conId): each for each in self._positions.all()}
        self._end([key for key in self._lines if key not in held])
        for key in list(held)[:MOST]:
            if key not in self._lines and key not in self._refused:
                await self._open(held[key])
        for account, known in self._accounts.items():
            await self._ask(account, known)

    async def _open(self, held: Position) -> None:
        account, conId = held.account, held.contract.conId
        reqId = await self._tws.subscribe(lambda wire, reqId: wire.reqPnLSingle(reqId, account, "", conId))
        self._lines[account, conId] = self._by_id[reqId] = _Line(reqId)

    async def _ask(self, account: str, known: _Account) -> None:
        if self._due(known, "profit", TOTALS_S):
            with suppress(TimeoutError):
                known.profit = await self._tws.ask_pnl(account, "")
        if self._due(known, "values", VALUES_S):
            rows = await self._tws.ask_account_values(account)
            known.rows, known.read = [AccountRow(*each) for each in rows], self._now()

    def _due(self, known: _Account, kind: str, every_s: float) -> bool:
        now = asyncio.get_running_loop().time()
        if now - known.asked.get(kind, float("-inf")) < every_s:
            return False
        known.asked[kind] = now
        return True

    def _end(self, keys: Iterable[Key]) -> None:
        for key in keys:
            line = self._lines.pop(key)
            self._by_id.pop(line.reqId, None)
            self._tws.unsubscribe(line.reqId, _cancel)

    def _forget(self) -> None:
        """Another connection, or one without its subscriptions: nothing of before is live."""
        self._lines.clear()
        self._by_id.clear()
        self._refused.clear()
        self._accounts = {account: _Account() for account in self._accounts}


def _cancel(wire: Any, reqId: int) -> None:
    wire.cancelPnLSingle(reqId)
