"""Watched figures that TWS is asked for again and again: profits and account values. Requests are few and in turn."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import structlog

from bridge.bus.events.event import SessionEvent
from bridge.bus.events.watches import Watch
from bridge.tools.account import AccountSummaryValue, GetAccountSummary, GetPnlSingle, PnLSingle
from bridge.tools.events import WaitCondition
from ib_worker.session.session import Session
from ib_worker.tws.errors import as_tool_error
from ib_worker.watches.levels import decide
from ib_worker.watches.table import Figures, conditions

FIGURES = frozenset({"daily_pnl", "position_pnl", "account_value"})
EVERY_S = 2.0  # each figure once, and one request after the other: TWS computes a PnL once a second
FIRST_S = 3.0  # for the figure of a new alert
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
        self._table.first_figures = self._first

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
            self._forget_gone()
            await asyncio.sleep(EVERY_S)

    async def _first(self, watch: Watch) -> Figures:
        """Return the figures of a new watch, for what is said of it. One that TWS does not tell now is left out."""
        found: Figures = {}

        async def learn(number: int, condition: WaitCondition) -> None:
            try:
                async with asyncio.timeout(FIRST_S):
                    (figure,) = await _read(self._session, self._sources, _source(condition), [condition])
            except Exception as problem:
                if as_tool_error(problem) is None:
                    raise
            else:
                if figure is not None:
                    found[watch.id, number] = figure.value

        watched = [(number, each) for number, each in enumerate(conditions(watch)) if each.event in FIGURES]
        await asyncio.gather(*(learn(*each) for each in watched))
        return found

    def _forget_gone(self) -> None:
        for id, number in [each for each in self._table.figures if self._table.get(each[0]) is None]:
            del self._table.figures[id, number]

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
        figures = await _read(self._session, self._sources, source, [each for *_, each in watching])
        for (id, number, condition), figure in zip(watching, figures, strict=True):
            watch = self._table.get(id)
            if watch is None or figure is None:
                continue
            self._table.figures[id, number] = figure.value
            fires, mark = decide(condition, watch.marks[number], figure.value)
            if fires:
                self._table.fire(id, number, mark, self._told(figure))
            else:
                self._table.note(id, number, mark)

    def _told(self, figure: Figure) -> SessionEvent:
        at = self._session.now().isoformat(timespec="milliseconds")
        return SessionEvent(
            "alert", at, account=figure.account, conId=figure.conId, symbol=figure.symbol, details=dict(figure.about)
        )


async def _read(
    session: Session, sources: FigureSources, source: Source, watched: Sequence[WaitCondition]
) -> list[Figure | None]:
    """Return the figure of each condition of one source."""
    if source[0] == "account_value":
        rows = await sources.summary(GetAccountSummary(), session)
        return [_value(rows, each) for each in watched]
    return [await _profit(session, sources, source)] * len(watched)


async def _profit(session: Session, sources: FigureSources, source: Source) -> Figure | None:
    event, account, conId, symbol = source
    if event == "position_pnl":
        told = await sources.profit(GetPnlSingle(account=account, conId=conId, symbol=symbol), session)
        value = told.unrealizedPnL
    else:
        told = await sources.profit(GetPnlSingle(account=account), session)
        value = told.dailyPnL
    about = {name: getattr(told, name) for name in ("dailyPnL", "unrealizedPnL", "realizedPnL", "position")}
    known = {name: figure for name, figure in about.items() if figure is not None}
    return None if value is None else Figure(told.account, value, known, told.conId, told.name or told.symbol or "")


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
