"""The handler of market depth: one snapshot of a contract's order book."""

from collections.abc import Sequence

import ib_async

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from bridge.tools.market.depth import GetMarketDepth, MarketDepth
from ib_worker.handlers.dispatch import handles
from ib_worker.market_data.contracts import contract_of_symbol
from ib_worker.market_data.depth_book import COLUMNS, DEEPEST, BookChange, DepthBook, is_whole
from ib_worker.session.session import Session
from ib_worker.tws.errors import WarningReported
from ib_worker.tws.requests import PendingRequest
from ib_worker.tws.values import convert
from ib_worker.tws.values.text import tws_said

FIRST_S = 3.0  # for the first row, or TWS's refusal
WARNED_S = 2.5  # after a warning without a row: it is why there is none
QUIET_S = 0.2  # a book that is not full is whole when nothing more comes
LONGEST_S = 1.0  # after the first row: a busy book never rests

Book = tuple[DepthBook, str | None]  # and what TWS warns of


@handles(GetMarketDepth)
async def get_market_depth(request: GetMarketDepth, session: Session) -> MarketDepth:
    contract = await contract_of_symbol(session.contracts, request, session.now())
    try:
        book, warning = await _book(session, contract)
    except ToolError as error:
        if error.code == "no_data":
            session.require_ready()  # no row came because the session broke
        raise
    rows = book.rows(request.levels)
    session.require_ready()  # a session that broke since then has no book to tell
    return MarketDepth(
        count=len(rows),
        truncated=False,
        simulated=session.simulated,
        time=session.now().replace(microsecond=0),
        name=contract_name(contract),
        conId=contract.conId,
        exchange=contract.exchange,
        marketDataType="live",  # TWS has no delayed depth
        warning=warning,
        columns=list(COLUMNS),
        rows=rows,
    )


async def _book(session: Session, contract: ib_async.Contract) -> Book:
    """Return a stream's book, or the one that TWS sends first. Every caller gets the deepest, so that all share one
    subscription."""
    if (watched := session.feeds.book(contract)) is not None:
        return watched, None
    smart = contract.exchange == convert.SMART  # the books of all exchanges as one
    try:
        book: Book = await session.tws.one_shot(
            session.depth,
            (contract.conId, contract.exchange),
            (
                lambda wire, reqId: wire.reqMktDepth(reqId, contract, DEEPEST, smart, []),
                lambda wire, reqId: wire.cancelMktDepth(reqId, smart),
            ),
            _settled,
            patience_s=WARNED_S,
        )
    except WarningReported as warning:
        raise _no_book(tws_said(warning.code, warning.text)) from warning
    return book


async def _settled(pending: PendingRequest) -> Book:
    changes: Sequence[BookChange] = await pending.quiet(FIRST_S, QUIET_S, LONGEST_S, is_whole)
    if not changes:
        raise _no_book("")
    warning = " ".join(tws_said(*each) for each in pending.warnings) or None
    return DepthBook(changes), warning


def _no_book(said: str) -> ToolError:
    why = said or "The market may be closed: ibkr_get_contract_details shows its trading hours."
    return ToolError("no_data", f"TWS has sent no row of the order book within {FIRST_S:g} seconds. {why}")
