"""Requests about accounts: summary, values, positions, profit and loss."""

from __future__ import annotations

from ibgateway.simulator.wire.encoding.layout import ALWAYS, request


@request(6, versioned=ALWAYS)
class ReqAccountUpdates:
    subscribe: bool
    acctCode: str


@request(62, versioned=ALWAYS)
class ReqAccountSummary:
    reqId: int
    group: str
    tags: str


@request(63, versioned=ALWAYS)
class CancelAccountSummary:
    reqId: int


@request(61, versioned=ALWAYS)
class ReqPositions:
    pass


@request(64, versioned=ALWAYS)
class CancelPositions:
    pass


@request(74, versioned=ALWAYS)
class ReqPositionsMulti:
    reqId: int
    account: str
    modelCode: str


@request(75, versioned=ALWAYS)
class CancelPositionsMulti:
    reqId: int


@request(76, versioned=ALWAYS)
class ReqAccountUpdatesMulti:
    reqId: int
    account: str
    modelCode: str
    ledgerAndNLV: bool


@request(77, versioned=ALWAYS)
class CancelAccountUpdatesMulti:
    reqId: int


@request(92)
class ReqPnL:
    reqId: int
    account: str
    modelCode: str


@request(93)
class CancelPnL:
    reqId: int


@request(94)
class ReqPnLSingle:
    reqId: int
    account: str
    modelCode: str
    conId: int


@request(95)
class CancelPnLSingle:
    reqId: int


@request(80)
class ReqFamilyCodes:
    pass


@request(79)
class ReqSoftDollarTiers:
    reqId: int


@request(18, versioned=ALWAYS)
class RequestFA:
    faDataType: int


@request(19, versioned=ALWAYS)
class ReplaceFA:
    faDataType: int
    xml: str
    reqId: int
