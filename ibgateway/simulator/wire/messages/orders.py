"""Messages about orders' events: status, executions, commissions, ends of lists."""

from __future__ import annotations

from ibgateway.simulator.model.orders import CommissionReport, Execution, OrderStatus
from ibgateway.simulator.wire.encoding.text import Value, java_double, message, minimal
from ibgateway.simulator.wire.messages.fields import held_contract, local_time


def order_status(status: OrderStatus) -> bytes:
    return message(
        3,
        status.orderId,
        status.status,
        status.filled,
        status.remaining,
        minimal(status.avgFillPrice),
        status.permId,
        status.parentId,
        minimal(status.lastFillPrice),
        status.clientId,
        status.whyHeld,
        minimal(status.mktCapPrice),
    )


def exec_details(version: int, reqId: int, execution: Execution, zone: str, zone_name: str) -> bytes:
    """Return execDetails (11); `reqId` is -1 without a request, and the contract's exchange is the venue."""
    e = execution
    time = local_time(e.time, zone).removesuffix(zone) + zone_name
    fields: list[Value] = [reqId, e.orderId, *held_contract(e.contract, e.exchange)]
    fields += [e.execId, time, e.acctNumber, e.exchange, e.side, e.shares, float(e.price)]
    fields += [e.permId, e.clientId, e.liquidation, e.cumQty, float(e.avgPrice)]
    fields += [e.orderRef, e.evRule, e.evMultiplier, e.modelCode, e.lastLiquidity]
    if version >= 178:
        fields.append(e.pendingPriceRevision)
    if version >= 198:
        fields.append(e.submitter)
    return message(11, *fields)


def exec_details_end(reqId: int) -> bytes:
    return message(55, 1, reqId)


def commission_report(report: CommissionReport) -> bytes:
    return message(
        59,
        1,
        report.execId,
        report.commission,
        report.currency,
        java_double(report.realizedPNL),
        java_double(report.yield_),
        report.yieldRedemptionDate or "",
    )


def open_order_end() -> bytes:
    return message(53, 1)


def completed_orders_end() -> bytes:
    return message(102)


def order_bound(permId: int, clientId: int, orderId: int) -> bytes:
    return message(100, permId, clientId, orderId)
