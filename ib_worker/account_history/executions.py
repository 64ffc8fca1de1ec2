"""An execution and a commission of TWS as the account's past has them. Pure."""

from datetime import UTC, datetime

import ib_async

from bridge.bus.history.records import TradeCommission, TradeExecution
from bridge.text.contract_name import contract_name
from ib_worker.tws.values import unset


def trade_execution(contract: ib_async.Contract, told: ib_async.Execution, now: datetime) -> TradeExecution | None:
    """Return an execution as it is recorded; None for one without a quantity or a price."""
    shares, price = unset.number(told.shares), unset.number(told.price)
    if shares is None or price is None or told.side not in ("BOT", "SLD"):
        return None
    heard = now.astimezone(UTC).isoformat(timespec="milliseconds")
    at = unset.execution_time(told.time)
    return TradeExecution(
        execId=told.execId,
        account=told.acctNumber,
        time=at.astimezone(UTC).isoformat() if at is not None else heard,
        heard=heard,
        conId=contract.conId,
        name=contract_name(contract),
        symbol=contract.symbol,
        secType=contract.secType,
        currency=contract.currency,
        side="BOT" if told.side == "BOT" else "SLD",
        shares=shares,
        price=price,
        multiplier=unset.applies(contract.multiplier) or "",
        exchange=told.exchange,
        orderId=unset.order_id(told.orderId),
        permId=unset.identity(told.permId),
        clientId=told.clientId,
        orderRef=unset.text(told.orderRef) or "",
    )


def trade_commission(told: ib_async.CommissionReport) -> TradeCommission | None:
    """Return a commission as it is recorded; None for one without an amount."""
    amount = unset.number(told.commission)
    if amount is None:
        return None
    return TradeCommission(told.execId, amount, unset.text(told.currency) or "", unset.number(told.realizedPNL))
