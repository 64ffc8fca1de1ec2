"""Watched figures that TWS is asked for again and again: profits and account values. Requests are few and in turn."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import structlog

from bridge.bus.events.event import SessionEvent
from bridge.tools.account import AccountSummaryValue, GetAccountSummary, GetPnlSingle, PnLSingle
from bridge.tools.events import WaitCondition
from ib_worker.session.session import Session
from ib_worker.tws.errors import as_tool_error
from ib_worker.watches.levels import decide
from ib_worker.watches.table import conditions

FIGURES = frozenset({"daily_pnl", "position_pnl", "account_value"})
EVERY_S = 2.0  # each figure once, and one request after the other: TWS computes a PnL once a second
SUMMARY_EVERY_S = 10.0  # TWS refreshes a standing subscription every three minutes, and computes anew when asked

log = structlog.get_logger("ib_worker.alerts.figures")

Source = tuple[str, str | None, int | None, str | None]  # the event, account, conId, symbol


@dataclass(frozen=True)
class FigureSources:
    """The requests that answer with the figures."""

    profit: Callable[[GetPnlSingle, Session], Awaitable[PnLSingle]]
    summary: Callable[[GetAccountSummary, Session], Awaitable[Sequence[AccountSummaryValue]]]


@dataclass(frozen=True)
class Figure:
    """One figure as it was told."""

    account: str
    value: float
    about: dict[str, float | str | None]
    conId: int | None = None
    symbol: str = ""


class FigureWatch:
    """Asks for each figure that is watched, once for all its watches."""

    def __init__(self, session: Session, sources: FigureSources) -> None:
        self._session = session
        self._table = session.services.watches
        self._sources = sources
        self._summary_at = float("-inf")

    async def run(self) -> NoReturn:
        """For ever, while the session is ready: ask, and decide."""
        while True:
            await self._session.until_ready()
            for source, watching in self._wanted().items():
                try:
                    await self._look(source, watching)
                except Exception as problem:
                    told = as_tool_error(problem)
                    if told is None:
                        raise
                    log.info("figure_not_told", figure=source[0], error=told.message)
            await asyncio.sleep(EVERY_S)

    def _wanted(self) -> dict[Source, list[tuple[str, int, WaitCondition]]]:
        clock = asyncio.get_running_loop().time()
        summary = clock - self._summary_at >= SUMMARY_EVERY_S
        found: dict[Source, list[tuple[str, int, WaitCondition]]] = {}
        for watch in self._table.all():
            for number, each in enumerate(conditions(watch)):
                if each.event in FIGURES and (summary or each.event != "account_value"):
                    source = _source(each)
                    found.setdefault(source, []).append((watch.id, number, each))
        if any(source[0] == "account_value" for source in found):
            self._summary_at = clock
        return found

    async def _look(self, source: Source, watching: Sequence[tuple[str, int, WaitCondition]]) -> None:
        rows = await self._summary() if source[0] == "account_value" else ()
        profit = None if source[0] == "account_value" else await self._profit(source)
        for id, number, condition in watching:
            figure = _value(rows, condition) if profit is None else profit
            watch = self._table.get(id)
            if watch is None or figure is None:
                continue
            fires, mark = decide(condition, watch.marks[number], figure.value)
            if fires:
                self._table.fire(id, number, mark, self._told(figure))
            else:
                self._table.note(id, number, mark)

    async def _summary(self) -> Sequence[AccountSummaryValue]:
        return await self._sources.summary(GetAccountSummary(), self._session)

    async def _profit(self, source: Source) -> Figure | None:
        event, account, conId, symbol = source
        if event == "position_pnl":
            told = await self._sources.profit(GetPnlSingle(account=account, conId=conId, symbol=symbol), self._session)
            value = told.unrealizedPnL
        else:
            told = await self._sources.profit(GetPnlSingle(account=account), self._session)
            value = told.dailyPnL
        about = {name: getattr(told, name) for name in ("dailyPnL", "unrealizedPnL", "realizedPnL", "position")}
        known = {name: figure for name, figure in about.items() if figure is not None}
        return None if value is None else Figure(told.account, value, known, told.conId, told.name or told.symbol or "")

    def _told(self, figure: Figure) -> SessionEvent:
        at = self._session.now().isoformat(timespec="milliseconds")
        return SessionEvent(
            "alert", at, account=figure.account, conId=figure.conId, symbol=figure.symbol, details=dict(figure.about)
        )


def _source(condition: WaitCondition) -> Source:
    if condition.event == "account_value":
        return (condition.event, None, None, None)  # one answer has all
    return (condition.event, condition.account, condition.conId, condition.symbol)


def _value(rows: Sequence[AccountSummaryValue], condition: WaitCondition) -> Figure | None:
    """Return the account's value of that tag, in the currency that is named, else the first that TWS tells."""
    for each in rows:
        named = condition.currency in (None, each.currency)
        if each.tag == condition.tag and each.account == condition.account and named and isinstance(each.value, float):
            about: dict[str, float | str | None] = {"tag": each.tag, "value": each.value, "currency": each.currency}
            return Figure(each.account, each.value, about)
    return None
