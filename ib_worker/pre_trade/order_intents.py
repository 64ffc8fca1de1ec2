"""An order of TWS as the checks use it, and the digest of its terms."""

import hashlib
from decimal import Decimal

import ib_async

from bridge.text.plain_text import one_line
from ib_worker.pre_trade.order_facts import (
    magnifier_of,
    multiplier_of,
    option_of,
)
from ib_worker.risk.intent import OrderIntent, RiskInputs
from ib_worker.risk.order_prices import aux_price, limit_price
from ib_worker.tws.values.unset import real

LONGEST_TERMS = 60  # characters


def intent_of(
    contract: ib_async.Contract, order: ib_async.Order, details: ib_async.ContractDetails | None = None
) -> OrderIntent:
    """Return the order as the checks use it. `details` has the unit of its price."""
    magnifier, kind = magnifier_of(details), (order.orderType, contract.secType)
    tick = real(details.minTick) if details is not None else None
    return OrderIntent(
        symbol=contract.symbol,
        secType=contract.secType,
        currency=contract.currency,
        multiplier=multiplier_of(contract),
        action="BUY" if order.action == "BUY" else "SELL",
        totalQuantity=Decimal(str(order.totalQuantity)),
        orderType=order.orderType,
        lmtPrice=limit_price(*kind, order.lmtPrice),
        auxPrice=aux_price(*kind, order.auxPrice),
        outsideRth=order.outsideRth,
        tif=order.tif or "DAY",
        trailingPercent=real(order.trailingPercent) or None,
        priceMagnifier=magnifier,
        minTick=tick or 0.01,
        option=option_of(contract, magnifier),
        modelCode=order.modelCode,
        described=_bond_terms(details) if contract.secType == "BOND" and details is not None else "",
    )


def _bond_terms(details: ib_async.ContractDetails) -> str:
    """Return the terms that distinguish a bond from others of its issuer: TWS gives all of them one symbol."""
    told = [f"CUSIP {details.cusip}"] if details.cusip else []
    told += [f"matures {details.maturity}"] if details.maturity else []
    return one_line(", ".join(told), LONGEST_TERMS)


def terms_digest(contract: ib_async.Contract, order: ib_async.Order, quantity: bool = True) -> str:
    """Return the digest of all requested terms: two orders with one digest are equal. Without `quantity`: but for
    that."""
    kind = (order.orderType, contract.secType)
    prices = [limit_price(*kind, order.lmtPrice), aux_price(*kind, order.auxPrice)]
    told = [contract.conId, contract.exchange]
    told += [order.account, order.action, order.totalQuantity if quantity else None, order.orderType, *prices]
    told += [order.trailingPercent, order.tif, order.outsideRth, *([order.modelCode] if order.modelCode else [])]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


def near_price(intent: OrderIntent, facts: RiskInputs) -> float | None:
    """Return the price at which the order would trade now."""
    near = facts.ask if intent.action == "BUY" else facts.bid
    return near or facts.last
