"""Lists of orders and executions, as clients ask for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.orders import CommissionReport, Execution, ExecutionFilter, OpenOrder, Order, OrderStatus
from ibgateway.simulator.world.exchange.exchange import Exchange
from ibgateway.simulator.world.exchange.orders.registry import ExecutionReport
from ibgateway.simulator.world.exchange.orders.working_order import INACTIVE, TRANSMIT, WorkingOrder
from ibgateway.simulator.world.time.calendar import calendar
from ibgateway.simulator.world.time.instants import instant

ZONE = "US/Eastern"
SUBMITTER = "paperuser"  # the login's name


def open_orders(exchange: Exchange, clientId: int | None, at: float) -> list[OpenOrder]:
    """Return the open orders, without staged ones (transmit=false)."""
    return [
        exchange.lifecycle.refreshed(each, at).open_order()
        for each in exchange.registry.active.values()
        if clientId in (None, each.clientId) and TRANSMIT not in each.waits
    ]


def status_of(exchange: Exchange, open_order: OpenOrder) -> OrderStatus:
    order = exchange.registry.get(open_order.clientId, open_order.orderId)
    if order is None:
        raise Refusal(135, f"Can't find order with ID ={open_order.orderId}")
    return order.order_status()


def completed(exchange: Exchange, at: float) -> list[OpenOrder]:
    """Return the day's completed orders, latest first, without order ids as TWS does."""
    since = _midnight(at)
    done = [each for each in exchange.registry.all if each.done and each.completed >= since]
    ordered = sorted(done, key=lambda each: each.completed, reverse=True)
    return [_archived(each, exchange.registry.parent(each)) for each in ordered]


def _archived(order: WorkingOrder, parent: WorkingOrder | None) -> OpenOrder:
    """Return the archived order, computed once: a list of 10,000 must not block the other clients."""
    of = (order.order, order.status, order.filled, order.completed, order.reason, parent and parent.permId)
    if order.archived is None or order.archived[0] != of:
        order.archived = of, _completed(order, parent)
    return order.archived[1]


def _completed(order: WorkingOrder, parent: WorkingOrder | None) -> OpenOrder:
    shown = order.open_order()
    status = order.completed_status
    if order.status != INACTIVE and not order.filled:
        status = "Cancelled by Trader"
    local = calendar("US_STOCK").local(order.completed)
    state = replace(shown.state, completedTime=f"{local:%Y%m%d %H:%M:%S} {ZONE}", completedStatus=status)
    return replace(shown, orderId=0, state=state, order=_with_what_tws_adds(order, parent))


def _with_what_tws_adds(order: WorkingOrder, parent: WorkingOrder | None) -> Order:
    """Add the fields that TWS fills in: submitter, time of the automatic cancel, and parent."""
    asked = replace(order.order, submitter=order.order.submitter or SUBMITTER)
    if asked.tif == "GTC":
        asked = replace(asked, autoCancelDate=_end_of_next_quarter(order.completed))
    return replace(asked, parentPermId=parent.permId) if parent is not None else asked


def _end_of_next_quarter(at: float) -> str:
    """Return the end of the next quarter, at which GTC orders end."""
    local = calendar("US_STOCK").local(at)
    quarters = local.year * 4 + (local.month - 1) // 3 + 2
    last = date(quarters // 4, quarters % 4 * 3 + 1, 1) - timedelta(days=1)
    return f"{last:%Y%m%d} 16:00:00 {ZONE}"


def executions(
    exchange: Exchange, asked: ExecutionFilter, at: float
) -> list[tuple[Execution, CommissionReport | None]]:
    """Return today's executions that pass the filter, or those of the filter's days."""
    return [(report.execution, report.commission) for report in exchange.registry.reports if _passes(report, asked, at)]


def _passes(report: ExecutionReport, asked: ExecutionFilter, at: float) -> bool:
    execution = report.execution
    contract = execution.contract
    return (
        _on_a_wanted_day(execution.time, asked, at)
        and (not asked.clientId or asked.clientId == execution.clientId)
        and asked.acctCode in ("", execution.acctNumber)
        and execution.time >= (instant(asked.time, ZONE, at) or 0)
        and asked.symbol.upper() in ("", contract.symbol)
        and asked.secType in ("", contract.secType)
        and asked.exchange in ("", "SMART", execution.exchange)
        and (not asked.side or _side(asked.side) == execution.side)
    )


def _on_a_wanted_day(time: float, asked: ExecutionFilter, at: float) -> bool:
    if asked.specificDates:
        return f"{calendar('US_STOCK').local(time):%Y%m%d}" in asked.specificDates
    days = asked.lastNDays if asked.lastNDays is not None and 0 < asked.lastNDays < 2**31 - 1 else 0
    return time >= _midnight(at) - days * 86_400


def _side(text: str) -> str:
    return {"BUY": "BOT", "SELL": "SLD"}.get(text.upper(), text.upper())


def _midnight(at: float) -> float:
    """Return midnight in New York, from which executions and completed orders are kept."""
    local = calendar("US_STOCK").local(at)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
