"""Candles that TWS keeps up to date while somebody looks, as the operator's console does.

A contract and span has one request (reqHistoricalData with keepUpToDate), however many look. The request brings the
past and then each change, so a look costs TWS no message. It ends when nobody has looked for a while.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, NoReturn, Protocol

import ib_async
import structlog

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from bridge.tools.console.candles import Candle, Span
from bridge.tools.market.market_data import Bar
from ib_worker.market_data.history_kinds import usual_kind
from ib_worker.pacing.history_pacer import HistoryRequest
from ib_worker.tws.errors import ConnectionLost, TwsError, refusal
from ib_worker.tws.values import convert
from ib_worker.tws.values.codes import WARNINGS

WANTED_S = 60.0  # after the last look: an operator goes to another page and comes back
AGAIN_S = 60.0  # after a refusal
LOOK_S = 1.0  # between two comparisons of the requests with what is looked at
MOST = 8  # contracts and spans at once: each is a market-data line
KEPT = 600  # candles of each: more than a day of five minutes, or two years of days
AS_EPOCH = 2  # formatDate: instants as epoch seconds

log = structlog.get_logger("ib_worker.candles")


@dataclass(frozen=True)
class SpanTerms:
    """TWS's arguments for a span."""

    durationStr: str
    barSizeSetting: str
    bar_s: int
    useRTH: bool  # a day's candle is of the regular session


SPANS: dict[Span, SpanTerms] = {
    "day": SpanTerms("1 D", "5 mins", 300, False),
    "year": SpanTerms("1 Y", "1 day", 86_400, True),
}


class CandleRequests(Protocol):
    """The requests to TWS that this needs. They raise ToolError and ConnectionLost."""

    @property
    def wire(self) -> object | None: ...

    async def subscribe(self, send: Callable[[Any, int], None]) -> int: ...

    def unsubscribe(self, reqId: int, cancel: Callable[[Any, int], None]) -> None: ...


@dataclass(eq=False)
class CandleSeries:
    """One contract's candles of one span. Without a `reqId` TWS does not keep them up to date."""

    contract: ib_async.Contract
    span: Span
    looked_at: float
    reqId: int | None = None
    due: float = 0.0  # not asked for before, by the loop's clock
    problem: str = ""
    told: datetime | None = None  # when TWS told the last of it
    candles: dict[int, Candle] = field(default_factory=dict)
    settled: asyncio.Event = field(default_factory=asyncio.Event)  # candles or a problem have come

    @property
    def rows(self) -> list[Candle]:
        return [self.candles[at] for at in sorted(self.candles)]

    @property
    def whatToShow(self) -> str:  # noqa: N802  # TWS's own spelling
        return usual_kind(self.contract.secType)

    def take(self, candle: Candle | None) -> None:
        if candle is None:
            return
        self.candles[candle[0]] = candle
        while len(self.candles) > KEPT:
            del self.candles[min(self.candles)]


class LiveCandles:
    """The table of series. `require_line` raises ToolError line_limit where the account has no market-data line left;
    `history_turn` counts a historical request, or returns the seconds until there is room for it. `connection`: the
    present one, and how often it has lost IBKR: TWS may have forgotten the requests then."""

    def __init__(
        self,
        tws: CandleRequests,
        require_line: Callable[[], None],
        history_turn: Callable[[HistoryRequest], float],
        now: Callable[[], datetime],
        connection: Callable[[], tuple[object, int]],
    ) -> None:
        self._tws = tws
        self._require_line = require_line
        self._history_turn = history_turn
        self._now = now
        self._connection = connection
        self._of: tuple[object, int] = (None, 0)
        self._series: dict[tuple[int, Span], CandleSeries] = {}
        self._by_id: dict[int, CandleSeries] = {}
        self._looked = asyncio.Event()

    def __len__(self) -> int:
        """Return the number of market-data lines in use."""
        return len(self._by_id)

    def look(self, contract: ib_async.Contract, span: Span) -> CandleSeries:
        """Return what is known, and keep it up to date for a while more. The series that was looked at the longest ago
        gives its place to a new one."""
        now, key = asyncio.get_running_loop().time(), (contract.conId, span)
        found = self._series.get(key)
        if found is None:
            while len(self._series) >= MOST:
                self._end(min(self._series.values(), key=lambda each: each.looked_at))
            found = self._series[key] = CandleSeries(contract, span, now)
        found.looked_at = now
        self._looked.set()
        return found

    # what TWS tells

    def begun(self, reqId: int, texts: list[str]) -> bool:
        """Take the past (historicalData); return whether it answers one of these requests."""
        found = self._by_id.get(reqId)
        if found is None:
            return False
        with suppress(ValueError):  # bars that are none: the updates go on
            for bar in convert.bars(texts, UTC, found.contract.secType, "historicalData.price"):
                found.take(_candle(bar.date, bar))
        found.told = self._now()
        found.settled.set()
        return True

    def changed(self, reqId: int, values: dict[str, Any]) -> bool:
        """Take a candle in progress (historicalDataUpdate); return whether it is of one of these requests."""
        found = self._by_id.get(reqId)
        if found is not None:
            found.take(_candle(str(values["time"]), Bar(date="", **{k: v for k, v in values.items() if k != "time"})))
            found.told = self._now()
        return found is not None

    def refused(self, reqId: int, code: int, text: str) -> bool:
        """Take an error about a request; return whether it is about one of these."""
        found = self._by_id.get(reqId)
        if found is None:
            return False
        log.info("feed_error", contract=contract_name(found.contract), feed="candles", code=code, text=text)
        if code not in WARNINGS:
            del self._by_id[reqId]
            self._fail(found, refusal(code, text).message)
        return True

    # what is asked

    async def run(self) -> NoReturn:
        """For ever: keep what is looked at up to date."""
        while True:
            await self._looked.wait()
            with suppress(ConnectionLost, TwsError, ToolError):  # the session is about to say so
                await self._follow()
            if not self._series:
                self._looked.clear()
            await asyncio.sleep(LOOK_S)

    async def _follow(self) -> None:
        if self._tws.wire is None:
            return
        if self._of != (now := self._connection()):
            self._forget(same_wire=self._of[0] is now[0])
            self._of = now
        clock = asyncio.get_running_loop().time()
        for each in list(self._series.values()):
            if clock - each.looked_at > WANTED_S:
                self._end(each)
            elif each.reqId is None and each.due <= clock:
                await self._open(each)

    async def _open(self, series: CandleSeries) -> None:
        terms, contract = SPANS[series.span], series.contract
        asked = HistoryRequest((contract.conId, contract.exchange), series.whatToShow, series.span, terms.bar_s)
        try:
            self._require_line()
        except ToolError as full:
            self._fail(series, full.message)
            return
        if (wait_s := self._history_turn(asked)) > 0:
            series.due = asyncio.get_running_loop().time() + wait_s
            return
        period = ("", terms.durationStr, terms.barSizeSetting, series.whatToShow, terms.useRTH)
        reqId = await self._tws.subscribe(
            lambda wire, reqId: wire.reqHistoricalData(reqId, contract, *period, AS_EPOCH, True, [])
        )
        if self._series.get((contract.conId, series.span)) is series:
            series.reqId, series.problem = reqId, ""
            self._by_id[reqId] = series
        else:  # its place was taken meanwhile
            self._tws.unsubscribe(reqId, _cancel)

    def _fail(self, series: CandleSeries, problem: str) -> None:
        series.reqId, series.problem = None, problem
        series.due = asyncio.get_running_loop().time() + AGAIN_S
        series.settled.set()

    def _end(self, series: CandleSeries) -> None:
        del self._series[series.contract.conId, series.span]
        if series.reqId is not None and self._by_id.pop(series.reqId, None) is not None:
            self._tws.unsubscribe(series.reqId, _cancel)

    def _forget(self, *, same_wire: bool) -> None:
        """Another connection, or one that has lost IBKR: each series is asked for anew, and what it had is old."""
        for each in self._series.values():
            if same_wire and each.reqId is not None:
                self._tws.unsubscribe(each.reqId, _cancel)
            each.reqId, each.due = None, 0.0
        self._by_id.clear()


def _candle(at: str, bar: Bar) -> Candle | None:
    """Return the candle of a bar; None for one without prices."""
    if bar.open is None or bar.high is None or bar.low is None or bar.close is None:
        return None
    began = datetime.fromisoformat(at) if "T" in at else datetime.combine(date.fromisoformat(at), time(), UTC)
    return int(began.timestamp()), bar.open, bar.high, bar.low, bar.close, bar.volume


def _cancel(wire: Any, reqId: int) -> None:
    wire.cancelHistoricalData(reqId)
