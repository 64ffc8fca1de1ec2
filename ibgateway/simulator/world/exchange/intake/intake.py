"""The reading of a new or modified order: its instruments, TWS's checks, its quantity and its end."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.world.account.allocation import AccountShare
from ibgateway.simulator.world.account.broker import Broker
from ibgateway.simulator.world.exchange.intake import validation as checks
from ibgateway.simulator.world.exchange.orders.conditions import Conditions
from ibgateway.simulator.world.exchange.orders.working_order import WorkingOrder
from ibgateway.simulator.world.exchange.prices.order_market import OrderMarket
from ibgateway.simulator.world.instruments.directory import BAG_CONID, Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.time.calendar import calendar
from ibgateway.simulator.world.time.instants import instant

FRACTION = Decimal("0.0001")  # of a share
ZONE = "US/Eastern"
NO_EXCHANGE = checks.REFUSED + "Missing order exchange"
BAD_LEGS = checks.REFUSED + "Invalid combination legs"


class OrderIntake:
    """Reads orders; raises `Refusal` with TWS's code and text for an order that TWS would not take."""

    def __init__(
        self,
        broker: Broker,
        directory: Directory,
        conditions: Conditions,
    ) -> None:
        self._broker = broker
        self._directory = directory
        self._conditions = conditions

    def read(self, working: WorkingOrder, contract: Contract, order: Order, at: float) -> WorkingOrder:
        """Return the working order of this contract and order."""
        known, instruments = self._resolve(contract, at)
        order = replace(order, account=order.account or self._account(working, order), tif=order.tif or "DAY")
        refused = checks.first_refusal(checks.OrderRequest(order, known, instruments, tuple(self._broker.ledgers)))
        if refused is not None:
            raise Refusal(*refused)
        self._conditions.check(order, at)
        instant(order.goodAfterTime, ZONE, at)
        read = replace(working, contract=known, instruments=instruments, order=order, expires=_good_till(order, at))
        read.parts = working.parts or self._parts(read.order, at)
        read.quantity = self._quantity(read, at)
        return read

    def _account(self, working: WorkingOrder, order: Order) -> str:
        accounts = tuple(self._broker.ledgers)
        return working.order.account or (accounts[0] if len(accounts) == 1 and not order.faGroup else "")

    def _parts(self, order: Order, at: float) -> list[AccountShare]:
        return [AccountShare(order.account)] if order.account else self._broker.parts(order.faGroup, order.faMethod, at)

    def _resolve(self, contract: Contract, at: float) -> tuple[Contract, tuple[Instrument, ...]]:
        if not contract.exchange:
            raise Refusal(321, NO_EXCHANGE)
        if contract.secType == "BAG" or contract.comboLegs:
            return self._resolve_bag(contract)
        today = calendar("US_STOCK").local(at).date()
        instrument = self._directory.one(contract, today)
        if instrument.expiry is not None and instrument.expiry < today:
            raise Refusal(201, "Order rejected - reason:Contract has expired.")
        return instrument.contract(contract.exchange), (instrument,)

    def _resolve_bag(self, contract: Contract) -> tuple[Contract, tuple[Instrument, ...]]:
        legs = [self._directory.get(leg.conId) for leg in contract.comboLegs]
        found = tuple(leg for leg in legs if leg is not None and leg.quoted)
        bad = any(leg.ratio <= 0 or leg.action not in ("BUY", "SELL") for leg in contract.comboLegs)
        if len(found) < max(len(legs), 2) or bad or len({leg.currency for leg in found}) > 1:
            raise Refusal(321, BAD_LEGS)
        text = ",".join(f"{leg.conId}|{ratio}" for leg, ratio in zip(contract.comboLegs, ratios(contract), strict=True))
        return replace(
            contract,
            conId=BAG_CONID,
            secType="BAG",
            symbol=contract.symbol or found[0].symbol,
            currency=contract.currency or found[0].currency,
            localSymbol=contract.localSymbol or contract.symbol or found[0].symbol,
            tradingClass="COMB",
            comboLegsDescrip=contract.comboLegsDescrip or text,
        ), found

    def _quantity(self, working: WorkingOrder, at: float) -> Decimal:
        """Return the quantity in shares, also of an order for an amount of money."""
        cash, sent = working.order.cashQty, working.order.totalQuantity
        if not cash or sent:
            return sent
        price = working.order.lmtPrice or OrderMarket(self._broker.market, working.instruments[0]).price(at)
        quantity = (Decimal(repr(cash)) / Decimal(repr(price))).quantize(FRACTION, rounding=ROUND_DOWN)
        if quantity <= 0:
            raise Refusal(321, checks.REFUSED + "Invalid cash quantity")
        return quantity


def ratios(contract: Contract) -> list[int]:
    """Return the legs' ratios, below zero for legs that the combination sells."""
    return [leg.ratio * (1 if leg.action == "BUY" else -1) for leg in contract.comboLegs]


def _good_till(order: Order, at: float) -> float | None:
    """Return the end of a GTD order; a day order's end is found when it starts."""
    if order.tif != "GTD":
        return None
    until = instant(order.goodTillDate, ZONE, at)
    if until is None or until <= at:
        raise Refusal(201, "Order rejected - reason:Good till date is in the past")
    return until
