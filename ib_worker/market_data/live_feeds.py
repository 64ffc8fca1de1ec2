"""Streams of every trade, of bars, of order books and of headlines: one request per contract and kind, however many
read it, asked for again after each connection."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import ib_async
import msgspec
import structlog

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from ib_worker.market_data.depth_book import DEEPEST, BookChange, DepthBook
from ib_worker.pacing.history_pacer import HistoryRequest
from ib_worker.pacing.message_pacer import MessagePacer, Priority
from ib_worker.pacing.subscription_places import SubscriptionPlaces
from ib_worker.publisher import Publisher
from ib_worker.tws.errors import ConnectionLost, refusal
from ib_worker.tws.values.codes import BOOK_RESET, WARNINGS
from ib_worker.tws.values.convert import SMART

BAR_S = 5  # the only size that TWS has
WITHOUT_TRADES = frozenset({"CASH", "CMDTY"})  # quoted alone: their bars and ticks are of the middle price
DEPTH, DEPTH_LEVELS = "depth", 5  # levels of each side in an entry
BARS, AS_EPOCH = "bars", 2  # historical bars that TWS keeps up to date, their times in seconds
# By the unit of a bar: the shortest history that TWS takes with it. The stream has none of it.
DURATIONS = {
    "secs": "1800 S", "min": "3600 S", "mins": "3600 S", "hour": "1 D", "hours": "1 D", "day": "2 D",
}  # fmt: skip
HEADLINES_ALONE = "mdoff,292"  # generic ticks: no market data, and the headlines of every provider
NOTHING = b"{}"

log = structlog.get_logger("ib_worker.market_data.live_feeds")


def _ask_bars(wire: Any, reqId: int, contract: ib_async.Contract) -> None:
    wire.reqRealTimeBars(reqId, contract, BAR_S, shown(contract), False, [])


def _ask_ticks(wire: Any, reqId: int, contract: ib_async.Contract) -> None:
    wire.reqTickByTickData(reqId, contract, "MidPoint" if contract.secType in WITHOUT_TRADES else "AllLast", 0, False)


def _ask_depth(wire: Any, reqId: int, contract: ib_async.Contract) -> None:
    wire.reqMktDepth(reqId, contract, DEEPEST, contract.exchange == SMART, [])


def _ask_news(wire: Any, reqId: int, contract: ib_async.Contract) -> None:
    wire.reqMktData(reqId, contract, HEADLINES_ALONE, False, False, [])


def _ask_live_bars(wire: Any, reqId: int, contract: ib_async.Contract, size: str) -> None:
    show = shown(contract)
    wire.reqHistoricalData(reqId, contract, "", DURATIONS[size.split()[1]], size, show, False, AS_EPOCH, True, [])


def shown(contract: ib_async.Contract) -> str:
    return "MIDPOINT" if contract.secType in WITHOUT_TRADES else "TRADES"


Send = Callable[[Any, int, ib_async.Contract], None]
ASKS: dict[str, Send] = {"bars5s": _ask_bars, "ticks": _ask_ticks, DEPTH: _ask_depth, "news": _ask_news}
CANCELS: dict[str, Send] = {
    "bars5s": lambda wire, reqId, _: wire.cancelRealTimeBars(reqId),
    "ticks": lambda wire, reqId, _: wire.cancelTickByTickData(reqId),
    DEPTH: lambda wire, reqId, contract: wire.cancelMktDepth(reqId, contract.exchange == SMART),
    BARS: lambda wire, reqId, _: wire.cancelHistoricalData(reqId),
    "news": lambda wire, reqId, _: wire.cancelMktData(reqId),
}


@dataclass(eq=False)
class LiveFeed:
    """One contract's feed of one kind. Without a `reqId` it is not, or not any more, TWS's."""

    kind: str
    contract: ib_async.Contract
    stream: str
    reqId: int | None = None
    problem: ToolError | None = None  # why TWS gives no data
    settled: asyncio.Event = field(default_factory=asyncio.Event)  # data or a problem has come
    book: DepthBook = field(default_factory=DepthBook)  # of depth
    due: float = 0.0  # when it may be asked for, by the loop's clock
    barSize: str = ""  # of bars
    bar: dict[str, Any] | None = None  # the one that is in progress
    published: bool = False  # the book as its first packet left it
    placed: bool = False  # it holds one of the places of depth


class LiveFeeds:
    """The table of feeds, by stream. TWS counts each as a market-data line, and books by themselves."""

    def __init__(
        self,
        pacer: MessagePacer,
        publisher: Publisher,
        require_line: Callable[[], None],
        books: SubscriptionPlaces,
        now: Callable[[], datetime],
        history_turn: Callable[[HistoryRequest], float],
    ) -> None:
        """`require_line` raises ToolError line_limit where the account has no line left. `history_turn` counts a
        historical request, or returns the seconds until there is room for it."""
        self._history_turn = history_turn
        self._pacer = pacer
        self._publisher = publisher
        self._require_line = require_line
        self._books = books
        self._now = now
        self._changed: dict[LiveFeed, None] = {}  # whose books the last packet has changed
        self._wire: Any = None
        self._feeds: dict[str, LiveFeed] = {}
        self._by_request: dict[int, LiveFeed] = {}
        self._to_cancel: list[tuple[LiveFeed, int]] = []
        self._work = asyncio.Event()

    def __len__(self) -> int:
        """Lines that TWS may still count."""
        open_ = sum(each.problem is None and each.kind != DEPTH for each in self._feeds.values())
        return open_ + sum(each.kind != DEPTH for each, _ in self._to_cancel)

    def open(self, kind: str, contract: ib_async.Contract, barSize: str = "1 min") -> LiveFeed:
        """Return the contract's feed, asked for if there is none. Raises ToolError line_limit."""
        size = barSize if kind == BARS else ""
        stream = _stream(kind, contract, size)
        found = self._feeds.get(stream)
        if found is not None and found.problem is not None:
            self._drop(found)  # what TWS refused before, it may give now
            found = None
        if found is None:
            found = LiveFeed(kind, contract, stream, barSize=size)
            self._take_place(found)
            self._feeds[stream] = found
            self._work.set()
        self._publisher.open_stream(stream)
        return found

    def _take_place(self, feed: LiveFeed) -> None:
        if feed.kind != DEPTH:
            self._require_line()
            return
        self._books.take_now()
        feed.placed = True

    def _give_place_back(self, feed: LiveFeed) -> None:
        if feed.placed:
            feed.placed = False
            self._books.give_back()

    def known(self, stream: str) -> LiveFeed | None:
        return self._feeds.get(stream)

    def book(self, contract: ib_async.Contract) -> DepthBook | None:
        """Return the book that a stream keeps, if TWS has sent one."""
        found = self._feeds.get(_stream(DEPTH, contract))
        return found.book if found is not None and found.published and found.book.rows(1) else None

    def abandoned(self, stream: str) -> None:
        """Nobody has listened for a while: give the feed back to TWS."""
        found = self._feeds.get(stream)
        if found is not None:
            self._drop(found)

    def connected(self, wire: Any) -> None:
        """A connection stands, or its subscriptions are gone (1101): ask for every feed anew."""
        self.disconnected()
        self._wire = wire
        self._work.set()

    def disconnected(self) -> None:
        self._wire = None
        self._by_request.clear()
        for each, _ in self._to_cancel:
            self._give_place_back(each)
        self._to_cancel.clear()
        self._changed.clear()
        for each in self._feeds.values():
            if each.reqId is not None:
                self._lose(each)

    def take(self, reqId: int, kind: str, values: dict[str, Any]) -> None:
        """Publish a bar or a tick."""
        found = self._by_request.get(reqId)
        if found is not None:
            found.settled.set()
            self._publisher.publish(found.stream, kind, msgspec.json.encode(values))

    def begun(self, reqId: int) -> bool:
        """The history before live bars came, which nobody reads; whether it was about a feed."""
        found = self._by_request.get(reqId)
        if found is not None:
            found.settled.set()
        return found is not None

    def bar_changed(self, reqId: int, values: dict[str, Any]) -> None:
        """Take the bar in progress. The one before it has ended, and is published."""
        found = self._by_request.get(reqId)
        if found is None:
            return
        found.settled.set()
        ended, found.bar = found.bar, values
        if ended is not None and ended["time"] != values["time"]:
            self._publisher.publish(found.stream, "bar", msgspec.json.encode(ended))

    def change(self, reqId: int, change: BookChange) -> bool:
        """Apply a change to a feed's book; whether it was about one."""
        found = self._by_request.get(reqId)
        if found is None:
            return False
        found.settled.set()
        found.book.take(change)
        self._changed[found] = None
        return True

    def flush(self) -> None:
        """Publish the books that the last packet has changed."""
        changed, self._changed = self._changed, {}
        for each in changed:
            each.published = True
            values = {"time": self._now().isoformat(), "book": each.book.sides(DEPTH_LEVELS)}
            self._publisher.publish(each.stream, "book", msgspec.json.encode(values))

    def refused(self, reqId: int, code: int, text: str) -> bool:
        """An error or notice about a feed; whether it was about one."""
        found = self._by_request.get(reqId)
        if found is None:
            return False
        log.info("feed_error", contract=contract_name(found.contract), feed=found.kind, code=code, text=text)
        if code == BOOK_RESET:
            found.book, found.published = DepthBook(), False
        elif code not in WARNINGS:
            del self._by_request[reqId]
            self._lose(found)
            self._give_place_back(found)
            found.problem = refusal(code, text)
            found.settled.set()
        return True

    async def run(self) -> None:
        """For ever: bring TWS's subscriptions in line with the table, one message at a time."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._wire is not None and (self._to_cancel or self._missing() is not None):
                await self._pacer.wait_turn(Priority.READS)
                self._step()

    def _missing(self) -> LiveFeed | None:
        now = asyncio.get_running_loop().time()
        return next(
            (each for each in self._feeds.values() if each.reqId is None and each.problem is None and each.due <= now),
            None,
        )

    def _may_ask(self, feed: LiveFeed) -> bool:
        """Return whether the feed's request may be sent now; live bars count as a historical request."""
        if feed.kind != BARS:
            return True
        series = (feed.contract.conId, feed.contract.exchange)
        wait_s = self._history_turn(HistoryRequest(series, shown(feed.contract), (BARS, feed.barSize), 1))
        if wait_s > 0:
            loop = asyncio.get_running_loop()
            feed.due = loop.time() + wait_s
            loop.call_at(feed.due, self._work.set)
        return wait_s <= 0

    def _ask(self, wire: Any, reqId: int, feed: LiveFeed) -> None:
        if feed.kind == BARS:
            _ask_live_bars(wire, reqId, feed.contract, feed.barSize)
        else:
            ASKS[feed.kind](wire, reqId, feed.contract)

    def _step(self) -> None:
        wire, missing = self._wire, self._missing()
        if wire is None:
            return
        try:
            if self._to_cancel:
                ended, reqId = self._to_cancel.pop(0)
                self._give_place_back(ended)
                CANCELS[ended.kind](wire, reqId, ended.contract)
            elif missing is not None and self._may_ask(missing):
                reqId = wire.getReqId()
                self._ask(wire, reqId, missing)
                missing.reqId = reqId
                self._by_request[reqId] = missing
        except ConnectionLost:
            self._wire = None  # the session is about to say so

    def _drop(self, feed: LiveFeed) -> None:
        del self._feeds[feed.stream]
        self._publisher.close_stream(feed.stream)
        self._changed.pop(feed, None)
        if feed.reqId is not None and self._by_request.pop(feed.reqId, None) is not None:
            self._to_cancel.append((feed, feed.reqId))
            self._work.set()
        else:
            self._give_place_back(feed)

    def _lose(self, feed: LiveFeed) -> None:
        """TWS has forgotten the feed: whoever reads is told that data are missing."""
        feed.reqId = None
        feed.book, feed.bar, feed.published = DepthBook(), None, False
        self._changed.pop(feed, None)
        feed.settled.clear()
        self._publisher.publish(feed.stream, "gap", NOTHING)


def _stream(kind: str, contract: ib_async.Contract, size: str = "") -> str:
    """Return the stream's name; each exchange has a book of its own."""
    exchange = contract.exchange if kind == DEPTH else ""
    return "-".join(filter(None, (kind, str(contract.conId), exchange, size.replace(" ", ""))))
