"""The handler of quotes: many contracts at once, each from its market-data line."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import ib_async

from bridge.tool import ToolError
from bridge.tools.market.quotes import GetQuotes, QuotedContract, QuoteFailure, QuoteTable
from ib_worker.handlers.dispatch import handles
from ib_worker.market_data.contracts import routed
from ib_worker.market_data.quote_line import QuoteSubscription, kept_from_quotes, lacks_prices
from ib_worker.market_data.quote_table import Row, failure, quote_row, table
from ib_worker.session.session import Session
from ib_worker.tws.errors import ConnectionLost, as_tool_error

SHARE = 2  # one call opens at most every second of the lines that quotes may use; the rest follows as they end
ENTRY_S = 12.0  # for one contract, its look-up included: below the call's own deadline
PRICE_S = 2.0  # for the first prices of all contracts together, from the first request on
LATER_S = 1.0  # for the price of a contract whose line was opened at the end of that time
WHOLE_S = 0.15  # TWS sends a contract's first prices one after another, within a moment


@handles(GetQuotes)
async def get_quotes(request: GetQuotes, session: Session) -> QuoteTable:
    window = _Window(session)
    entries = enumerate(request.contracts)
    outcomes = await asyncio.gather(*(_entry(session, window, *each) for each in entries), return_exceptions=True)
    for each in outcomes:
        if isinstance(each, BaseException):  # of the session, not of one contract
            raise each
    session.require_ready()  # a session that broke since then has no quotes to tell
    rows = [each for each in outcomes if isinstance(each, dict)]
    failed = [each for each in outcomes if isinstance(each, QuoteFailure)]
    return table(rows, failed, session.now(), simulated=session.simulated)


class _Window:
    """The lines that one call may have open at once, and the time that it waits for prices."""

    def __init__(self, session: Session) -> None:
        most = session.settings.market_data_lines
        self.places = asyncio.Semaphore(max((most - kept_from_quotes(most)) // SHARE, 1))
        self._session = session
        self._until: float | None = None

    async def first_price(self, line: QuoteSubscription) -> None:
        """Wait until the line has a price or a problem, or the time is over."""
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + PRICE_S
        if line.quiet or line.settled.is_set():
            return
        try:
            async with asyncio.timeout_at(max(self._until, loop.time() + LATER_S)):
                await self._session.tws.while_connected(line.settled.wait())
        except TimeoutError:  # outside trading hours there may be no price at all
            line.quiet = True
        if line.values.priced and not line.whole.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(WHOLE_S):
                    await self._session.tws.while_connected(line.whole.wait())


async def _entry(session: Session, window: _Window, entry: int, asked: QuotedContract) -> Row | QuoteFailure:
    """Return the contract's row, or why it has none. Raises what concerns the whole call."""
    try:
        async with asyncio.timeout(ENTRY_S):
            return await _row(session, window, asked)
    except ConnectionLost:
        raise
    except Exception as problem:
        error = as_tool_error(problem)
        if error is None:
            raise
        return failure(entry, asked, error)


async def _row(session: Session, window: _Window, asked: QuotedContract) -> Row:
    contract = await _contract(session, asked)
    quotes = session.quotes
    line, substitute = quotes.known(contract.conId), quotes.substitute(contract)
    if line is not None and line.values.priced and not lacks_prices(line, session.settings.market_data_type):
        return _told(session, contract, await quotes.open_briefly(contract))
    if substitute is not None and substitute.values.priced:
        return _told(session, contract, await quotes.open_substitute(contract))
    async with window.places:
        line = await quotes.open_briefly(contract)
        with _reading(line):
            await window.first_price(line)
        if lacks_prices(line, session.settings.market_data_type):
            line = await _substitute(session, window, line)
        return _told(session, contract, line)


async def _contract(session: Session, asked: QuotedContract) -> ib_async.Contract:
    """Return the contract. A symbol alone that is no stock's means the index of that symbol, or its future that expires
    next: the row's name says so."""
    try:
        return await session.contracts.contract(asked)
    except ToolError as unknown:
        secType = unknown.details.get("secType")
        if asked.model_fields_set != {"symbol"} or unknown.details.keys() != {"twsCode", "secType"}:
            raise
        if secType not in ("IND", "FUT"):
            raise
        named = asked.model_copy(update={"secType": secType})
        found = [routed(each, named) for each in await session.contracts.details(named) if each.contract]
        nearest = _next_of_family(found, f"{session.now():%Y%m%d}" if secType == "FUT" else "")
        if nearest is None:
            raise
        return nearest


def _next_of_family(found: list[ib_async.Contract], today: str) -> ib_async.Contract | None:
    """Return the contract that expires next; None where the contracts are of more than one product."""
    products = {(each.exchange, each.currency, each.multiplier) for each in found}
    left = [each for each in found if each.lastTradeDateOrContractMonth[:8] >= today]
    return min(left, key=lambda each: each.lastTradeDateOrContractMonth) if len(products) == 1 and left else None


async def _substitute(session: Session, window: _Window, line: QuoteSubscription) -> QuoteSubscription:
    """Return a line of delayed or frozen prices; the line itself where TWS sends none, or none is left to ask with."""
    try:
        substitute = await session.quotes.open_substitute(line.contract)
    except ToolError:
        return line
    with _reading(substitute):
        await window.first_price(substitute)
    return substitute if substitute.values.priced else line


@contextmanager
def _reading(line: QuoteSubscription) -> Iterator[None]:
    """Keep the line while its price is awaited."""
    line.readers += 1
    try:
        yield
    finally:
        line.readers -= 1


def _told(session: Session, contract: ib_async.Contract, line: QuoteSubscription) -> Row:
    if line.problem is not None:
        raise line.problem
    if not line.values.priced:
        raise ToolError(
            "no_data",
            f"TWS has sent no price within {PRICE_S:g} seconds. Its market may be closed: ibkr_get_contract_details "
            "shows its trading hours, ibkr_get_historical_data its last bars.",
        )
    return quote_row(contract, line.values, session.now())
