"""Booking: a fill's executions, fees and profits in the books of the order's accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import CommissionReport, Execution
from ibgateway.simulator.world.account.allocation import AccountShare, allot
from ibgateway.simulator.world.account.commissions import OrderTrades, commission
from ibgateway.simulator.world.account.ledger import Ledger
from ibgateway.simulator.world.exchange.orders.registry import ExecutionReport
from ibgateway.simulator.world.exchange.orders.working_order import WorkingOrder
from ibgateway.simulator.world.exchange.prices.combo_market import ComboMarket
from ibgateway.simulator.world.exchange.prices.order_market import OrderMarket
from ibgateway.simulator.world.instruments.instrument import Instrument


@dataclass(frozen=True)
class OrderFill:
    """A fill of an order by one price at one venue."""

    order: WorkingOrder
    at: float
    price: float
    size: Decimal
    venue: str
    liquidity: int


@dataclass(frozen=True)
class _Share:
    """One account's share of a fill, or of a leg of it. `signed`: negative for a sale; `number`: of the execution."""

    fill: OrderFill
    part: AccountShare
    price: float
    signed: Decimal
    number: int


def book(fill: OrderFill, ledgers: Mapping[str, Ledger], market: OrderMarket | ComboMarket) -> list[ExecutionReport]:
    """Book each account's share of a fill; execution numbers continue from the order's last fill."""
    order = fill.order
    reports: list[ExecutionReport] = []
    for number, (part, size) in enumerate(allot(order.parts, fill.size), order.fills * len(order.parts)):
        part.filled += size
        part.value += size * Decimal(repr(fill.price))
        share = _Share(fill, part, fill.price, size * order.sign, number)
        if isinstance(market, ComboMarket):
            reports += _book_combination(share, ledgers, market)
        else:
            reports.append(_book_instrument(share, order.instruments[0], ledgers))
    return reports


def _book_combination(share: _Share, ledgers: Mapping[str, Ledger], market: ComboMarket) -> list[ExecutionReport]:
    """Book each leg. The combination's own execution is a report alone, and has no commission."""
    fill, number = share.fill, share.number * 16
    reports = [ExecutionReport(_execution(replace(share, number=number), fill.order.contract), None)]
    legs = market.leg_prices(fill.order.buy, share.price, fill.at)
    for place, (leg, ratio, price) in enumerate(legs, number + 1):
        of_leg = replace(share, price=price, signed=share.signed * ratio, number=place)
        reports.append(_book_instrument(of_leg, leg, ledgers))
    return reports


def _book_instrument(share: _Share, instrument: Instrument, ledgers: Mapping[str, Ledger]) -> ExecutionReport:
    execution = _execution(share, instrument.contract(share.fill.venue))
    fee = _fee(share, instrument)
    profit = ledgers[share.part.account].trade(instrument, share.signed, Decimal(repr(share.price)), fee)
    share.part.fees += fee
    realized = round(float(profit), 6) if profit is not None else None
    clientId = share.fill.order.clientId
    return ExecutionReport(
        execution, CommissionReport(clientId, execution.execId, float(fee), instrument.currency, realized)
    )


def _fee(share: _Share, instrument: Instrument) -> Decimal:
    """Return the fee that this fill adds to the order's cost: minimums are charged once."""
    part, sold = share.part, share.signed < 0
    if share.fill.order.combination:
        size = abs(share.signed)
        return commission(instrument, OrderTrades(size, size * Decimal(repr(abs(share.price))), sold))
    return commission(instrument, OrderTrades(part.filled, part.value, sold)) - part.fees


def _execution(share: _Share, contract: Contract) -> Execution:
    order = share.fill.order
    return Execution(
        clientId=order.clientId,
        orderId=order.orderId,
        contract=contract,
        # The last part counts corrections: a corrected execution keeps the rest of its id.
        execId=f"0000e0d5.{order.permId:08x}.{share.number:02x}.01",
        time=share.fill.at,
        acctNumber=share.part.account,
        exchange=share.fill.venue,
        side="BOT" if share.signed > 0 else "SLD",
        shares=abs(share.signed),
        price=share.price,
        permId=order.permId,
        liquidation=0,
        cumQty=share.part.filled,
        avgPrice=share.part.average,
        orderRef=order.order.orderRef,
        modelCode=order.order.modelCode,
        lastLiquidity=share.fill.liquidity,
        submitter=order.order.submitter,
    )
