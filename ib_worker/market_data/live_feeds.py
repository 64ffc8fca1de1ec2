"""Streams of every trade and of five-second bars: one request per contract and kind, however many read it, asked for
again after each connection."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ib_async
import msgspec
import structlog

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from ib_worker.pacing.message_pacer import MessagePacer, Priority
from ib_worker.publisher import Publisher
from ib_worker.tws.errors import ConnectionLost, refusal
from ib_worker.tws.values.codes import WARNINGS

BAR_S = 5  # the only size that TWS has
WITHOUT_TRADES = frozenset({"CASH", "CMDTY"})  # quoted alone: their bars and ticks are of the middle price
NOTHING = b"{}"

log = structlog.get_logger("ib_worker.market_data.live_feeds")


def _ask_bars(wire: Any, reqId: int, contract: ib_async.Contract) -> None:
    show = "MIDPOINT" if contract.secType in WITHOUT_TRADES else "TRADES"
    wire.reqRealTimeBars(reqId, contract, BAR_S, show, False, [])


def _ask_ticks(wire: Any, reqId: int, contract: ib_async.Contract) -> None:
    wire.reqTickByTickData(reqId, contract, "MidPoint" if contract.secType in WITHOUT_TRADES else "AllLast", 0, False)


ASKS: dict[str, Callable[[Any, int, ib_async.Contract], None]] = {"bars5s": _ask_bars, "ticks": _ask_ticks}
CANCELS: dict[str, Callable[[Any, int], None]] = {
    "bars5s": lambda wire, reqId: wire.cancelRealTimeBars(reqId),
    "ticks": lambda wire, reqId: wire.cancelTickByTickData(reqId),
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


class LiveFeeds:
    """The table of feeds, by stream. TWS counts each as a market-data line."""

    def __init__(self, pacer: MessagePacer, publisher: Publisher, require_line: Callable[[], None]) -> None:
        """`require_line` raises ToolError line_limit where the account has no line left."""
        self._pacer = pacer
        self._publisher = publisher
        self._require_line = require_line
        self._wire: Any = None
        self._feeds: dict[str, LiveFeed] = {}
        self._by_request: dict[int, LiveFeed] = {}
        self._to_cancel: list[tuple[str, int]] = []
        self._work = asyncio.Event()

    def __len__(self) -> int:
        """Lines that TWS may still count."""
        return sum(each.problem is None for each in self._feeds.values()) + len(self._to_cancel)

    def open(self, kind: str, contract: ib_async.Contract) -> LiveFeed:
        """Return the contract's feed, asked for if there is none. Raises ToolError line_limit."""
        stream = f"{kind}-{contract.conId}"
        found = self._feeds.get(stream)
        if found is not None and found.problem is not None:
            self._drop(found)  # what TWS refused before, it may give now
            found = None
        if found is None:
            self._require_line()
            found = self._feeds[stream] = LiveFeed(kind, contract, stream)
            self._work.set()
        self._publisher.open_stream(stream)
        return found

    def known(self, stream: str) -> LiveFeed | None:
        return self._feeds.get(stream)

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
        self._to_cancel.clear()
        for each in self._feeds.values():
            if each.reqId is not None:
                self._lose(each)

    def take(self, reqId: int, kind: str, values: dict[str, Any]) -> None:
        """Publish a bar or a tick."""
        found = self._by_request.get(reqId)
        if found is not None:
            found.settled.set()
            self._publisher.publish(found.stream, kind, msgspec.json.encode(values))

    def refused(self, reqId: int, code: int, text: str) -> bool:
        """An error or notice about a feed; whether it was about one."""
        found = self._by_request.get(reqId)
        if found is None:
            return False
        log.info("feed_error", contract=contract_name(found.contract), feed=found.kind, code=code, text=text)
        if code not in WARNINGS:
            del self._by_request[reqId]
            self._lose(found)
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
        return next((each for each in self._feeds.values() if each.reqId is None and each.problem is None), None)

    def _step(self) -> None:
        wire, missing = self._wire, self._missing()
        if wire is None:
            return
        try:
            if self._to_cancel:
                kind, reqId = self._to_cancel.pop(0)
                CANCELS[kind](wire, reqId)
            elif missing is not None:
                reqId = wire.getReqId()
                ASKS[missing.kind](wire, reqId, missing.contract)
                missing.reqId = reqId
                self._by_request[reqId] = missing
        except ConnectionLost:
            self._wire = None  # the session is about to say so

    def _drop(self, feed: LiveFeed) -> None:
        del self._feeds[feed.stream]
        self._publisher.close_stream(feed.stream)
        if feed.reqId is not None and self._by_request.pop(feed.reqId, None) is not None:
            self._to_cancel.append((feed.kind, feed.reqId))
            self._work.set()

    def _lose(self, feed: LiveFeed) -> None:
        """TWS has forgotten the feed: whoever reads is told that data are missing."""
        feed.reqId = None
        feed.settled.clear()
        self._publisher.publish(feed.stream, "gap", NOTHING)
