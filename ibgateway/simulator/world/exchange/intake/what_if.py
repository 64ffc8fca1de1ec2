"""An order's effect on the account: the broker's checks before it accepts the order, and the what-if reply."""

from __future__ import annotations

from decimal import Decimal

from ibgateway.simulator.model.orders import OpenOrder, OrderState
from ibgateway.simulator.world.account.allocation import AccountShare
from ibgateway.simulator.world.account.broker import Broker
from ibgateway.simulator.world.account.commissions import OrderTrades, commission
from ibgateway.simulator.world.account.margin import AccountWorth
from ibgateway.simulator.world.exchange.intake.error_texts import CROWDED, LATE_AUCTION, margin_text
from ibgateway.simulator.world.exchange.intake.validation import AUCTION, order_type
from ibgateway.simulator.world.exchange.orders.registry import OrderRegistry
from ibgateway.simulator.world.exchange.orders.working_order import PARENT, TRANSMIT, WorkingOrder
from ibgateway.simulator.world.exchange.prices.combo_market import ComboMarket
from ibgateway.simulator.world.exchange.prices.order_market import OrderMarket
from ibgateway.simulator.world.instruments.instrument import Instrument

AUCTION_CUTOFF_S = 10 * 60  # orders for the close must come this long before it
MOST_WORKING = 20  # orders of one side, contract and account
Trade = tuple[Instrument, Decimal, float]


def margin_refusal(broker: Broker, feed: OrderMarket | ComboMarket, order: WorkingOrder, at: float) -> str:
    """Return TWS's text if an account lacks the margin for its share; empty if the order lowers the margin."""
    for part in order.parts:
        before, after = _before_and_after(broker, feed, order, part, at)
        if after.available < 0 and after.initial > before.initial:
            return margin_text(before.with_loan, after.initial, broker.ledgers[part.account].base)
    return ""


def refusal(
    broker: Broker, feed: OrderMarket | ComboMarket, registry: OrderRegistry, order: WorkingOrder, at: float
) -> str:
    """Return the broker's reason for refusing the order; empty if it accepts. A child's margin is its parent's."""
    if _crowded(registry, order):
        return CROWDED.format(MOST_WORKING)
    if order_type(order.order) in AUCTION and _too_late(feed, at):
        return LATE_AUCTION
    return "" if PARENT in order.waits else margin_refusal(broker, feed, order, at)


def _crowded(registry: OrderRegistry, order: WorkingOrder) -> bool:
    same = [
        each
        for each in registry.active.values()
        if each.instruments == order.instruments
        and each.buy == order.buy
        and each.order.account == order.order.account
        and TRANSMIT not in each.waits
        and each is not order
    ]
    return len(same) >= MOST_WORKING


def _too_late(feed: OrderMarket | ComboMarket, at: float) -> bool:
    window = feed.window(at, False)
    return window.start <= at and window.end - at < AUCTION_CUTOFF_S


def preview(broker: Broker, feed: OrderMarket | ComboMarket, order: WorkingOrder, at: float) -> OpenOrder:
    """Return the reply to a what-if: an openOrder that was never placed, for a group of its first account."""
    part = order.parts[0]
    before, after = _before_and_after(broker, feed, order, part, at)
    fee = float(_fee(_trades(feed, order, part, at), order))
    currency = broker.ledgers[part.account].base
    state = OrderState(
        status="PreSubmitted",
        initMarginBefore=round(before.initial, 2),
        maintMarginBefore=round(before.maintenance, 2),
        equityWithLoanBefore=round(before.with_loan, 2),
        initMarginChange=round(after.initial - before.initial, 2),
        maintMarginChange=round(after.maintenance - before.maintenance, 2),
        equityWithLoanChange=round(after.with_loan - fee - before.with_loan, 2),
        initMarginAfter=round(after.initial, 2),
        maintMarginAfter=round(after.maintenance, 2),
        equityWithLoanAfter=round(after.with_loan - fee, 2),
        commission=fee,
        minCommission=fee,
        maxCommission=fee,
        commissionCurrency=order.instruments[0].currency,
        marginCurrency=currency,
        warningText="" if after.available >= 0 else margin_text(before.with_loan, after.initial, currency),
    )
    return OpenOrder(order.clientId, order.orderId, 0, order.contract, order.order, state)


def _before_and_after(
    broker: Broker, feed: OrderMarket | ComboMarket, order: WorkingOrder, part: AccountShare, at: float
) -> tuple[AccountWorth, AccountWorth]:
    after = broker.worth_after(part.account, _trades(feed, order, part, at), at)
    return broker.worth(part.account, at), after


def _trades(feed: OrderMarket | ComboMarket, order: WorkingOrder, part: AccountShare, at: float) -> list[Trade]:
    """Return the order's trades in one account, at the market's price: a limit away from it would count as a profit."""
    price = feed.price(at)
    size = order.remaining * order.sign * part.share
    if isinstance(feed, ComboMarket):
        return [(leg, size * ratio, each) for leg, ratio, each in feed.leg_prices(order.buy, feed.price(at), at)]
    return [(order.instruments[0], size, price)]


def _fee(trades: list[Trade], order: WorkingOrder) -> Decimal:
    if not order.combination:
        instrument, size, price = trades[0]
        return commission(instrument, OrderTrades(abs(size), abs(size) * Decimal(repr(price)), size < 0))
    return sum(
        (
            commission(leg, OrderTrades(abs(size), abs(size) * Decimal(repr(price)), size < 0))
            for leg, size, price in trades
        ),
        Decimal(0),
    )
