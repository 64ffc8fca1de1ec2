"""Tools about contracts: the contracts that a symbol stands for at TWS."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from bridge.text import spellings as forms
from bridge.tool import Model, PartialModel, tool
from bridge.tools.types import OPTIONS, Contract, ContractArguments, ListArguments, SecTypeName


class PriceIncrement(Model):
    """From the price lowEdge on, prices are multiples of increment."""

    lowEdge: float
    increment: float


class ContractDetails(PartialModel):
    """A contract and how it trades. Fields that its secType does not have are left out. `priceIncrements`: the market
    rule of its exchange, which orders of the contract must keep; null where TWS has not told it."""

    contract: Contract
    marketName: str | None
    longName: str | None
    minTick: float | None
    orderTypes: list[str]
    validExchanges: list[str]
    marketRuleIds: list[int]
    priceMagnifier: int | None
    industry: str | None
    category: str | None
    subcategory: str | None
    stockType: str | None
    contractMonth: str | None
    realExpirationDate: str | None
    underConId: int | None
    timeZoneId: str | None
    tradingHours: str | None
    liquidHours: str | None
    minSize: float | None
    sizeIncrement: float | None
    secIds: dict[str, str]
    priceIncrements: list[PriceIncrement] | None
    cusip: str | None = None  # these three are a bond's
    coupon: Annotated[float | None, Field(description="percent a year; 0 for a bond without")] = None
    maturity: Annotated[str | None, Field(description="YYYYMMDD")] = None

    def inapplicable(self) -> Iterable[str]:
        return [name for name, types in OF_TYPES.items() if self.contract.secType not in types]


DATED = OPTIONS | {"FUT", "CONTFUT"}
OF_TYPES: dict[str, Iterable[str]] = {
    **dict.fromkeys(("cusip", "coupon", "maturity"), ("BOND",)),
    **dict.fromkeys(("contractMonth", "realExpirationDate", "underConId"), DATED),
    "stockType": ("STK",),
}


@tool(returns=list[ContractDetails], toolset="contracts", deadline_s=15)
class GetContractDetails(ContractArguments, ListArguments):
    """Every contract that matches, with trading hours, price increments, order types and exchanges. Use it to find a
    conId or to resolve an ambiguous symbol."""

    keeps_expired: ClassVar = True

    title: ClassVar = "contract details and trading hours"
    search_words: ClassVar = (
        "find stock ticker company name option future chain expiry when does the stock market open close holiday"
    )
    unpublished: ClassVar = frozenset()

    secType: Annotated[SecTypeName, BeforeValidator(forms.sec_type)] = "STK"
