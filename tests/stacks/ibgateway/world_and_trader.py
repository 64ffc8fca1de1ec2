"""A world and a trader in it: what most tests of the world begin with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from ibgateway.simulator.model.account import AccountPosition, AccountValue, PortfolioItem
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.market_data import Trade
from ibgateway.simulator.model.orders import Execution, Order, OrderError, OrderStatus
from ibgateway.simulator.world.world import World, WorldConfig

NEW_YORK = ZoneInfo("US/Eastern")
START = datetime(2025, 6, 11, 10, 30, tzinfo=NEW_YORK).timestamp()
ACCOUNT = "DU1234567"

Kind = TypeVar("Kind")


def new_world(seed: int = 1, start: float = START, **config: Any) -> World:
    return World(WorldConfig(seed, start, **config))


def at(hour: int, minute: int = 0, day: int = 11, second: int = 0) -> float:
    """A time in June 2025, in New York."""
    return datetime(2025, 6, day, hour, minute, second, tzinfo=NEW_YORK).timestamp()


def stock(symbol: str, currency: str = "USD", exchange: str = "SMART") -> Contract:
    return Contract(symbol=symbol, secType="STK", exchange=exchange, currency=currency)


def option(strike: float, right: str = "C", expiry: str = "20250613", symbol: str = "AAPL") -> Contract:
    return Contract(
        symbol=symbol,
        secType="OPT",
        exchange="SMART",
        currency="USD",
        lastTradeDateOrContractMonth=expiry,
        strike=strike,
        right=right,
    )


AAPL = stock("AAPL")
EURUSD = Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD")
ES = Contract(symbol="ES", secType="FUT", exchange="CME", lastTradeDateOrContractMonth="202509")

END = at(16)  # of liquid hours


class Trader:
    """One client; keeps every event that it was told."""

    def __init__(self, world: World, clientId: int = 1) -> None:
        self.world = world
        self.clientId = clientId
        self.told: list[Event] = []

    def place(
        self, action: str, quantity: float | str | Decimal, orderType: str, contract: Contract = AAPL, **fields: Any
    ) -> int:
        """Place an order with the next id and return the id."""
        orderId = self.world.next_order_id(self.clientId)
        order = Order(action=action, totalQuantity=Decimal(str(quantity)), orderType=orderType, **fields)
        self.told = self.world.place_order(self.clientId, orderId, contract, order)
        return orderId

    def modify(self, orderId: int, contract: Contract = AAPL, **changes: Any) -> None:
        known = next(each for each in self.world.open_orders(self.clientId) if each.orderId == orderId)
        order = replace(known.order, **changes)
        self.told = self.world.place_order(self.clientId, orderId, contract, order)

    def cancel(self, orderId: int) -> None:
        self.told = self.world.cancel_order(self.clientId, orderId)

    def wait(self, until: float) -> None:
        self.told = self.world.advance(until)

    def of(self, kind: type[Kind], orderId: int | None = None) -> list[Kind]:
        """What was told last, of one kind and order."""
        return [
            each for each in self.told if isinstance(each, kind) and orderId in (None, getattr(each, "orderId", None))
        ]

    def statuses(self, orderId: int | None = None) -> list[str]:
        return [each.status for each in self.of(OrderStatus, orderId)]

    def errors(self) -> list[tuple[int, str]]:
        return [(each.code, each.text) for each in self.of(OrderError)]

    def fills(self, orderId: int | None = None) -> list[Execution]:
        return self.of(Execution, orderId)

    def position(self, symbol: str) -> Decimal:
        held = (each for each in self.world.positions(None) if each.contract.localSymbol == symbol)
        return next((each.position for each in held), Decimal(0))


def names(events: list[Event]) -> list[str]:
    """The kinds of events that a client sees of an order, in order."""
    return [
        type(each).__name__ for each in events if not isinstance(each, AccountPosition | PortfolioItem | AccountValue)
    ]


def summary_value(world: World, tag: str) -> float:
    """The first account's value of one tag of the account summary."""
    return float(next(each.value for each in world.account_summary("All", tag) if each.tag == tag))


def prints(world: World, upto: float = END) -> list[Trade]:
    """AAPL's trades from the start of a new world on."""
    return world.trades(world.resolve(AAPL), START, upto)


def quote(world: World, time: float | None = None) -> tuple[float, float]:
    """AAPL's bid and ask."""
    shown = world.snapshot(world.resolve(AAPL), time).quote
    assert shown.bid is not None
    assert shown.ask is not None
    return shown.bid, shown.ask


def level(world: World, share: float) -> float:
    """A price of AAPL between the lowest (0) and the highest (1) of the rest of the day."""
    seen = [trade.price for trade in prints(world)]
    return round(min(seen) + (max(seen) - min(seen)) * share, 2)


def last_status(trader: Trader, orderId: int) -> OrderStatus:
    """The latest status that was told of an order."""
    return trader.of(OrderStatus, orderId)[-1]
