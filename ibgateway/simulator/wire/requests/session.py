"""Requests about the session itself: start, ids, time, accounts, market data type."""

from __future__ import annotations

from ibgateway.simulator.wire.encoding.layout import ALWAYS, request


@request(71, versioned=ALWAYS)
class StartApi:
    clientId: int
    optionalCapabilities: str


@request(8, versioned=ALWAYS)
class ReqIds:
    numIds: int


@request(14, versioned=ALWAYS)
class SetServerLogLevel:
    logLevel: int


@request(17, versioned=ALWAYS)
class ReqManagedAccts:
    pass


@request(49, versioned=ALWAYS)
class ReqCurrentTime:
    pass


@request(105)
class ReqCurrentTimeInMillis:
    pass


@request(104)
class ReqUserInfo:
    reqId: int


@request(65, versioned=ALWAYS)
class VerifyRequest:
    apiName: str
    apiVersion: str


@request(66, versioned=ALWAYS)
class VerifyMessage:
    apiData: str


@request(72, versioned=ALWAYS)
class VerifyAndAuthRequest:
    apiName: str
    apiVersion: str
    opaqueIsvKey: str


@request(73, versioned=ALWAYS)
class VerifyAndAuthMessage:
    apiData: str
    xyzResponse: str


@request(67, versioned=ALWAYS)
class QueryDisplayGroups:
    reqId: int


@request(68, versioned=ALWAYS)
class SubscribeToGroupEvents:
    reqId: int
    groupId: int


@request(69, versioned=ALWAYS)
class UpdateDisplayGroup:
    reqId: int
    contractInfo: str


@request(70, versioned=ALWAYS)
class UnsubscribeFromGroupEvents:
    reqId: int
