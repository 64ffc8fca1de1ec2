"""Market-data lines: one per contract however many streams listen, kept over reconnects, freed when nobody listens."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import ib_async
import structlog

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from ib_worker.market_data.quote import Computation, QuoteState
from ib_worker.market_data.quote_line import (
    TYPE_CHANGES,
    ChangedLines,
    LineBudget,
    LineTable,
    QuoteSubscription,
    ask_in_substitute_type,
    kept_from_quotes,
    not_requested,
)
from ib_worker.pacing.caller import current_caller
from ib_worker.pacing.message_pacer import MessagePacer, Priority
from ib_worker.publisher import Publisher
from ib_worker.tws.errors import COMPETING_SESSION, ConnectionLost, as_tool_error, refusal
from ib_worker.tws.values import convert
from ib_worker.tws.values.codes import REQUEST_ENDS, WARNINGS

KEPT_FOR_ORDERS = 50  # every fiftieth line is for the price of an order that is to be checked
BRIEF_S, LOOK_S = 10.0, 0.1  # how long a quote's line stays for the next caller, and how often it is looked at then

log = structlog.get_logger("ib_worker.market_data.subscriptions")


class QuoteSubscriptions:
    """The table of lines, by conId or an option's terms. `wire` is None while there is no connection."""

    def __init__(
        self, pacer: MessagePacer, publisher: Publisher, most: int, now: Callable[[], datetime], grace_s: float
    ) -> None:
        """`grace_s`: ticks that keep coming after an error of an unlisted code come within it, at least the first."""
        self._pacer = pacer
        self._publisher = publisher
        self.most = most
        self.ticks = 0  # that TWS has sent for a line, so far
        self._now = now
        self._grace_s = grace_s
        self._wire: Any = None
        self._lines = LineTable()
        self._by_request: dict[int, QuoteSubscription] = {}
        self._changed = ChangedLines(self._publish_changed, publisher.push_ticks)
        self._to_cancel: list[int] = []
        self._work = asyncio.Event()
        self.others: Callable[[], int] = lambda: 0  # lines of other kinds that TWS counts as well
        self.dataType = 3  # that requests of this connection are in, by TWS's number
        self.simulated = False  # the gateway's prices are made up
        self.competing = False  # another session of the same login has the market data
        self._held: set[int] = set()  # contracts whose lines stay although nobody listens
        self._budget = LineBudget(most, self._lines, self._held, self._drop, lambda: self.others())
        self.on_quote: Callable[[QuoteSubscription], None] = lambda line: None  # after each packet with a change

    def __len__(self) -> int:
        """Lines that TWS may still count."""
        return self._budget.open + len(self._to_cancel)

    async def open(self, contract: ib_async.Contract, lane: Priority = Priority.READS) -> QuoteSubscription:
        """The contract's line, asked for if there is none; the caller awaits `settled`. Raises ToolError line_limit,
        and paced where too much waits to be sent."""
        line = self._unless_refused(self.known_as(contract))
        made = line is None
        if line is None or not line.streamed:
            self._budget.require_share(current_caller(), lane)
        if line is None:
            line = self._made(contract, 0 if lane is Priority.ORDERS else self.most // KEPT_FOR_ORDERS)
        if not line.streamed:
            line.streamed, line.opener = True, current_caller()
        self._publisher.open_stream(line.stream)
        await self._asked_for_or_dropped(line, lane, made)
        return line

    async def open_briefly(self, contract: ib_async.Contract, brief_s: float = BRIEF_S) -> QuoteSubscription:
        """The contract's line for one quote. One that is made for it has no stream, and goes after `brief_s` or when
        another needs its place. Raises ToolError as `open` does."""
        line = self._unless_refused(self.known_as(contract))
        made = line is None
        if line is None:
            line = self._made(contract, kept_from_quotes(self.most))
        return await self._for_one_quote(line, made, brief_s)

    async def open_substitute(self, contract: ib_async.Contract, brief_s: float = BRIEF_S) -> QuoteSubscription:
        """A line of delayed or frozen prices for one quote, where the contract's own has none. Orders, streams and
        watches never see it. Raises ToolError as `open` does."""
        line = self._unless_refused(self.substitute(contract))
        made = line is None
        if line is None:
            line = self._made(contract, kept_from_quotes(self.most), substitute=True)
        return await self._for_one_quote(line, made, brief_s)

    def substitute(self, contract: ib_async.Contract) -> QuoteSubscription | None:
        return self._lines.substitute(contract)

    async def _for_one_quote(self, line: QuoteSubscription, made: bool, brief_s: float) -> QuoteSubscription:
        line.until = asyncio.get_running_loop().time() + brief_s
        if made:
            self._lapse(line)
        await self._asked_for_or_dropped(line, Priority.READS, made)
        return line

    def _unless_refused(self, line: QuoteSubscription | None) -> QuoteSubscription | None:
        """The line as it stands. One that TWS refused before goes: TWS may give it now."""
        if line is not None and line.problem is not None:
            self._drop(line)
            return None
        return line

    def _made(self, contract: ib_async.Contract, kept: int, *, substitute: bool = False) -> QuoteSubscription:
        """A new line, of which `kept` are left for more important use. Raises ToolError line_limit."""
        self._budget.require_room(kept)
        values = QuoteState(contract.symbol, contract.conId, self.simulated)
        stream = f"{'substitute' if substitute else 'quotes'}-{contract.conId}"
        line = QuoteSubscription(contract, stream, current_caller(), values, substitute=substitute)
        self._lines.add(line)
        return line

    def _lapse(self, line: QuoteSubscription) -> None:
        """Give a quote's line back when its time is over; a stream that took it over ends it otherwise."""
        if line not in self._lines or line.streamed:
            return
        loop = asyncio.get_running_loop()
        if line.until > loop.time() or line.readers or line.contract.conId in self._held:
            loop.call_at(max(line.until, loop.time() + LOOK_S), self._lapse, line)
        else:
            self._drop(line)

    async def _asked_for_or_dropped(self, line: QuoteSubscription, lane: Priority, made: bool) -> None:
        try:
            await self._asked_for(line, lane)
        except ToolError:
            if made:  # else somebody asks for it already
                self._drop(line)
                raise

    def known(self, conId: int) -> QuoteSubscription | None:
        """The contract's line if there is one; nothing is asked for."""
        return self._lines.get(conId)

    def known_as(self, contract: ib_async.Contract) -> QuoteSubscription | None:
        """The same for a contract. An option without its conId may use the line that was opened with one."""
        return self._lines.named(contract)

    def position(self, line: QuoteSubscription) -> tuple[str, int]:
        """The life and seq of the last tick that the line's values have."""
        return self._publisher.open_stream(line.stream)

    def require_line(self) -> None:
        """Raise ToolError line_limit where there is no line for another kind of subscription."""
        self._budget.require_share(current_caller(), Priority.READS)
        self._budget.require_room(self.most // KEPT_FOR_ORDERS)

    async def _asked_for(self, line: QuoteSubscription, lane: Priority) -> None:
        """Ask TWS for a line in its caller's turn; what a caller gives up, or can't be asked for now, `run` does."""
        try:
            while self._wire is not None and self._is_missing(line) and self._to_cancel and len(self) > self.most:
                await self._pacer.wait_turn(lane)  # the place of a quote's line that TWS still counts
                self._step()
            if self._wire is not None and self._is_missing(line) and not line.substitute:  # those go together
                await self._pacer.wait_turn(lane)
                self._step(line)
        finally:
            if self._is_missing(line):
                self._work.set()

    def abandoned(self, stream: str) -> None:
        """Nobody has listened for a while: give the line back to TWS, if the worker itself needs it no more."""
        for line in [each for each in self._lines if each.stream == stream]:
            if line.contract.conId not in self._held:
                line.streamed = False  # a quote may want it for some seconds more
                self._lapse(line)

    def hold(self, conId: int) -> None:
        """Keep the contract's line for the worker itself, however many listen."""
        self._held.add(conId)

    def let_go(self, conId: int) -> None:
        """End what `hold` began: the line goes when nobody listens."""
        self._held.discard(conId)
        if (line := self._lines.get(conId)) is not None:
            self._publisher.open_stream(line.stream)

    async def release(self) -> None:
        """Give every line back to TWS, and return when it is told."""
        for line in list(self._lines):
            self._drop(line)
        while self._wire is not None and self._to_cancel:
            await self._pacer.wait_turn(Priority.READS)
            self._step()

    def connected(self, wire: Any) -> None:
        """A connection stands, or its subscriptions are gone (1101): ask for every line anew."""
        self._wire = wire
        self._drop_substitutes()
        self._by_request.clear()
        self._to_cancel.clear()
        for line in self._lines:
            self._lose(line)
        self._work.set()

    def disconnected(self) -> None:
        self._wire = None
        self.competing = False
        self._drop_substitutes()
        self._by_request.clear()
        self._to_cancel.clear()
        for line in self._lines:
            self._lose(line)

    def _drop_substitutes(self) -> None:
        """They are for quotes of this moment: nobody listens."""
        for line in [each for each in self._lines if each.substitute]:
            self._drop(line)

    def price(self, reqId: int, tickType: int, price: float, size: float) -> None:
        line = self._by_request.get(reqId)
        if line is not None:
            self.ticks += 1
            self.competing = False
            line.price(tickType, price, size)
            self._changed.add(line)

    def size(self, reqId: int, tickType: int, size: float) -> None:
        line = self._by_request.get(reqId)
        if line is not None:
            self.ticks += 1
            line.size(tickType, size)
            self._changed.add(line)

    def generic(self, reqId: int, tickType: int, value: float) -> None:
        line = self._by_request.get(reqId)
        if line is not None:
            self.ticks += 1
            line.generic(tickType, value)
            self._changed.add(line)  # a halt may be all that a packet tells

    def computation(self, reqId: int, tickType: int, values: Computation) -> None:
        """An option's volatility and greeks, which nothing is published of."""
        line = self._by_request.get(reqId)
        if line is not None:
            line.computation(tickType, values)

    def market_data_type(self, reqId: int, number: int) -> None:
        line = self._by_request.get(reqId)
        if line is not None:
            line.values.marketDataType = convert.MARKET_DATA_TYPES.get(number)

    def refused(self, reqId: int, code: int, text: str) -> bool:
        """An error or notice about a line; whether it was about one."""
        line = self._by_request.get(reqId)
        if line is None:
            return False
        log.info("subscription_error", contract=contract_name(line.contract), code=code, text=text)
        self.competing = self.competing or code == COMPETING_SESSION
        if code in REQUEST_ENDS:
            del self._by_request[reqId]
            self._end(line, refusal(code, text))
        elif code not in WARNINGS:
            judge = partial(self._judge, line, reqId, line.ticks, code, text)
            asyncio.get_running_loop().call_later(self._grace_s, judge)
        return True

    def _judge(self, line: QuoteSubscription, reqId: int, ticks: int, code: int, text: str) -> None:
        """Decide about a line whose error has an unlisted code.

        A line that never had data ends. If its data have stopped, perhaps only since its market is quiet, the worker
        requests the line again, once for each code: TWS sends the prices again, or rejects the request.
        """
        if self._by_request.get(reqId) is not line or line.ticks > ticks:
            return
        if ticks == 0:
            del self._by_request[reqId]
            self._end(line, refusal(code, text))
        elif code not in line.renewed_for:
            line.renewed_for.add(code)
            del self._by_request[reqId]
            self._to_cancel.append(reqId)
            self._lose(line)
            self._work.set()

    def flush(self) -> None:
        """Publish what is left of the last packet's changes."""
        self._changed.flush()

    def _publish_changed(self, line: QuoteSubscription) -> None:
        if not line.substitute:
            self.on_quote(line)
        self._publish(line, "quote")

    async def run(self) -> None:
        """For ever: bring TWS's subscriptions in line with the table, one message at a time."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._wire is not None and self._has_work():
                await self._pacer.wait_turn(Priority.READS)
                substitutes = () if self._to_cancel else [each for each in self._missing() if each.substitute]
                if substitutes:
                    await self._ask_for(substitutes)
                else:
                    self._step()

    async def _ask_for(self, substitutes: Sequence[QuoteSubscription]) -> None:
        """Request lines of delayed or frozen prices, all in one write. The caller has waited for one turn."""
        for _ in range(len(substitutes) + TYPE_CHANGES - 1):
            await self._pacer.wait_turn(Priority.READS)
        asked, wire = [each for each in substitutes if self._is_missing(each)], self._wire
        if wire is None or not asked:
            return
        try:
            ask_in_substitute_type(wire, self.dataType, [partial(self._request, wire, each) for each in asked])
        except ConnectionLost:
            self._wire = None  # the session is about to say so
        except Exception as problem:  # nothing was sent
            log.exception("subscription_failed", contract=contract_name(asked[0].contract))
            for each in asked:
                self._by_request.pop(each.reqId or 0, None)
                self._end(each, as_tool_error(problem) or not_requested(each.contract))

    def _has_work(self) -> bool:
        return bool(self._to_cancel) or any(True for _ in self._missing())

    def _missing(self) -> Iterator[QuoteSubscription]:
        return (each for each in list(self._lines) if self._is_missing(each))

    def _is_missing(self, line: QuoteSubscription) -> bool:
        return line.reqId is None and line.problem is None and line in self._lines  # the table's look-up takes longest

    def _step(self, wanted: QuoteSubscription | None = None) -> None:
        """Send one message: for the line that is wanted first, else a cancel, else any line that is missing."""
        wire, missing = self._wire, wanted
        if wire is None:
            return
        try:
            if self._to_cancel and wanted is None:
                wire.cancelMktData(self._to_cancel.pop(0))
                return
            missing = wanted or next((each for each in self._missing() if not each.substitute), None)
            if missing is not None and self._is_missing(missing):
                self._request(wire, missing)
        except ConnectionLost:
            self._wire = None  # the session is about to say so
        except Exception as problem:  # a line that can't be asked for must not end the others
            if missing is None:
                raise
            log.exception("subscription_failed", contract=contract_name(missing.contract))
            self._end(missing, as_tool_error(problem) or not_requested(missing.contract))

    def _end(self, line: QuoteSubscription, problem: ToolError) -> None:
        """There will be no data: whoever waits or listens is told."""
        line.problem = problem
        self._forget_values(line)
        line.settled.set()
        self._publish(line, "gap")

    def _request(self, wire: Any, line: QuoteSubscription) -> None:
        reqId: int = wire.getReqId()
        wire.reqMktData(reqId, line.contract, line.generic_ticks, False, False, [])
        line.reqId = reqId
        self._by_request[reqId] = line

    def _drop(self, line: QuoteSubscription) -> None:
        self._lines.remove(line)
        self._changed.discard(line)
        self._publisher.close_stream(line.stream)
        if line.reqId is not None and self._by_request.pop(line.reqId, None) is not None and line.problem is None:
            self._to_cancel.append(line.reqId)
            self._work.set()

    def _lose(self, line: QuoteSubscription) -> None:
        """TWS has forgotten the line: whoever listens is told that nothing is known now."""
        if line.reqId is not None:
            self._forget_values(line)
            self._publish(line, "gap")

    def _forget_values(self, line: QuoteSubscription) -> None:
        line.forget(QuoteState(line.contract.symbol, line.contract.conId, self.simulated))
        self._changed.discard(line)

    def tell(self, line: QuoteSubscription) -> None:
        """Publish the values as they stand, for who begins to listen while the line is quiet."""
        if line.values.priced:
            self._publish(line, "quote")

    def _publish(self, line: QuoteSubscription, kind: str) -> None:
        """A quote, or a `gap`: the same shape with every value null."""
        if not line.streamed:
            line.values.skip(self._now())
        else:
            self._publisher.publish(line.stream, kind, line.values.encoded(self._now()))
