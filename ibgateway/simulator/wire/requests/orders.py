"""Requests about orders except placeOrder: cancel, lists of orders, executions, exercise."""

from __future__ import annotations

from typing import Annotated

from ibgateway.simulator.model.orders import ExecutionFilter
from ibgateway.simulator.wire.encoding.layout import ALWAYS, Fields, VersionRange, before, reads, request, since
from ibgateway.simulator.wire.encoding.text import integer_or_none
from ibgateway.simulator.wire.requests.fields import ContractWithoutPrimary, count

RFQ = VersionRange(187, 190)  # fields for requests for quotes came with 187 and went with 190


@request(4, versioned=before(192))
class CancelOrder:
    orderId: int
    manualCancelOrderTime: Annotated[str, since(169)] = ""
    rfqText: Annotated[str, RFQ] = ""
    rfqOperator: Annotated[str, RFQ] = ""
    rfqNumber: Annotated[int | None, RFQ] = None
    extOperator: Annotated[str, since(192)] = ""
    manualOrderIndicator: Annotated[int | None, since(192)] = None


@request(58, versioned=before(192))
class ReqGlobalCancel:
    extOperator: Annotated[str, since(192)] = ""
    manualOrderIndicator: Annotated[int | None, since(192)] = None


@request(5, versioned=ALWAYS)
class ReqOpenOrders:
    pass


@request(16, versioned=ALWAYS)
class ReqAllOpenOrders:
    pass


@request(15, versioned=ALWAYS)
class ReqAutoOpenOrders:
    autoBind: bool


@request(99)
class ReqCompletedOrders:
    apiOnly: bool


def _filter(fields: Fields) -> ExecutionFilter:
    clientId = integer_or_none(fields.take()) or 0
    acctCode, time, symbol, secType, exchange, side = (fields.take() for _ in range(6))
    lastNDays: int | None = None
    specificDates: tuple[str, ...] = ()
    if fields.version >= 200:
        lastNDays = integer_or_none(fields.take())
        specificDates = tuple(fields.take() for _ in range(count(fields, 400)))
    return ExecutionFilter(
        clientId=clientId,
        acctCode=acctCode,
        time=time,
        symbol=symbol,
        secType=secType,
        exchange=exchange,
        side=side,
        lastNDays=lastNDays,
        specificDates=specificDates,
    )


@request(7, versioned=ALWAYS)
class ReqExecutions:
    reqId: int
    filter: Annotated[ExecutionFilter, reads(_filter)]


@request(21, versioned=ALWAYS)
class ExerciseOptions:
    reqId: int
    contract: ContractWithoutPrimary
    exerciseAction: int
    exerciseQuantity: int
    account: str
    override: bool
    manualOrderTime: Annotated[str, since(180)] = ""
    customerAccount: Annotated[str, since(183)] = ""
    professionalCustomer: Annotated[bool, since(184)] = False
