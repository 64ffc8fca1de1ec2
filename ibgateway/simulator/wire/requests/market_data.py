"""Requests for live data: quote lines, tick by tick, depth, real-time bars."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.wire.encoding.layout import ALWAYS, Fields, reads, request
from ibgateway.simulator.wire.requests.fields import AnyContract, Options, contract_fields, delta_neutral, quote_legs


def _with_legs(fields: Fields) -> Contract:
    """Read a contract, the legs of a combo, and the delta-neutral contract."""
    contract = contract_fields(fields)
    if contract.secType == "BAG":
        contract = replace(contract, comboLegs=quote_legs(fields))
    return replace(contract, deltaNeutralContract=delta_neutral(fields))


@request(1, versioned=ALWAYS)
class ReqMktData:
    reqId: int
    contract: Annotated[Contract, reads(_with_legs)]
    genericTickList: str
    snapshot: bool
    regulatorySnapshot: bool
    mktDataOptions: Options


@request(2, versioned=ALWAYS)
class CancelMktData:
    reqId: int


@request(59, versioned=ALWAYS)
class ReqMarketDataType:
    marketDataType: int


@request(10, versioned=ALWAYS)
class ReqMktDepth:
    reqId: int
    contract: AnyContract
    numRows: int
    isSmartDepth: bool
    mktDepthOptions: Options


@request(11, versioned=ALWAYS)
class CancelMktDepth:
    reqId: int
    isSmartDepth: bool


@request(97)
class ReqTickByTickData:
    reqId: int
    contract: AnyContract
    tickType: str
    numberOfTicks: int
    ignoreSize: bool


@request(98)
class CancelTickByTickData:
    reqId: int


@request(50, versioned=ALWAYS)
class ReqRealTimeBars:
    reqId: int
    contract: AnyContract
    barSize: int
    whatToShow: str
    useRTH: bool
    realTimeBarsOptions: Options


@request(51, versioned=ALWAYS)
class CancelRealTimeBars:
    reqId: int
