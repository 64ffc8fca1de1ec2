"""Levels behind the best bid and offer: worse the deeper, and the same for every client."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.market_data import DepthLevel
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.market.depth import DEEPEST, depth
from ibgateway.simulator.world.market.market import Market
from tests.stacks.ibgateway.world_and_trader import START, at

DIRECTORY = Directory()
AAPL = DIRECTORY.get(265598)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(1, START, DIRECTORY)


def book(market: Market, rows: int, time: float = START) -> tuple[list[DepthLevel], list[DepthLevel]]:
    assert AAPL is not None
    return depth(market, AAPL, rows, time)


def test_the_first_level_is_the_quote_and_each_next_one_is_worse(market: Market) -> None:
    assert AAPL is not None
    quote = market.quote(AAPL, START)

    bids, asks = book(market, 10)

    assert (bids[0].price, bids[0].size, asks[0].price, asks[0].size) == (
        *(quote.bid, quote.bidSize),
        *(quote.ask, quote.askSize),
    )
    assert [each.price for each in bids] == sorted({each.price for each in bids}, reverse=True)
    assert [each.price for each in asks] == sorted({each.price for each in asks})
    assert all(each.size > 0 and each.marketMaker for each in (*bids, *asks))


def test_who_asks_for_fewer_levels_sees_the_same_book(market: Market) -> None:
    whole, part = book(market, 10), book(market, 3)

    assert part == (whole[0][:3], whole[1][:3])


def test_no_book_is_deeper_than_fifty(market: Market) -> None:
    assert [len(side) for side in book(market, 1000)] == [DEEPEST, DEEPEST]


def test_a_closed_market_has_no_book(market: Market) -> None:
    assert book(market, 10, at(2)) == ([], [])
