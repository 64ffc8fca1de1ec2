"""The tool that returns the quotes of many contracts."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from bridge.text.contract_forms import spelled_out
from bridge.tool import Model, ToolRequest, tool
from bridge.tools.types import TERMS, Cell, ContractArguments, comma_separated, named_alone

MOST_QUOTES = 50  # contracts of one call


class QuoteFailure(Model):
    """A contract without a quote: the place of its entry in `contracts`, from 0, its name, and the error. `twsCode` is
    TWS's own number where TWS refused."""

    entry: int
    contract: str
    code: str
    message: str
    twsCode: int | None = None


class QuoteTable(Model):
    """A table: `rows` have the values of `columns`, in the order of the request. `same` has what is equal in all rows.
    `count`: the rows. `failed`: the contracts without a quote.

    `time`: of the answer. age_s: seconds before it at which TWS last sent a value. changePercent: of last, or of the
    middle of bid and ask where there was no trade, against close. Sizes and volume are in shares or contracts. null:
    TWS has not sent it.
    """

    count: int
    truncated: bool
    simulated: bool
    time: datetime
    same: dict[str, Cell]
    columns: list[str]
    rows: list[list[Cell]]
    failed: list[QuoteFailure]


def _entries(written: Any) -> Any:
    """Take one entry, or a text, for a list."""
    written = [written] if isinstance(written, dict) else comma_separated(written)
    return [named_alone(each) for each in written] if isinstance(written, list) else written


class QuotedContract(ContractArguments):
    """One contract, of any type."""

    @classmethod
    def tidied(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments that were given, with what is written into symbol in TWS's own where it can be read. A
        symbol that can't stays as it is, so that the other contracts have their quotes."""
        try:
            return super().tidied(arguments)
        except ValueError:
            if TERMS & arguments.keys():  # of an option: its error says what contradicts what
                raise
            return super(ContractArguments, cls).tidied(arguments)

    def misspelled(self) -> str:
        """Return what is wrong with the symbol as it is written, empty where nothing is."""
        try:
            spelled_out(self.model_dump(exclude_unset=True))
        except ValueError as wrong:
            return str(wrong)
        return ""


@tool(returns=QuoteTable, toolset="quotes")
class GetQuotes(ToolRequest):
    """Get the current quotes of up to 50 contracts in one call: bid, ask, last, close, change in percent, volume and
    halt of stocks, options, futures, forex and indices. A symbol is enough: SPY, EUR/USD, VIX, ES (its next
    future). marketDataType: live, or delayed where the account has no subscription. A contract without a quote is in
    `failed`."""

    title: ClassVar = "current quotes and prices"
    search_words: ClassVar = (
        "price of a stock right now current quote real-time bid ask spread last trade how much quotes of several "
        "symbols watchlist snapshot up percent"
    )

    @classmethod
    def tidied(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments that were given; `symbols` alone is taken for `contracts`."""
        given = super().tidied(arguments)
        if "symbols" in given and "contracts" not in given:
            return {"contracts" if name == "symbols" else name: value for name, value in given.items()}
        return given

    contracts: Annotated[list[QuotedContract], Field(min_length=1, max_length=MOST_QUOTES), BeforeValidator(_entries)]
