"""The handler of quotes: many contracts at once, each from its market-data line."""

import asyncio

import ib_async

from bridge.tool import ToolError
from bridge.tools.market.quotes import GetQuotes, QuotedContract, QuoteFailure, QuoteTable
from ib_worker.handlers.dispatch import handles
from ib_worker.market_data.contracts import contract_of_symbol
from ib_worker.market_data.first_prices import PRICE_S, FirstPrices
from ib_worker.market_data.quote_line import QuoteSubscription
from ib_worker.market_data.quote_table import Row, failure, quote_row, table
from ib_worker.session.session import Session
from ib_worker.tws.errors import result_or_error

ENTRY_S = 12.0  # for one contract, its look-up included: below the call's own deadline


@handles(GetQuotes)
async def get_quotes(request: GetQuotes, session: Session) -> QuoteTable:
    prices = FirstPrices(session.quotes, session.tws, session.settings.market_data_type)
    entries = enumerate(request.contracts)
    outcomes = await asyncio.gather(*(_entry(session, prices, *each) for each in entries), return_exceptions=True)
    for each in outcomes:
        if isinstance(each, BaseException):  # of the session, not of one contract
            raise each
    session.require_ready()  # a session that broke since then has no quotes to tell
    rows = [each for each in outcomes if isinstance(each, dict)]
    failed = [each for each in outcomes if isinstance(each, QuoteFailure)]
    return table(rows, failed, session.now(), simulated=session.simulated)


async def _entry(session: Session, prices: FirstPrices, entry: int, asked: QuotedContract) -> Row | QuoteFailure:
    """Return the contract's row, or why it has none. Raises what concerns the whole call."""
    outcome = await result_or_error(_row(session, prices, asked))
    return failure(entry, asked, outcome) if isinstance(outcome, ToolError) else outcome


async def _row(session: Session, prices: FirstPrices, asked: QuotedContract) -> Row:
    if wrong := asked.misspelled():
        raise ToolError("invalid_arguments", f"{wrong}.")
    async with asyncio.timeout(ENTRY_S):
        contract = await contract_of_symbol(session.contracts, asked, session.now())
        return _priced_row(session, contract, await prices.line(contract))


def _priced_row(session: Session, contract: ib_async.Contract, line: QuoteSubscription) -> Row:
    if line.problem is not None:
        raise line.problem
    if not line.values.priced:
        raise ToolError(
            "no_data",
            f"TWS has sent no price within {PRICE_S:g} seconds. Its market may be closed: ibkr_get_contract_details "
            "shows its trading hours, ibkr_get_historical_data its last bars.",
        )
    return quote_row(contract, line.values, session.now())
