"""One contract's market-data line, the table of lines, and how many are left to what matters more than a quote."""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import Any

import ib_async

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from ib_worker.market_data.quote import Computation, QuoteState
from ib_worker.pacing.caller import max_share
from ib_worker.pacing.message_pacer import Priority
from ib_worker.tws.errors import NO_ENTITLEMENT

SUBSTITUTE_TYPE = 4  # delayed-frozen: what the account may see of a contract without a subscription, or after hours
TYPE_CHANGES = 2  # messages: to that type and back
LIVE_ALONE = frozenset({"live", "frozen"})  # values of MARKET_DATA_TYPE in which TWS refuses what has no subscription
PART_LINES, MOST_PARTS = 4, 8  # lines of a part of a packet; what comes after so many parts goes out at its end
KEPT_FROM_QUOTES = 10  # lines that quotes never take, of an account with more than twice as many
OPTIONS = frozenset({"OPT", "FOP"})
# The tick types that reqMktData adds to the default set: each is another message per trade. 101 is an option's open
# interest, which changes once a day.
GENERIC_TICKS, OPTION_TICKS = "", "101"


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
    computed: asyncio.Event = field(default_factory=asyncio.Event)  # an option's greeks have come
    ticks: int = 0  # of this subscription
    renewed_for: set[int] = field(default_factory=set)  # codes after which it was asked for anew
    quiet: bool = False  # neither came while somebody waited: the next need not wait again
    uncomputed: bool = False  # nor did greeks
    streamed: bool = False  # opened for a listener; else it is a quote's, and goes after BRIEF_S or for another line
    readers: int = 0  # quotes that wait for its price now
    until: float = 0.0  # when a quote's line goes, by the loop's clock
    substitute: bool = False  # of delayed or frozen prices, for quotes alone, beside the contract's own line

    @property
    def key(self) -> Hashable:
        return substitute_key(self.contract) if self.substitute else line_key(self.contract)

    @property
    def is_option(self) -> bool:
        return self.contract.secType in OPTIONS

    @property
    def generic_ticks(self) -> str:
        return OPTION_TICKS if self.is_option else GENERIC_TICKS

    def price(self, tickType: int, price: float, size: float) -> None:
        self.ticks += 1
        self.values.price(tickType, price, size)
        self.settled.set()
        if not self.whole.is_set() and self.values.whole:
            self.whole.set()

    def size(self, tickType: int, size: float) -> None:
        self.ticks += 1
        self.values.size(tickType, size)

    def generic(self, tickType: int, value: float) -> None:
        self.ticks += 1
        self.values.generic(tickType, value)

    def computation(self, tickType: int, values: Computation) -> None:
        """An option's volatility and greeks."""
        self.ticks += 1
        self.values.computation(tickType, values)
        if not self.computed.is_set() and self.values.greeks is not None:
            self.computed.set()

    def forget(self, values: QuoteState) -> None:
        """Begin anew with `values`: after a gap an old price must not pass for a new one."""
        self.values = values
        self.reqId = None
        self.ticks = 0
        for each in (self.settled, self.whole, self.computed):
            each.clear()
        self.quiet = self.uncomputed = False


def line_key(contract: ib_async.Contract) -> Hashable:
    """Return what names a contract's line: its conId, or the terms of an option that was not looked up."""
    return contract.conId or terms_of(contract)


def substitute_key(contract: ib_async.Contract) -> Hashable:
    return "substitute", line_key(contract)


def terms_of(contract: ib_async.Contract) -> Hashable:
    """Return the terms that name an option without its conId."""
    return (
        contract.symbol,
        contract.secType,
        contract.lastTradeDateOrContractMonth[:8],
        contract.strike,
        contract.right[:1],
        contract.tradingClass,
        contract.multiplier,
        contract.exchange,
        contract.currency,
    )


def ask_in_substitute_type(wire: Any, usual: int, requests: Iterable[Callable[[], None]]) -> None:
    """Send requests in SUBSTITUTE_TYPE. reqMarketDataType holds for every later request of the connection, so the
    usual type is set again in the same write. Source: IBKR, TWS API, "Market Data Types"."""
    with wire.together():
        wire.reqMarketDataType(SUBSTITUTE_TYPE)
        for request in requests:
            request()
        wire.reqMarketDataType(usual)


def lacks_prices(line: QuoteSubscription, usual: str) -> bool:
    """Return whether delayed or frozen prices may tell what the line does not: the account has no subscription, or the
    market is closed. `usual`: MARKET_DATA_TYPE."""
    if line.problem is not None:
        return usual in LIVE_ALONE and line.problem.details.get("twsCode") in NO_ENTITLEMENT
    if usual == "delayed-frozen":
        return False
    return not line.values.priced or (line.values.unquoted and line.contract.secType != "IND")  # an index has no bid


def kept_from_quotes(most: int) -> int:
    """Return how many of the operator's lines quotes leave alone."""
    return min(KEPT_FROM_QUOTES, most // 2)


class LineTable:
    """The lines, by conId or an option's terms; a substitute is beside its contract's own."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, QuoteSubscription] = {}
        self._options: dict[Hashable, QuoteSubscription] = {}  # by their terms

    def __iter__(self) -> Iterator[QuoteSubscription]:
        return iter(self._lines.values())

    def __contains__(self, line: QuoteSubscription) -> bool:
        return self._lines.get(line.key) is line

    def get(self, conId: int) -> QuoteSubscription | None:
        return self._lines.get(conId)

    def named(self, contract: ib_async.Contract) -> QuoteSubscription | None:
        """The contract's own line. An option without its conId may use the line that was opened with one."""
        known = self._lines.get(line_key(contract))
        return self._options.get(terms_of(contract)) if known is None and not contract.conId else known

    def substitute(self, contract: ib_async.Contract) -> QuoteSubscription | None:
        return self._lines.get(substitute_key(contract))

    def add(self, line: QuoteSubscription) -> None:
        self._lines[line.key] = line
        if line.is_option and not line.substitute:
            self._options[terms_of(line.contract)] = line

    def remove(self, line: QuoteSubscription) -> None:
        del self._lines[line.key]
        if self._options.get(terms_of(line.contract)) is line:
            del self._options[terms_of(line.contract)]


class ChangedLines:
    """The lines that a packet of TWS changes: one update for each, with all its ticks.

    A long packet is published in parts, so that Redis and the fronts work while the rest is decoded. A contract that
    TWS tells of again after many others has an update for each time.
    """

    def __init__(self, publish: Callable[[QuoteSubscription], None], push: Callable[[], None]) -> None:
        """`publish` takes a line's changes, `push` sends at once what was published."""
        self._publish = publish
        self._push = push
        self._changed: dict[QuoteSubscription, None] = {}
        self._parts = 0  # of this packet, so far

    def add(self, line: QuoteSubscription) -> None:
        """Note a tick of a line, which is published once another's have followed."""
        if line in self._changed:
            return
        if len(self._changed) >= PART_LINES and self._parts < MOST_PARTS:
            self._parts += 1
            self._publish_all()
            self._push()
        self._changed[line] = None

    def discard(self, line: QuoteSubscription) -> None:
        self._changed.pop(line, None)

    def flush(self) -> None:
        """Publish what is left at the packet's end."""
        self._parts = 0
        self._publish_all()

    def _publish_all(self) -> None:
        changed, self._changed = self._changed, {}
        for line in changed:
            self._publish(line)


class LineBudget:
    """The operator's `most` lines, shared among callers, with some kept for orders."""

    def __init__(
        self,
        most: int,
        lines: LineTable,
        held: Set[int],
        drop: Callable[[QuoteSubscription], None],
        others: Callable[[], int],
    ) -> None:
        """`lines` is the table itself, `held` the contracts whose lines stay, `drop` gives a line back, `others` counts
        lines of other kinds."""
        self._most = most
        self._lines = lines
        self._held = held
        self._drop = drop
        self._others = others

    @property
    def open(self) -> int:
        return sum(line.problem is None for line in self._lines) + self._others()

    def require_room(self, kept: int) -> None:
        """Make room by giving the oldest quotes' lines back, which nobody reads. Raises ToolError line_limit."""
        lacking = self.open - (self._most - kept) + 1
        for line in list(self._lines) if lacking > 0 else ():
            if lacking > 0 and self._is_spare(line):
                self._drop(line)
                lacking -= line.problem is None  # a line that TWS refused takes no place
        if lacking > 0:
            but = f", but {kept} that are kept for orders" if kept else ""
            raise ToolError(
                "line_limit",
                f"All {self._most} market-data lines are in use{but}. End a stream first, or raise MARKET_DATA_LINES "
                "if the account has more.",
            )

    def require_share(self, opener: str, lane: Priority) -> None:
        """Raise ToolError line_limit where the caller has its share of the lines; an order has no share."""
        share = max_share(self._most)
        mine = sum(each.opener == opener and each.streamed for each in self._lines)
        if lane is not Priority.ORDERS and mine >= share:
            raise ToolError(
                "line_limit",
                f"This client has {share} of the {self._most} market-data lines open, the most for one client. End a "
                "stream first.",
            )

    def _is_spare(self, line: QuoteSubscription) -> bool:
        return not (line.streamed or line.readers or line.contract.conId in self._held)


def not_requested(contract: ib_async.Contract) -> ToolError:
    return ToolError(
        "internal",
        f"The worker could not request prices of {contract_name(contract)}. The operator finds why in its log.",
    )
