"""Requests for research: scanners, news, fundamentals, Wall Street Horizon."""

from __future__ import annotations

from typing import Annotated

from ibgateway.simulator.model.research import ScannerQuery
from ibgateway.simulator.wire.encoding.layout import ALWAYS, Fields, reads, request, since
from ibgateway.simulator.wire.encoding.text import integer_or_none, number_or_none
from ibgateway.simulator.wire.requests.fields import CountedOptions, Options, ShortContract, options


def _scanner_query(fields: Fields) -> ScannerQuery:
    """Read the 21 fields of the subscription and its filter options; ratings and the like are ignored."""
    numberOfRows = integer_or_none(fields.take())
    instrument, locationCode, scanCode = fields.take(), fields.take(), fields.take()
    abovePrice, belowPrice = number_or_none(fields.take()), number_or_none(fields.take())
    aboveVolume = integer_or_none(fields.take())
    marketCapAbove, marketCapBelow = number_or_none(fields.take()), number_or_none(fields.take())
    for _ in range(12):
        fields.take()
    return ScannerQuery(
        numberOfRows=None if numberOfRows == -1 else numberOfRows,
        instrument=instrument,
        locationCode=locationCode,
        scanCode=scanCode,
        abovePrice=abovePrice,
        belowPrice=belowPrice,
        aboveVolume=aboveVolume,
        marketCapAbove=marketCapAbove,
        marketCapBelow=marketCapBelow,
        filters=options(fields.take()),
    )


@request(22)
class ReqScannerSubscription:
    reqId: int
    query: Annotated[ScannerQuery, reads(_scanner_query)]
    subscriptionOptions: Options


@request(23, versioned=ALWAYS)
class CancelScannerSubscription:
    reqId: int


@request(24, versioned=ALWAYS)
class ReqScannerParameters:
    pass


@request(12, versioned=ALWAYS)
class ReqNewsBulletins:
    allMsgs: bool


@request(13, versioned=ALWAYS)
class CancelNewsBulletins:
    pass


@request(85)
class ReqNewsProviders:
    pass


@request(84)
class ReqNewsArticle:
    reqId: int
    providerCode: str
    articleId: str
    newsArticleOptions: Options


@request(86)
class ReqHistoricalNews:
    reqId: int
    conId: int
    providerCodes: str
    startDateTime: str
    endDateTime: str
    totalResults: int
    historicalNewsOptions: Options


@request(52, versioned=ALWAYS)
class ReqFundamentalData:
    reqId: int
    contract: ShortContract
    reportType: str
    fundamentalDataOptions: CountedOptions


@request(53, versioned=ALWAYS)
class CancelFundamentalData:
    reqId: int


@request(100)
class ReqWshMetaData:
    reqId: int


@request(101)
class CancelWshMetaData:
    reqId: int


@request(102)
class ReqWshEventData:
    reqId: int
    conId: int | None
    filter: Annotated[str, since(171)] = ""
    fillWatchlist: Annotated[bool, since(171)] = False
    fillPortfolio: Annotated[bool, since(171)] = False
    fillCompetitors: Annotated[bool, since(171)] = False
    startDate: Annotated[str, since(173)] = ""
    endDate: Annotated[str, since(173)] = ""
    totalLimit: Annotated[int | None, since(173)] = None


@request(103)
class CancelWshEventData:
    reqId: int
