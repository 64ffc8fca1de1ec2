"""Tools about contracts: what a symbol means to TWS."""

from bridge.tool import Shape, tool
from bridge.values import Contract, OnContract


class ContractDetails(Shape):
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


@tool(returns=list[ContractDetails], toolset="contracts", deadline_s=15)
class GetContractDetails(OnContract):
    """Every contract that fits, with trading hours, minimum tick, order types and exchanges. Use it to find a conId or
    to resolve an ambiguous symbol. An unknown symbol is an error, never an empty list."""
