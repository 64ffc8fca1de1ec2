"""The tool that draws charts."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from bridge.text import option_legs
from bridge.text import spellings as forms
from bridge.tool import Picture, tool
from bridge.tools.types import Account, ContractArguments, Day, Duration, HistoryBarSize, Symbol, comma_separated

MOST_AVERAGES = 3
LONGEST_AVERAGE = 200  # bars
ChartKind = Literal["candles", "equity", "payoff"]
AverageLength = Annotated[int, Field(ge=2, le=LONGEST_AVERAGE)]
LegText = Annotated[str, Field(min_length=1, max_length=80)]

# The arguments that each kind has beside `kind` and `theme`.
USED: dict[ChartKind, frozenset[str]] = {
    "candles": frozenset(ContractArguments.model_fields) | {"durationStr", "barSizeSetting", "movingAverages"},
    "equity": frozenset({"account", "startDate"}),
    "payoff": frozenset({"symbol", "account", "legs"}),
}


@tool(returns=Picture, toolset="charts", composed=True, deadline_s=57)
class GetChart(ContractArguments):
    """Draw a chart as an image: a contract's candles with volume, an account's equity curve, or the payoff at expiry
    and today of the option position in a symbol, or of legs. Figures are in the tools for history and quotes."""

    title: ClassVar = "chart as a picture (candles, equity curve, option payoff)"
    search_words: ClassVar = (
        "plot graph draw image candlestick price chart moving average payoff diagram break-even profit and loss curve"
    )
    first: ClassVar = ()
    unpublished: ClassVar = ContractArguments.unpublished | {"primaryExchange", "exchange", "currency", "secType"}

    kind: Annotated[ChartKind, BeforeValidator(forms.lower)] = "candles"
    symbol: Symbol = ""
    durationStr: Duration = "6 M"
    barSizeSetting: HistoryBarSize = "1 day"
    movingAverages: Annotated[
        list[AverageLength], Field(max_length=MOST_AVERAGES, description="in bars"), BeforeValidator(comma_separated)
    ] = [20, 50]
    account: Account | None = None
    startDate: Annotated[Day | None, Field(description="of equity")] = None
    legs: Annotated[
        list[LegText] | None,
        Field(min_length=1, max_length=option_legs.MOST, description="-1 SPY 18JUL25 400 P @ 3.20"),
        BeforeValidator(comma_separated),
    ] = None
    theme: Literal["light", "dark"] = "light"

    def named(self) -> bool:
        """An account has no contract, and legs name theirs."""
        return self.kind == "equity" or bool(self.kind == "payoff" and self.legs) or super().named()

    @model_validator(mode="after")
    def _fits_the_kind(self) -> Self:
        """Refuse what would not be used, and legs that cannot be read."""
        usable = USED[self.kind] | {"kind", "theme"}
        fields = type(self).model_fields
        given = {name for name in self.model_fields_set if getattr(self, name) != fields[name].default}
        if vain := sorted(given - usable):
            raise ValueError(f"{', '.join(vain)}: a chart of {self.kind} has no use for it. Leave it out")
        if self.kind == "payoff" and self.legs is None and not self.symbol:
            raise ValueError("symbol: name the underlying, or give legs")
        if self.legs is not None:
            self.read_legs()
        return self

    def read_legs(self) -> list[option_legs.PositionLeg]:
        """Return the given legs. Raise ValueError for one that is none."""
        try:
            return option_legs.read_legs(self.legs or [], self.symbol)
        except ValueError as wrong:
            raise ValueError(f"legs: {wrong}") from None
