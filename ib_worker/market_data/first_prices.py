"""The wait for the first prices of many contracts in one call, each from its own market-data line."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import ib_async

from bridge.tool import ToolError
from ib_worker.market_data.quote_line import QuoteSubscription, kept_from_quotes, lacks_prices
from ib_worker.market_data.subscriptions import QuoteSubscriptions
from ib_worker.tws.client import TwsClient

SHARE = 2  # one call opens at most every second of the lines that quotes may use; the rest follows as they end
PRICE_S = 2.0  # for the first prices of all contracts together, from the first line on
LATER_S = 1.0  # for the price of a contract whose line was opened at the end of that time
COMPLETE_S = 0.15  # TWS sends a contract's first prices one after another, within a moment


class FirstPrices:
    """The lines that one call may have open at once, and the time that it waits for their first prices."""

    def __init__(self, quotes: QuoteSubscriptions, tws: TwsClient, usual: str, *, greeks: bool = False) -> None:
        """`usual`: MARKET_DATA_TYPE. `greeks`: wait for an option's greeks too, which may come without a price."""
        self._quotes = quotes
        self._tws = tws
        self._usual = usual
        self._greeks = greeks
        self._places = asyncio.Semaphore(max((quotes.most - kept_from_quotes(quotes.most)) // SHARE, 1))
        self._until: float | None = None

    async def line(self, contract: ib_async.Contract) -> QuoteSubscription:
        """Return the contract's line with its first prices, or one of delayed or frozen prices where it has none and
        those come; else the line as it is after the wait. Raises ToolError line_limit, and ConnectionLost."""
        line, substitute = self._quotes.known_as(contract), self._quotes.substitute(contract)
        if line is not None and self._has_prices(line) and not lacks_prices(line, self._usual):
            return await self._quotes.open_briefly(contract)
        if substitute is not None and self._has_prices(substitute):
            return await self._quotes.open_substitute(contract)
        async with self._places:
            line = await self._quotes.open_briefly(contract)
            await self._wait(line)
            return await self._substitute(line) if lacks_prices(line, self._usual) else line

    async def _substitute(self, line: QuoteSubscription) -> QuoteSubscription:
        """Return a line of delayed or frozen prices; the line itself where none come, or no line is left for them."""
        try:
            substitute = await self._quotes.open_substitute(line.contract)
        except ToolError:
            return line
        await self._wait(substitute)
        return substitute if substitute.values.priced else line

    def _has_prices(self, line: QuoteSubscription) -> bool:
        if line.problem is not None or not self._greeks:
            return line.problem is None and line.values.priced
        computed = not line.is_option or line.uncomputed or line.computed.is_set()
        return computed and (line.values.priced or line.values.greeks is not None)

    async def _wait(self, line: QuoteSubscription) -> None:
        """Wait until the line has its first prices or a problem, or the time is over."""
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + PRICE_S
        with _reading(line):
            await self._first(line, max(self._until, loop.time() + LATER_S))

    async def _first(self, line: QuoteSubscription, until: float) -> None:
        if line.quiet or (line.settled.is_set() and not self._greeks):
            return
        first = (line.settled, line.computed) if self._greeks else (line.settled,)
        if not await self._came(until, *first):  # outside trading hours there may be no price at all
            line.quiet = True
        if line.quiet or line.problem is not None:
            return
        if self._greeks and line.is_option and not line.uncomputed and not await self._came(until, line.computed):
            line.uncomputed = True
        if line.settled.is_set() if self._greeks else line.values.priced:
            await self._came(asyncio.get_running_loop().time() + COMPLETE_S, line.whole)

    async def _came(self, until: float, *events: asyncio.Event) -> bool:
        """Wait for the first of some events; return whether one came in time. Raises ConnectionLost."""
        if any(each.is_set() for each in events):
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._tws.while_connected(_first_of(events))
        return any(each.is_set() for each in events)


async def _first_of(events: Sequence[asyncio.Event]) -> None:
    waits = [asyncio.create_task(each.wait()) for each in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()


@contextmanager
def _reading(line: QuoteSubscription) -> Iterator[None]:
    """Keep the line while its prices are awaited."""
    line.readers += 1
    try:
        yield
    finally:
        line.readers -= 1
