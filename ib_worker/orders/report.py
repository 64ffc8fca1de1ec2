"""An order and a fill as a client sees them. Pure."""

from datetime import datetime
from typing import Any, Literal

import ib_async

from bridge.text.numbers import exact
from bridge.tools.order_queries import Execution
from bridge.tools.order_report import Notice, OrderReport
from ib_worker.orders.events import Commission
from ib_worker.orders.held import stop_price, waits_for
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.tws.values import unset
from ib_worker.tws.values.codes import CANCELLED_BY
from ib_worker.tws.values.convert import contract, identity, number, text

SIDES: dict[str, Literal["BOT", "SLD"]] = {"BOT": "BOT", "SLD": "SLD"}


def order_report(entry: TrackedOrder, message: str = "", replayed: bool = False) -> OrderReport:
    """The order as a client sees it."""
    state = entry.state
    return OrderReport(
        orderId=state.orderId,
        permId=state.permId,
        clientId=state.clientId,
        orderRef=state.orderRef,
        idempotencyKey=entry.key,
        account=state.terms.account,
        contract=state.terms.contract,
        action=state.terms.action,
        totalQuantity=state.terms.totalQuantity,
        orderType=state.terms.orderType,
        lmtPrice=state.terms.lmtPrice,
        auxPrice=state.terms.auxPrice,
        tif=state.terms.tif,
        trailingPercent=state.terms.trailingPercent,
        **_shown(entry),
        placed_at=_placed_at(entry),
        status=state.status,
        filled=state.filled,
        remaining=_remaining(state),
        avgFillPrice=state.avgFillPrice,
        lastFillPrice=state.lastFillPrice,
        whyHeld=state.whyHeld,
        waitsFor=waits_for(entry),
        commission=state.commission,
        commissionCurrency=next((each.currency for each in state.commissions.values()), None),
        notices=[
            Notice(code=each.code, message=each.text, time=(each.at + entry.ahead).replace(microsecond=0))
            for each in state.notices
            if not (each.code in CANCELLED_BY and each.text.rstrip().endswith("reason:"))  # the status says as much
        ],
        message=message or _doubt(state),
        replayed=replayed,
    )


def _placed_at(entry: TrackedOrder) -> datetime | None:
    at = entry.state.sent_at or entry.placed_at
    return (at + entry.ahead).replace(microsecond=0) if at is not None else None


def _shown(entry: TrackedOrder) -> dict[str, Any]:
    """Return the fields that TWS reports of an order beside its terms."""
    if entry.sent is None:
        return {}
    order = entry.sent[1]
    return {
        "trailStopPrice": stop_price(entry),
        "outsideRth": order.outsideRth,
        "goodTillDate": unset.text(order.goodTillDate),
        "parentId": unset.identity(order.parentId),
        "ocaGroup": unset.text(order.ocaGroup),
        "modelCode": unset.text(order.modelCode),
    }


def _remaining(state: OrderState) -> float:
    if state.remaining is not None:
        return state.remaining
    return max(state.terms.totalQuantity - state.filled, 0.0)


def _doubt(state: OrderState) -> str:
    """Return the remark on an order whose end an order list contradicts."""
    if state.contradicted is None:
        return ""
    return f"This order was reported as {state.contradicted}, and TWS shows it open since: it counts as open."


def execution(
    found: ib_async.Execution, on: ib_async.Contract, paid: Commission | None, key: str | None = None
) -> Execution:
    return Execution(
        execId=found.execId,
        time=unset.execution_time(found.time),
        account=found.acctNumber,
        contract=contract(on),
        side=SIDES[found.side],
        shares=number(found.shares),
        price=number(found.price),
        cumQty=number(found.cumQty),
        avgPrice=number(found.avgPrice),
        exchange=found.exchange,
        orderId=unset.order_id(found.orderId),
        permId=identity(found.permId),
        clientId=found.clientId,
        orderRef=text(found.orderRef),
        commission=exact(paid.commission) if paid else None,
        commissionCurrency=paid.currency if paid else None,
        realizedPNL=exact(paid.realizedPNL) if paid else None,
        idempotencyKey=key,
    )


def shown_by_ibkr(entry: TrackedOrder) -> str:
    """The first sentence of an answer that is replayed from IBKR's order instead of a record. Its time is of the
    gateway's clock, as all times of an order are."""
    since = entry.state.sent_at or (entry.state.life[0].at if entry.state.life else None)
    first = f"{since + entry.ahead:%Y-%m-%d %H:%M:%S} UTC" if since else "an unknown time"
    return f"Replayed: IBKR has the order of the first call with this key, known since {first}."
