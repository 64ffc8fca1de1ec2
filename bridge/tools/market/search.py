"""The tool that finds contracts by a symbol, a name, or the number of a security."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from bridge.tool import PartialModel, ToolRequest, tool
from bridge.tools.types import Cell, SecType, Text

MOST_SYMBOLS = 50


class SymbolTable(PartialModel):
    """A table: `rows` have the values of `columns`, `same` has what is equal in all rows. `count`: the rows found.
    derivatives: types that trade on the contract. age_s: seconds since TWS sent the list. next: how to get the rest."""

    count: int
    truncated: bool
    simulated: bool
    time: datetime
    age_s: float
    next: str | None = None
    same: dict[str, Cell]
    columns: list[str]
    rows: list[list[Cell]]

    def inapplicable(self) -> Iterable[str]:
        return [] if self.truncated else ["next"]


@tool(returns=SymbolTable, toolset="contracts")
class SearchSymbols(ToolRequest):
    """Search contracts by the beginning of a symbol, part of a company's name, an ISIN or a CUSIP: conId, symbol,
    secType, primaryExchange, currency, name, and derivatives such as OPT."""

    title: ClassVar = "search of symbols and names"
    search_words: ClassVar = "find ticker of a company lookup what is the symbol stock bond isin cusip name"

    pattern: Text
    secType: Annotated[SecType | None, Field(description="also FUT or OPT: what has them")] = None
    limit: Annotated[int, Field(ge=1, le=MOST_SYMBOLS)] = 16
