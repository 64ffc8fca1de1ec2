"""One contract's market-data line, and how many lines are left to what matters more than a quote."""

import asyncio
from dataclasses import dataclass, field

import ib_async

from bridge.tool import ToolError
from ib_worker.market_data.quote import QuoteState

KEPT_FROM_QUOTES = 10  # lines that quotes never take, of an account with more than twice as many


@dataclass(eq=False)
class QuoteSubscription:
    """One contract's subscription upstream. Without a `reqId` it is not, or not any more, TWS's."""

    contract: ib_async.Contract
    stream: str
    opener: str
    values: QuoteState
    reqId: int | None = None
    problem: ToolError | None = None  # why TWS gives no data
    settled: asyncio.Event = field(default_factory=asyncio.Event)  # a price or a problem has come
    whole: asyncio.Event = field(default_factory=asyncio.Event)  # each of the quote's prices has come
    ticks: int = 0  # of this subscription
    renewed_for: set[int] = field(default_factory=set)  # codes after which it was asked for anew
    quiet: bool = False  # neither came while somebody waited: the next need not wait again
    streamed: bool = False  # opened for a listener; else it is a quote's, and goes after BRIEF_S or for another line
    readers: int = 0  # quotes that wait for its price now
    until: float = 0.0  # when a quote's line goes, by the loop's clock


def kept_from_quotes(most: int) -> int:
    """Return how many of the operator's lines quotes leave alone."""
    return min(KEPT_FROM_QUOTES, most // 2)
