"""Requests for the past: bars, ticks, histograms, head timestamps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.wire.encoding.layout import ALWAYS, Fields, reads, request
from ibgateway.simulator.wire.encoding.text import flag, integer
from ibgateway.simulator.wire.requests.fields import AnyContract, Options, contract_fields, quote_legs


@dataclass(frozen=True)
class BarsAsked:
    """The arguments of reqHistoricalData; a combo's legs come in their middle, so they are read as one."""

    contract: Contract
    endDateTime: str
    barSizeSetting: str
    durationStr: str
    useRTH: bool
    whatToShow: str
    formatDate: int


def _bars_asked(fields: Fields) -> BarsAsked:
    contract = replace(contract_fields(fields), includeExpired=flag(fields.take()))
    endDateTime, barSizeSetting, durationStr = fields.take(), fields.take(), fields.take()
    useRTH, whatToShow, formatDate = flag(fields.take()), fields.take(), integer(fields.take())
    if contract.secType == "BAG":
        contract = replace(contract, comboLegs=quote_legs(fields))
    return BarsAsked(contract, endDateTime, barSizeSetting, durationStr, useRTH, whatToShow, formatDate)


@request(20)
class ReqHistoricalData:
    reqId: int
    asked: Annotated[BarsAsked, reads(_bars_asked)]
    keepUpToDate: bool
    chartOptions: Options


@request(25, versioned=ALWAYS)
class CancelHistoricalData:
    reqId: int


@request(87)
class ReqHeadTimeStamp:
    reqId: int
    contract: AnyContract
    includeExpired: bool
    useRTH: bool
    whatToShow: str
    formatDate: int


@request(90)
class CancelHeadTimeStamp:
    reqId: int


@request(88)
class ReqHistogramData:
    reqId: int
    contract: AnyContract
    includeExpired: bool
    useRTH: bool
    timePeriod: str


@request(89)
class CancelHistogramData:
    reqId: int


@request(96)
class ReqHistoricalTicks:
    reqId: int
    contract: AnyContract
    includeExpired: bool
    startDateTime: str
    endDateTime: str
    numberOfTicks: int
    whatToShow: str
    useRth: bool
    ignoreSize: bool
    miscOptions: Options
