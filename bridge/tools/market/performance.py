"""The tool that compares the performance of several contracts over a period."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic import WithJsonSchema as Published

from bridge.text import spellings as forms
from bridge.text.end_of_history import TODAY, within_years
from bridge.tool import Model, ToolRequest, tool
from bridge.tools.types import Cell, ContractArguments, comma_separated, named_alone

MOST_MEASURED = 20  # contracts of one call
BENCHMARK = "SPY"
YEAR_TO_DATE = forms.YEAR_TO_DATE


class MeasuredContract(ContractArguments):
    """One contract, of any type that has daily closes."""


def _day(written: Any) -> Any:
    """Take today for an end that is left out: the series then ends now."""
    return None if isinstance(written, str) and written.strip().lower() == TODAY else written


# Published as text, which names most contracts; the arguments of ibkr_get_quotes' entries are accepted, too.
Measured = Annotated[MeasuredContract, BeforeValidator(named_alone), Published({"type": "string"})]
MeasuredPeriod = Annotated[
    str, StringConstraints(pattern=r"^(YTD|[1-9][0-9]{0,3} [DWMY])$"), BeforeValidator(forms.period)
]

Day = Annotated[
    date, AfterValidator(within_years), Published({"type": "string"})
]  # not every converter takes the format "date"


class MeasureFailure(Model):
    """A contract without figures: its place in `contracts`, from 0 (null: the benchmark), its name, and the error."""

    entry: int | None
    contract: str
    code: str
    message: str
    twsCode: int | None = None


class PerformanceTable(Model):
    """A row for each contract, in the order of the request; `same` has what is equal in all rows.

    The closes are daily. whatToShow: ADJUSTED_LAST is adjusted for splits and dividends; TRADES and MIDPOINT are of
    types that have neither. Prices are in the contract's `currency`. from: the last close at or before the period's
    start; to: its last close, today's last price where the day is in progress. days: daily returns.

    returnPercent: close at `to` against close at `from`. volatilityPercent: the sample standard deviation of simple
    daily returns, times the root of 252 (of crypto 365). maxDrawdownPercent: the deepest fall of the closes below their
    highest before. beta and correlation: of simple returns against the benchmark's, over the days that both have.
    null: `notes` says why.
    """

    count: int
    truncated: bool
    simulated: bool
    time: datetime
    benchmark: str
    same: dict[str, Cell]
    columns: list[str]
    rows: list[list[Cell]]
    failed: list[MeasureFailure]
    notes: list[str]


@tool(returns=PerformanceTable, toolset="history", deadline_s=57)
class GetPerformance(ToolRequest):
    """Performance of up to 20 contracts over a period, on adjusted daily closes: return, annualised volatility, maximum
    drawdown, beta and correlation to a benchmark."""

    title: ClassVar = "performance (return, volatility, drawdown, beta)"
    search_words: ClassVar = "how did a stock do this year compare returns risk standard deviation sharpe year to date"

    contracts: Annotated[
        list[Measured],
        Field(min_length=1, max_length=MOST_MEASURED, description="such as SPY or EUR/USD"),
        BeforeValidator(comma_separated),
    ]
    period: Annotated[MeasuredPeriod, Field(description="such as 30 D, 6 M or YTD")] = "1 Y"
    endDate: Annotated[Day | None, BeforeValidator(_day), Field(description="YYYY-MM-DD")] = None
    benchmark: Annotated[Measured, Field(validate_default=True)] = BENCHMARK  # type: ignore[assignment]
