"""The tool that returns a contract's order book."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bridge.tool import Model, tool
from bridge.tools.types import Cell, ContractArguments

MOST_LEVELS = 10  # of each side


class MarketDepth(Model):
    """A table: a row for each price level, best first, with both sides. `count`: the levels; null: the side has fewer.

    `time`: of the answer. Sizes are in shares or contracts. With exchange SMART a market maker is the exchange of the
    level. `warning`: TWS's own words where the account sees a part of the book.
    """

    count: int
    truncated: bool
    simulated: bool
    time: datetime
    name: str
    conId: int
    exchange: str
    marketDataType: Literal["live"]
    warning: str | None
    columns: list[str]
    rows: list[list[Cell]]


@tool(returns=MarketDepth, toolset="depth")
class GetMarketDepth(ContractArguments):
    """Get the order book (level 2) of one contract now: bids and asks by price level, with sizes and market makers.
    Needs a subscription to market depth."""

    title: ClassVar = "market depth (order book, level 2)"
    search_words: ClassVar = "order book level II bids and asks liquidity how many shares at each price market makers"

    levels: Annotated[int, Field(ge=1, le=MOST_LEVELS)] = 5
