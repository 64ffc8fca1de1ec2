"""Orders, and the state of the accounts that they change, as methods of the world."""

from __future__ import annotations

from decimal import Decimal

from ibgateway.simulator.model.account import AccountPnL, AccountPosition, AccountValue, PortfolioItem, PositionPnL
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.orders import (
    CommissionReport,
    Execution,
    ExecutionFilter,
    Exercise,
    OpenOrder,
    Order,
    OrderStatus,
)
from ibgateway.simulator.world.exchange import order_lists as orders
from ibgateway.simulator.world.parts import WorldParts


class OrderOperations(WorldParts):
    """Orders, executions, exercise, and the accounts' values."""

    # --- orders --------------------------------------------------------------------------------------------------

    def place_order(self, clientId: int, orderId: int, contract: Contract, order: Order) -> list[Event]:
        """Take a new order, a modification or a what-if (the reply is an OpenOrder with the margins). Never raises."""
        self._exchange.place(clientId, orderId, contract, order, self.now)
        return self._drain()

    def cancel_order(self, clientId: int, orderId: int, manualTime: str = "") -> list[Event]:
        """Cancel an order; 10147, 10148 or 161 are returned as OrderError."""
        self._exchange.cancel(clientId, orderId, self.now)
        return self._drain()

    def global_cancel(self, clientId: int) -> list[Event]:
        """Cancel every open order of every client."""
        self._exchange.cancel_all(self.now)
        return self._drain()

    def deposit(self, account: str, currency: str, amount: Decimal) -> None:
        """Add money to an account, below zero to withdraw it; Refusal 321 if there is no such account."""
        self._broker.ledgers[self._broker.known(account)].deposit(currency, amount)

    def fill(self, clientId: int, orderId: int, size: Decimal | None, price: float | None) -> list[Event]:
        """Fill an open order whatever the market does; by default all of it, at the market's price."""
        self._exchange.fill(clientId, orderId, size, price, self.now)
        return self._drain()

    def next_order_id(self, clientId: int) -> int:
        """Return the next valid order id of a client id: above every id that it has used in this world."""
        return self._exchange.registry.next_order_id(clientId)

    def open_orders(self, clientId: int | None) -> list[OpenOrder]:
        """Return the open orders of one client, or of all (None), oldest first."""
        return orders.open_orders(self._exchange, clientId, self.now)

    def order_status_of(self, open_order: OpenOrder) -> OrderStatus:
        """Return the present orderStatus (3) of an order that this world has returned."""
        return orders.status_of(self._exchange, open_order)

    def completed_orders(self, apiOnly: bool) -> list[OpenOrder]:
        """Return the day's filled, cancelled and rejected orders, latest first; their orderId is 0, as TWS sends it."""
        return orders.completed(self._exchange, self.now)

    def executions(self, filter: ExecutionFilter) -> list[tuple[Execution, CommissionReport | None]]:
        """Return the day's executions that pass the filter, oldest first, with their commission reports."""
        return orders.executions(self._exchange, filter, self.now)

    def exercise_option(self, contract: Contract, exercise: Exercise) -> list[Event]:
        """Exercise options that are held, or let them lapse; Refusal 201 or 321 if that is impossible."""
        option = self._directory.one(contract, self._today())
        self._exchange.expiries.exercise(option, exercise, self.now)
        return self._drain()

    # --- account -------------------------------------------------------------------------------------------------

    def positions(self, account: str | None) -> list[AccountPosition]:
        """Return the positions of one account or of all (None); a position closed today stays with 0."""
        return self._broker.positions(account)

    def portfolio(self, account: str) -> list[PortfolioItem]:
        """Return the rows of updatePortfolio (7)."""
        return self._broker.portfolio(account, self.now)

    def account_values(self, account: str) -> list[AccountValue]:
        """Return the Account Window's values for updateAccountValue (6), the $LEDGER currencies included."""
        return self._broker.account_values(account, self.now)

    def account_summary(self, group: str, tags: str) -> list[AccountValue]:
        """Return the rows of comma separated tags; "$LEDGER", "$LEDGER:EUR", "$LEDGER:ALL" as TWS, else Refusal 321."""
        return self._broker.summary(group, tags, self.now)

    def pnl(self, account: str, modelCode: str) -> AccountPnL:
        """Return the Portfolio window's numbers; Refusal 321 for an unknown account."""
        return self._broker.pnl(self._broker.known(account), self.now)

    def pnl_single(self, account: str, modelCode: str, conId: int) -> PositionPnL:
        """Return the same numbers of one contract; all None and pos 0 if it is not held."""
        return self._broker.pnl_single(self._broker.known(account), conId, self.now)
