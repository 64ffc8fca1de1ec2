"""Exercise and expiry: options become stock or cash, futures are settled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.orders import CommissionReport, Execution, Exercise
from ibgateway.simulator.world.account.broker import Broker
from ibgateway.simulator.world.exchange.orders.registry import ExecutionReport, OrderRegistry
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.option_pricing.options import DERIVED, expiry_instant

EXERCISE, LAPSE = 1, 2
OF_NO_CLIENT = (0, 0)  # clientId and orderId of what nobody asked for
LEAST_IN_THE_MONEY = 0.01  # options that are worth less expire
EXPIRING = (*DERIVED, "FUT")
NOT_HELD = "Order rejected - reason:No unlapsed long position exists for this option."
NOT_IN_THE_MONEY = "Error processing request:Exercise ignored because option is not in-the-money."


class Expiries:
    """Settles expired and exercised instruments."""

    def __init__(
        self, broker: Broker, directory: Directory, registry: OrderRegistry, report: Callable[[Iterable[Event]], None]
    ) -> None:
        self._broker = broker
        self._directory = directory
        self._registry = registry
        self._report = report
        self._lapsed: dict[tuple[str, int], Decimal] = {}
        self._settled = 0

    def next_due(self) -> float | None:
        """Return the next expiry of a held instrument."""
        instants = [
            expiry_instant(held.instrument)
            for ledger in self._broker.ledgers.values()
            for held in ledger.holdings.values()
            if held.quantity and held.instrument.secType in EXPIRING
        ]
        return min(instants, default=None)

    def run(self, at: float) -> None:
        """Settle the instruments expired by `at`: long options in the money are exercised, short ones assigned."""
        for account, ledger in self._broker.ledgers.items():
            for held in list(ledger.holdings.values()):
                instrument = held.instrument
                if held.quantity and instrument.secType in EXPIRING and expiry_instant(instrument) <= at:
                    lapsed = self._lapsed.pop((account, instrument.conId), Decimal(0))
                    self._settle(account, instrument, held.quantity, lapsed, at)

    def exercise(self, option: Instrument, asked: Exercise, at: float) -> None:
        """Exercise options now, or mark a number of them to lapse."""
        name = asked.account or next(iter(self._broker.ledgers))
        if name not in self._broker.ledgers:
            raise Refusal(321, f"Error validating request.-'bJ' : cause - Invalid account code '{name}'.")
        if option.secType not in DERIVED or asked.action not in (EXERCISE, LAPSE) or asked.quantity <= 0:
            raise Refusal(321, "Error validating request.-'bJ' : cause - Invalid exercise request")
        held = self._broker.ledgers[name].quantity(option.conId)
        size = Decimal(asked.quantity)
        if held < size:
            raise Refusal(201, NOT_HELD)
        if asked.action == LAPSE:
            self._lapsed[name, option.conId] = size
            return
        if not asked.override and self._worth(option, at) < LEAST_IN_THE_MONEY:
            raise Refusal(201, NOT_IN_THE_MONEY)
        self._turn(name, option, size, at, (asked.clientId, asked.reqId))

    def _settle(self, account: str, instrument: Instrument, quantity: Decimal, lapsed: Decimal, at: float) -> None:
        if instrument.secType == "FUT":
            self._trade(account, instrument, -quantity, self._broker.market.price(instrument, at), at)
            return
        exercised = quantity
        if self._worth(instrument, at) < LEAST_IN_THE_MONEY:
            exercised = Decimal(0)
        elif quantity > 0:
            exercised = max(quantity - lapsed, Decimal(0))
        if quantity != exercised:
            self._trade(account, instrument, -(quantity - exercised), 0.0, at)
        if exercised:
            self._turn(account, instrument, exercised, at)

    def _turn(
        self, account: str, option: Instrument, quantity: Decimal, at: float, ids: tuple[int, int] = OF_NO_CLIENT
    ) -> None:
        """Change options into their underlying at the strike, or into cash for an index. `ids`: as `_trade` has
        them."""
        under = self._directory.get(option.underConId)
        assert under is not None
        if under.secType == "IND":
            self._trade(account, option, -quantity, self._worth(option, at), at, ids)
            return
        self._trade(account, option, -quantity, 0.0, at, ids)
        direction = 1 if option.right == "C" else -1
        each = Decimal(option.multiplier) if under.secType == "STK" else Decimal(1)
        self._trade(account, under, quantity * direction * each, option.strike or 0.0, at, ids)

    def _worth(self, option: Instrument, at: float) -> float:
        """Return the amount by which it is in the money."""
        under = self._broker.market.price(self._broker.market.underlying(option), at)
        away = under - (option.strike or 0.0)
        return round(max(away if option.right == "C" else -away, 0.0), 6)

    def _trade(
        self,
        account: str,
        instrument: Instrument,
        quantity: Decimal,
        price: float,
        at: float,
        ids: tuple[int, int] = OF_NO_CLIENT,
    ) -> None:
        """Book a settlement and report it: an execution without an order and without a fee. `ids`: the execution's
        clientId and orderId."""
        clientId, orderId = ids
        profit = self._broker.ledgers[account].trade(instrument, quantity, Decimal(repr(price)), Decimal(0))
        self._settled += 1
        execution = Execution(
            clientId=clientId,
            orderId=orderId,
            contract=instrument.contract(instrument.primaryExchange or instrument.exchanges[0]),
            execId=f"0000e0d5.{0:08x}.{self._settled:04x}.01",
            time=at,
            acctNumber=account,
            exchange=instrument.primaryExchange or instrument.exchanges[0],
            side="BOT" if quantity > 0 else "SLD",
            shares=abs(quantity),
            price=price,
            permId=0,
            liquidation=0,
            cumQty=abs(quantity),
            avgPrice=price,
        )
        realized = round(float(profit), 6) if profit is not None else None
        report = CommissionReport(clientId, execution.execId, 0.0, instrument.currency, realized)
        self._registry.reports.append(ExecutionReport(execution, report))
        self._report([execution, report, self._broker.position(account, instrument)])
        self._report([self._broker.item(account, instrument, at)])
