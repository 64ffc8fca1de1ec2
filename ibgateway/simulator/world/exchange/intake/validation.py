"""TWS's checks of a new order: each returns the code and text of TWS's error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.world.instruments.instrument import Instrument

LIMITED = frozenset({"LMT", "STP LMT", "LIT", "LOC"})  # need a limit price
STOPPED = frozenset({"STP", "STP LMT", "MIT", "LIT", "STP PRT"})  # need an auxiliary price
TRAILING = frozenset({"TRAIL", "TRAIL LIMIT"})
PEGGED = frozenset({"REL", "MIDPRICE", "PEG MID", "PEG BEST"})
SNAPPED = frozenset({"SNAP MKT", "SNAP MID", "SNAP PRIM"})
MARKET = frozenset({"MKT", "MTL", "MKT PRT"})
AUCTION = frozenset({"MOC", "LOC"})
TYPES = LIMITED | STOPPED | TRAILING | PEGGED | SNAPPED | MARKET | AUCTION
KNOWN = frozenset({"PEG MKT", "PEG STK", "PEG BENCH", "PASSV REL", "BOX TOP", "VOL", "REL + LMT", "REL + MKT"})
STOCK_ONLY = PEGGED | SNAPPED | AUCTION
COMBINED = frozenset({"MKT", "LMT", "STP", "STP LMT", "TRAIL", "TRAIL LIMIT", "MIT", "LIT"})
# Algorithms that spread an order over time, and those that act as the order's own type.
SLICED = frozenset(
    {"Twap", "Vwap", "PctVol", "ArrivalPx", "AD", "DarkIce", "MinImpact", "ClosePx", "BalanceImpactRisk"}
)
PLAIN_ALGOS = frozenset({"Adaptive"})
OTHER_NAMES = {
    "STPLMT": "STP LMT",
    "STOP": "STP",
    "STOP LIMIT": "STP LMT",
    "TRAILLMT": "TRAIL LIMIT",
    "TRAILLIMIT": "TRAIL LIMIT",
    "MIDPX": "MIDPRICE",
    "PEGMID": "PEG MID",
    "PEGMKT": "PEG MKT",
    "PEGBEST": "PEG BEST",
    "LMT + MKT": "MTL",
    "MKTPRT": "MKT PRT",
    "STPPRT": "STP PRT",
    "RELATIVE": "REL",
}
TIMES_IN_FORCE = frozenset({"", "DAY", "GTC", "IOC", "FOK", "GTD", "OPG", "DTC", "AUC"})
UNSUPPORTED = "Unsupported order type for this exchange and security type."
TICK = "The price does not conform to the minimum price variation for this contract."
REFUSED = "Error validating request.-'bV' : cause - "
LARGEST = Decimal(10_000_000_000)


@dataclass(frozen=True)
class OrderRequest:
    """An order with its contract, instruments and accounts."""

    order: Order
    contract: Contract
    instruments: tuple[Instrument, ...]
    accounts: tuple[str, ...]

    @property
    def kind(self) -> str:
        return order_type(self.order)


Answer = tuple[int, str] | None


def order_type(order: Order) -> str:
    """Return the type as TWS names it; MOO and LOO are MKT and LMT that are good for the opening."""
    name = order.orderType.strip().upper()
    return OTHER_NAMES.get(name, name)


def first_refusal(asked: OrderRequest) -> Answer:
    """Return the refusal of the first check that the order fails."""
    return next((answer for check in CHECKS if (answer := check(asked)) is not None), None)


def _action(asked: OrderRequest) -> Answer:
    return None if asked.order.action in ("BUY", "SELL") else (321, REFUSED + "Invalid side")


def _account(asked: OrderRequest) -> Answer:
    order = asked.order
    if order.account and order.account not in asked.accounts:
        return 321, f"{REFUSED}Invalid account code '{order.account}'."
    if not order.account and len(asked.accounts) > 1 and not order.faGroup:
        return 435, "You must specify an account."
    return None


def _type(asked: OrderRequest) -> Answer:
    kind = asked.kind
    if kind in KNOWN:
        return 387, UNSUPPORTED
    if kind not in TYPES:
        return 321, f"{REFUSED}Invalid order type {asked.order.orderType[:40]}"
    if asked.contract.secType == "BAG":
        return None if kind in COMBINED else (387, UNSUPPORTED)
    secType = asked.instruments[0].secType
    if secType == "IND":
        return 201, "Order rejected - reason:Security is not available or allowed for this account."
    if kind in STOCK_ONLY and secType != "STK" and not (kind == "REL" and secType in ("OPT", "FUT", "FOP", "CASH")):
        return 387, UNSUPPORTED
    return None


def _tif(asked: OrderRequest) -> Answer:
    order = asked.order
    if order.tif not in TIMES_IN_FORCE:
        return 10052, f"Invalid time in force:{order.tif[:20]}"
    if order.tif in ("OPG", "AUC") and (asked.kind not in ("MKT", "LMT") or asked.instruments[0].secType != "STK"):
        return 387, UNSUPPORTED
    if order.tif == "GTD" and not order.goodTillDate:
        return 391, "The time-zone or date of the good-till-date is missing."
    return None


def _algo(asked: OrderRequest) -> Answer:
    known = not asked.order.algoStrategy or asked.order.algoStrategy in SLICED | PLAIN_ALGOS
    return None if known else (439, "The order processing failed. Algorithm definition not found.")


def _quantity(asked: OrderRequest) -> Answer:
    order, quantity = asked.order, asked.order.totalQuantity
    if order.cashQty:
        if asked.contract.secType == "BAG" or asked.instruments[0].secType not in ("STK", "CASH"):
            return 10244, "Cash Quantity cannot be used for this contract"
        return None if order.cashQty > 0 else (321, REFUSED + "Invalid cash quantity")
    if not quantity.is_finite() or quantity <= 0:
        return 321, REFUSED + "The size value cannot be zero."
    if quantity > LARGEST:
        return 201, "Order rejected - reason:Order size exceeds the maximum allowed."
    whole = quantity == quantity.to_integral_value()
    fractional = asked.contract.secType != "BAG" and asked.instruments[0].secType in ("STK", "CASH")
    if not whole and (not fractional or quantity != round(quantity, 4)):
        return 10318, "This order doesn't support fractional quantity trading"
    return None


def _prices(asked: OrderRequest) -> Answer:
    order, kind = asked.order, asked.kind
    if kind in LIMITED and order.lmtPrice is None:
        return 321, REFUSED + "Limit price is not specified"
    if kind in STOPPED and not order.auxPrice:
        return 321, REFUSED + "Stop price is not specified"
    if kind in TRAILING and not (order.auxPrice or order.trailingPercent):
        return 321, REFUSED + "Trailing amount or percent is not specified"
    if kind in TRAILING and order.trailingPercent and not 0 < order.trailingPercent < 100:
        return 321, REFUSED + "Invalid trailing percent"
    if kind == "TRAIL LIMIT" and order.lmtPrice is None and order.lmtPriceOffset is None:
        return 321, REFUSED + "Limit price or limit price offset is not specified"
    if asked.contract.secType == "BAG":
        return None
    if any(price <= 0 for price in _sent_prices(order, kind)):
        return 110, TICK
    return None if all(asked.instruments[0].on_grid(price) for price in _sent_prices(order, kind)) else (110, TICK)


def _sent_prices(order: Order, kind: str) -> Iterable[float]:
    """Yield the prices that the order's type uses; TWS ignores the others."""
    if kind in LIMITED or (kind in PEGGED | {"TRAIL LIMIT"} and order.lmtPrice):
        yield order.lmtPrice or 0.0
    if kind in STOPPED:
        yield order.auxPrice or 0.0
    if kind in TRAILING and order.trailStopPrice:
        yield order.trailStopPrice


CHECKS: tuple[Callable[[OrderRequest], Answer], ...] = (_action, _account, _type, _tif, _algo, _quantity, _prices)
