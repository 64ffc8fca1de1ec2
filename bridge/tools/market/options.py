"""Tools about options: chains, quotes with greeks, and TWS's own calculations."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from bridge.text import option_slices as slices
from bridge.text import spellings as forms
from bridge.tool import Model, ToolRequest, tool
from bridge.tools.types import Cell, Currency, Exchange, Expiry, PositivePrice, Right, Symbol, Text, Volatility

MOST_LEGS = 100  # of one call
MOST_TEXT = 800  # characters of a list of strikes: a hundred
LEGS = 60  # without a limit: some 3,000 tokens

UnderlyingType = Annotated[Literal["STK", "IND", "FUT"], BeforeValidator(forms.sec_type)]
Class = Annotated[Text, BeforeValidator(forms.capitals)]


class UnderlyingArguments(ToolRequest):
    """The arguments that name the underlying of options. Without `secType`, SPX and the like are indices."""

    symbol: Symbol
    secType: UnderlyingType = "STK"
    exchange: Exchange = "SMART"
    currency: Currency = "USD"
    tradingClass: Class = ""


class OptionClass(Model):
    """The options of one trading class. expirations: YYYYMMDD. strikes: ranges [from, to, step] of all expirations
    together: a strike may not exist at each of them."""

    tradingClass: str
    multiplier: str | None
    exchange: str
    expirations: list[str]
    strikes: list[list[float]]


class OptionChain(Model):
    """The chain of an underlying. `count`: its trading classes, of which some are left out where `truncated`; `note`
    says how to get them. age_s: seconds since TWS told it, at most an hour."""

    count: int
    truncated: bool
    simulated: bool
    time: datetime
    age_s: float
    underlying: str
    underConId: int
    classes: list[OptionClass]
    note: str | None


class OptionFailure(Model):
    """Options without a quote, `count` in all, and the error that they have in common. `twsCode` is TWS's own number
    where TWS refused."""

    count: int
    options: list[str]
    code: str
    message: str
    twsCode: int | None = None


class OptionQuotes(Model):
    """A table: `rows` have the values of `columns`, one option each, by strike. `same` has what is equal in all rows.
    `count`: the rows, of `of` options that the arguments mean.

    impliedVol: 0.2 is 20 %. vega: of one point of volatility in percent. theta: of one day. They are TWS's model's;
    null: TWS has not sent it, as happens where the account lacks the underlying's quotes. openInterest: contracts at
    the last close. underPrice: of the underlying. age_s: seconds since TWS last sent a value of the oldest row.
    notListed: strikes that TWS does not have at this expiry. failed: other options without a quote.
    """

    count: int
    of: int
    truncated: bool
    simulated: bool
    time: datetime
    age_s: float
    underPrice: float | None
    same: dict[str, Cell]
    columns: list[str]
    rows: list[list[Cell]]
    notListed: list[float]
    failed: list[OptionFailure]
    note: str | None


class OptionValue(Model):
    """An option by TWS's model. volatility: 0.2 is 20 %. vega: of one point of volatility in percent. theta: of one
    day. null: TWS has not computed it."""

    option: str
    simulated: bool
    time: datetime
    underPrice: float
    volatility: float | None
    optionPrice: float | None
    delta: float | None
    gamma: float | None
    vega: float | None
    theta: float | None


@tool(returns=OptionChain, toolset="options")
class GetOptionChain(UnderlyingArguments):
    """List the expiries and strikes of an underlying's options, by trading class; strikes as [from, to, step]."""

    title: ClassVar = "option chain: expiries and strikes"
    search_words: ClassVar = (
        "options expirations expiration dates strike prices calls puts weekly monthly LEAPS futures"
    )

    expiry: Annotated[str, BeforeValidator(slices.expiry_form), Field(description="only this: date or YYYYMM")] = ""


@tool(returns=OptionQuotes, toolset="options", deadline_s=30, serves=("charts",))
class GetOptionQuotes(UnderlyingArguments):
    """Get option quotes of one expiry: bid, ask, volume, open interest, implied volatility and greeks. It picks the
    options: next month, atm, P; or delta 0.3. A month means its monthly expiry."""

    title: ClassVar = "option quotes with greeks"
    search_words: ClassVar = (
        "option price premium greeks delta gamma theta vega implied volatility IV at-the-money put call 30 delta "
        "open interest skew straddle"
    )

    expiry: Annotated[
        str,
        BeforeValidator(slices.expiry_form),
        Field(description="date, YYYYMM, nearest, next week, next month, 45 days"),
    ] = slices.NEAREST
    strikes: Annotated[
        str,
        BeforeValidator(slices.strikes_form),
        Field(max_length=MOST_TEXT, description="atm, atm 10, 380-420, 95%-105%, or 400, 410"),
    ] = slices.AROUND
    delta: Annotated[str, BeforeValidator(slices.delta_form), Field(description="0.3 (nearest) or 0.2-0.4")] = ""
    right: Annotated[Literal["C", "P", "both"], BeforeValidator(slices.right_form)] = "both"
    limit: Annotated[int, Field(ge=1, le=MOST_LEGS)] = LEGS


class OptionArguments(ToolRequest):
    """The arguments that name one option, and the price of its underlying."""

    symbol: Symbol
    lastTradeDateOrContractMonth: Annotated[Expiry, Field(description="YYYYMMDD")]
    strike: PositivePrice
    right: Right
    underPrice: PositivePrice
    secType: Annotated[Literal["OPT", "FOP"], BeforeValidator(forms.sec_type)] = "OPT"
    exchange: Exchange = "SMART"
    currency: Currency = "USD"
    tradingClass: Class = ""


@tool(returns=OptionValue, toolset="calculations")
class CalculateOptionPrice(OptionArguments):
    """Calculate an option's price and greeks now, at a volatility and an underlying's price of your choice."""

    title: ClassVar = "option price for a volatility"
    search_words: ClassVar = "what is the option worth if the stock rises theoretical value Black-Scholes model greeks"

    volatility: Volatility


@tool(returns=OptionValue, toolset="calculations")
class CalculateImpliedVolatility(OptionArguments):
    """Calculate the volatility that an option's price implies, with its greeks, at an underlying's price."""

    title: ClassVar = "implied volatility of an option price"
    search_words: ClassVar = "IV from premium Black-Scholes greeks"

    optionPrice: PositivePrice
