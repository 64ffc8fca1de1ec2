"""The order book of one contract, as TWS's changes of its rows leave it, and its rows as a table. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bridge.tools.types import Cell
from ib_worker.tws.values import unset
from ib_worker.tws.values.text import untrusted

INSERT, UPDATE, DELETE = 0, 1, 2  # IBKR's page "Market Depth (Level II)"
ASK, BID = 0, 1
DEEPEST = 10  # rows of each side that are requested
MAKER_CHARS = 16
FEWEST_LINES, MOST_LINES, LINES_EACH = 3, 60, 100  # of depth, for every so many market-data lines (IBKR's page)
COLUMNS = ("bidMarketMaker", "bidSize", "bid", "ask", "askSize", "askMarketMaker")


class BookChange(NamedTuple):
    """updateMktDepth and updateMktDepthL2: the first has no market maker."""

    position: int
    operation: int
    side: int
    price: float
    size: float
    marketMaker: str = ""


class DepthBook:
    """Both sides, best first."""

    def __init__(self, changes: Iterable[BookChange] = ()) -> None:
        self._sides: dict[int, list[BookChange]] = {BID: [], ASK: []}
        for each in changes:
            self.take(each)

    def take(self, change: BookChange) -> None:
        """Apply one change. A row beyond the end is added there, and a deleted row that is not there is none."""
        rows = self._sides.get(change.side)
        if rows is None or change.position < 0:
            return
        here = rows[change.position : change.position + 1]
        if change.operation == DELETE:
            del rows[change.position : change.position + 1]
        elif change.operation == UPDATE and here:
            rows[change.position] = change
        else:
            rows.insert(change.position, change)
        del rows[DEEPEST:]

    def rows(self, levels: int) -> list[list[Cell]]:
        """Return a row for each level, the best first: `COLUMNS`; null where one side has fewer levels."""
        bids, asks = (self._sides[side][:levels] for side in (BID, ASK))
        return [[*reversed(_cells(bids, level)), *_cells(asks, level)] for level in range(max(len(bids), len(asks)))]

    def sides(self, levels: int) -> dict[str, list[list[Cell]]]:
        """Return both sides, best first: price, size and market maker of each level."""
        return {
            name: [_cells(side, level) for level in range(len(side))]
            for name, side in (("bids", self._sides[BID][:levels]), ("asks", self._sides[ASK][:levels]))
        }


def depth_lines(market_data_lines: int) -> int:
    """Return how many books TWS sends at once to an account of so many market-data lines."""
    return min(max(market_data_lines // LINES_EACH, FEWEST_LINES), MOST_LINES)


def is_whole(changes: Sequence[BookChange]) -> bool:
    """Return whether every row of both sides has come."""
    return all(sum(each.side == side for each in changes) >= DEEPEST for side in (BID, ASK))


def _cells(side: list[BookChange], level: int) -> list[Cell]:
    if level >= len(side):
        return [None, None, None]
    row = side[level]
    price = unset.value("tickPrice.quote", row.price, backed=unset.is_something(row.size))
    size = unset.number(row.size)
    return [
        price,
        int(size) if size is not None and size.is_integer() else size,
        untrusted(row.marketMaker, MAKER_CHARS) or None,
    ]
