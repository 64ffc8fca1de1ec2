"""The tool that previews an order."""

from typing import ClassVar

from bridge.tool import Model, tool
from bridge.tools.order_terms import OrderTerms
from bridge.tools.types import Contract


class Preview(Model):
    """The effect of an order: TWS's what-if figures (null where it gives none), the quote, and a token to place it.
    `halted`: the contract at its exchange; the kill switch is in `refused_by`."""

    summary: str
    contract: Contract
    account: str
    bid: float | None
    ask: float | None
    last: float | None
    initMarginBefore: float | None
    initMarginChange: float | None
    initMarginAfter: float | None
    maintMarginChange: float | None
    maintMarginAfter: float | None
    equityWithLoanAfter: float | None
    commission: float | None
    minCommission: float | None
    maxCommission: float | None
    commissionCurrency: str | None
    warningText: str | None
    closing: bool  # it can only reduce a position
    refused_by: str | None  # the limit or mode that would refuse it now
    confirmationToken: str | None
    expires_in_s: int | None
    worth: float | None = None  # of the whole order, in worthCurrency, as the limits count it
    worthCurrency: str | None = None  # the account's base currency
    worthIsEstimate: bool = False  # the market is closed: the last close and the collar on top
    shortOptionValue: float | None = None  # what short options on the underlying would count, in worthCurrency
    positionEffect: str = ""  # "reduces the long of 100 to 40"
    triggered: bool | None = None  # a stop or touch whose trigger is met already trades at once
    halted: bool | None = None  # trading in the contract, at its exchange
    warnings: list[str] = []  # short calls without cover, a trigger that is met, a position that changes sides …


@tool(returns=Preview, toolset="orders", deadline_s=20)
class PreviewOrder(OrderTerms):
    """Show the cost and effect of an order without placing it: margin and commission by TWS's what-if, and the
    operator's limits. With the token ibkr_place_order places exactly this order, once, within 120 seconds."""

    title: ClassVar = "preview of an order: margin and commission"
    search_words: ClassVar = "what would the trade cost in commission and margin what-if check before buying"
