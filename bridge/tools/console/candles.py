"""A contract's candles as the operator's console draws them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from bridge.tool import Model, ToolRequest, operation

Span = Literal["day", "year"]
Candle = tuple[int, float, float, float, float, float | None]  # seconds since 1970, open, high, low, close, volume


class ContractCandles(Model):
    """The candles, oldest first; a daily one's time is its date's midnight in UTC. `age_s`: of what TWS has told last,
    null where it has told none yet. `problem`: why these are not kept up to date, empty where they are."""

    conId: int
    name: str
    currency: str | None
    span: Span
    barSizeSetting: str
    whatToShow: str
    time: datetime
    age_s: int | None
    problem: str
    rows: list[Candle]


@operation(returns=ContractCandles, toolset="session", deadline_s=15, console=True)
class GetCandles(ToolRequest):
    """Return a contract's candles: of the last day in five minutes, at all hours, or of a year in days. TWS is asked
    once for each contract and span, and then keeps them up to date while somebody looks."""

    conId: Annotated[int, Field(ge=1, le=2**31 - 1)]
    span: Span = "day"
