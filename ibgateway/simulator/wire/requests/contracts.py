"""Requests about contracts: details, symbols, option chains, market rules, option calculations."""

from __future__ import annotations

from typing import Annotated

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.wire.encoding.layout import ALWAYS, request, since
from ibgateway.simulator.wire.requests.fields import AnyContract, CountedOptions


@request(9, versioned=ALWAYS)
class ReqContractDetails:
    reqId: int
    contract: AnyContract
    includeExpired: bool
    secIdType: str
    secId: str
    issuerId: Annotated[str, since(176)] = ""

    @property
    def wanted(self) -> Contract:
        """Return the contract with the fields that this request sends after it."""
        extra = {name: getattr(self, name) for name in ("includeExpired", "secIdType", "secId", "issuerId")}
        return Contract(**(self.contract.__dict__ | extra))


@request(81)
class ReqMatchingSymbols:
    reqId: int
    pattern: str


@request(78)
class ReqSecDefOptParams:
    reqId: int
    underlyingSymbol: str
    futFopExchange: str
    underlyingSecType: str
    underlyingConId: int


@request(91)
class ReqMarketRule:
    marketRuleId: int


@request(83)
class ReqSmartComponents:
    reqId: int
    bboExchange: str


@request(82)
class ReqMktDepthExchanges:
    pass


@request(54, versioned=ALWAYS)
class CalculateImpliedVolatility:
    reqId: int
    contract: AnyContract
    optionPrice: float
    underPrice: float
    options: CountedOptions


@request(55, versioned=ALWAYS)
class CalculateOptionPrice:
    reqId: int
    contract: AnyContract
    volatility: float
    underPrice: float
    options: CountedOptions


@request(56, versioned=ALWAYS)
class CancelCalculateImpliedVolatility:
    reqId: int


@request(57, versioned=ALWAYS)
class CancelCalculateOptionPrice:
    reqId: int
