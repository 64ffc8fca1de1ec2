"""Random sequences of orders, and what must hold after each: `python -m tests.ibgateway.simulator.sequences 10000`."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.orders import CommissionReport, Execution, OpenOrder, Order, OrderCondition, OrderStatus
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import ACCOUNT, ES, EURUSD, START, new_world, stock

A_WORLD = 25  # sequences, before the next seed
STEPS = 20
CONTRACTS = (stock("IBM"), stock("RRC"), stock("VTI"), EURUSD, ES)
TYPES = ("MKT", "LMT", "STP", "STP LMT", "TRAIL", "TRAIL LIMIT", "MIT", "LIT", "REL", "MIDPRICE", "MOC", "LOC", "MTL")
# Stated here anew, so that it checks the exchange's own table.
MAY_FOLLOW = {
    "": {"PreSubmitted", "Inactive", "Cancelled", "ApiCancelled"},
    "PreSubmitted": {"PreSubmitted", "Submitted", "Filled", "Cancelled", "Inactive"},
    "Submitted": {"Submitted", "PreSubmitted", "Filled", "Cancelled", "Inactive"},
    "Filled": {"Filled"},
    "Cancelled": {"Cancelled"},
    "ApiCancelled": {"ApiCancelled"},
    "Inactive": {"Inactive"},
}


@dataclass
class Book:
    """What a client could work out by itself from what it was told."""

    opening_cash: dict[str, Decimal]
    positions: defaultdict[str, Decimal]
    status: dict[int, str] = field(default_factory=dict)
    perm_ids: dict[int, int] = field(default_factory=dict)
    ordered: dict[int, Decimal] = field(default_factory=dict)
    executed: defaultdict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    spent: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    fees: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    touched: dict[int, float] = field(default_factory=dict)  # when something was last told of an order
    executions: dict[str, Execution] = field(default_factory=dict)


class Violation(AssertionError):
    """Something that must never be."""


class Sequence:
    """One trader doing random things in a world, checked as it goes."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.dice = random.Random(seed)
        self.contracts = [world.resolve(each) for each in CONTRACTS]
        self.orders: list[tuple[int, Contract, Order]] = []
        self.book = Book(_cash(world), _positions(world))
        self.bound = _tied_in_futures(world)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.take(self.step())
            self.check_orders()
        self.take(self.world.global_cancel(1))
        self.check_orders()
        self.check_books()

    def step(self) -> list[Event]:
        roll = self.dice.random()
        if roll < 0.5:
            return self.place()
        if roll < 0.6 and self.orders:
            return self.modify()
        if roll < 0.7 and self.orders:
            return self.world.cancel_order(1, self.dice.choice(self.orders)[0])
        if roll < 0.75:
            return self.bracket()
        return self.world.advance(self.world.now + self.dice.choice((0.05, 1.0, 30.0, 600.0)))

    # --- doing ---------------------------------------------------------------------------------------------------

    def place(self) -> list[Event]:
        contract = self.dice.choice(self.contracts)
        return self.send(contract, self.order(contract))

    def send(self, contract: Contract, order: Order, orderId: int = 0) -> list[Event]:
        orderId = orderId or self.world.next_order_id(1)
        self.orders.append((orderId, contract, order))
        self.book.ordered[orderId] = max(order.totalQuantity, self.book.ordered.get(orderId, Decimal(0)))
        return self.world.place_order(1, orderId, contract, order)

    def order(self, contract: Contract) -> Order:
        dice, price = self.dice, self.near(contract)
        group = dice.choice(("", "", "", f"oca{dice.randrange(3)}"))
        return Order(
            action=dice.choice(("BUY", "SELL")),
            totalQuantity=self.quantity(contract),
            orderType=dice.choice(TYPES),
            lmtPrice=price,
            auxPrice=self.near(contract) if dice.random() < 0.9 else 0.01,
            tif=dice.choice(("DAY", "DAY", "GTC", "IOC", "FOK", "OPG")),
            ocaGroup=group,
            ocaType=dice.choice((1, 2, 3)) if group else 0,
            outsideRth=dice.random() < 0.3,
            allOrNone=dice.random() < 0.1,
            algoStrategy=dice.choice(("", "", "", "Twap", "Adaptive")),
            goodAfterTime=self.later() if dice.random() < 0.1 else "",
            conditions=(self.condition(contract),) if dice.random() < 0.15 else (),
            conditionsCancelOrder=dice.random() < 0.3,
        )

    def later(self) -> str:
        return f"{datetime.fromtimestamp(self.world.now + 120, UTC):%Y%m%d-%H:%M:%S}"

    def condition(self, contract: Contract) -> OrderCondition:
        kind = self.dice.choice((1, 3, 5))
        value = {1: str(self.near(contract)), 3: self.later(), 5: ""}[kind]
        more = self.dice.random() < 0.5
        return OrderCondition(kind, "a", more, value, contract.conId, symbol="IBM", secType="STK")

    def quantity(self, contract: Contract) -> Decimal:
        if contract.secType == "FUT":
            return Decimal(self.dice.randint(1, 3))
        most = 50_000 if contract.secType == "CASH" else self.dice.choice((10, 500, 3000))
        return Decimal(self.dice.randint(1, most))

    def near(self, contract: Contract) -> float:
        """A price on the grid, close to the market's."""
        details = self.world.contract_details(contract)[0]
        quote = self.world.snapshot(contract).quote
        middle = quote.bid or self.world.snapshot(contract).close or 100.0
        ticks = round(middle / details.minTick) + self.dice.randint(-15, 15)
        return round(ticks * details.minTick, 6)

    def modify(self) -> list[Event]:
        orderId, contract, order = self.dice.choice(self.orders)
        changed = replace(order, totalQuantity=self.quantity(contract), lmtPrice=self.near(contract))
        return self.send(contract, changed, orderId)

    def bracket(self) -> list[Event]:
        contract = self.dice.choice(self.contracts)
        parent = replace(self.order(contract), orderType="LMT", tif="DAY", ocaGroup="", transmit=False)
        events = self.send(contract, parent)
        parentId = self.orders[-1][0]
        exit_ = replace(parent, action="SELL" if parent.action == "BUY" else "BUY", parentId=parentId)
        events += self.send(contract, replace(exit_, lmtPrice=self.near(contract)))
        return events + self.send(contract, replace(exit_, orderType="STP", transmit=True))

    # --- checking ------------------------------------------------------------------------------------------------

    def take(self, events: list[Event]) -> None:
        book = self.book
        for each in events:
            if isinstance(each, OrderStatus):
                self.take_status(each)
            elif isinstance(each, Execution):
                _must(each.execId not in book.executions, "an execution id came twice", each)
                book.executions[each.execId] = each
                book.executed[each.orderId] += each.shares
                signed = each.shares * (1 if each.side == "BOT" else -1)
                book.positions[each.contract.localSymbol] += signed
                value = signed * Decimal(repr(each.price)) * Decimal(each.contract.multiplier or 1)
                book.spent[f"{each.contract.secType}/{each.contract.currency}"] += value
                if each.contract.secType == "CASH":
                    book.spent[f"CASH/{each.contract.symbol}"] -= signed
            elif isinstance(each, CommissionReport):
                _must(each.commission >= 0, "a commission below zero", each)
                book.fees[each.currency] += Decimal(repr(each.commission))

    def take_status(self, each: OrderStatus) -> None:
        book = self.book
        before = book.status.get(each.orderId, "")
        _must(each.status in MAY_FOLLOW[before], f"{before or 'new'} -> {each.status}", each)
        book.status[each.orderId] = each.status
        book.touched[each.orderId] = self.world.now
        known = book.perm_ids.setdefault(each.permId, each.orderId)
        _must(known == each.orderId, "one permId for two orders", each)
        _must(each.filled <= book.ordered[each.orderId], "more filled than ordered", each)
        _must(each.remaining >= 0, "less than nothing remains", each)
        _must(each.filled == book.executed[each.orderId], "filled is not what was executed", each)
        _must((each.status == "Filled") == (not each.remaining), "Filled and what remains disagree", each)

    def check_orders(self) -> None:
        """No crossed book: neither among clients nor against the market."""
        best: dict[tuple[int, str], float] = {}
        for each in self.world.open_orders(None):
            resting = each.state.status == "Submitted" and each.order.orderType == "LMT"
            if resting and each.order.lmtPrice and each.order.algoStrategy != "Twap":  # which bides its time
                self.check_limit(each)
                better = max if each.order.action == "BUY" else min
                key = each.contract.conId, each.order.action
                best[key] = better(best.get(key, each.order.lmtPrice), each.order.lmtPrice)
        for (conId, action), price in best.items():
            other = best.get((conId, "SELL"))
            _must(action != "BUY" or other is None or price < other, "clients' orders are crossed", best)

    def check_limit(self, each: OpenOrder) -> None:
        quote, limit = self.world.snapshot(each.contract).quote, each.order.lmtPrice or 0.0
        if each.order.allOrNone or quote.bid is None or quote.ask is None:
            return
        if quote.time <= self.book.touched.get(each.orderId, self.world.now):
            return  # the order has taken what this quote offered
        _must(quote.bid < quote.ask, "the market is crossed", quote)
        through = limit > quote.ask if each.order.action == "BUY" else limit < quote.bid
        _must(not through, "an order rests through the market", (each.orderId, each.order.action, limit, quote))

    def check_books(self) -> None:
        """Cash, positions and fees are what the executions say."""
        book = self.book
        held = _positions(self.world)
        for name, quantity in book.positions.items():
            _must(held[name] == quantity, f"position of {name}", (held[name], quantity))
        now, bound = _cash(self.world), _tied_in_futures(self.world)
        for currency, amount in now.items():
            spent = sum((value for key, value in book.spent.items() if _in_cash(key, currency)), Decimal(0))
            expected = book.opening_cash.get(currency, Decimal(0)) - spent - book.fees[currency]
            expected += bound.get(currency, Decimal(0)) - self.bound.get(currency, Decimal(0))
            _must(abs(amount - expected) < Decimal("0.000001"), f"cash in {currency}", (amount, expected))


def _in_cash(key: str, currency: str) -> bool:
    secType, _, of = key.partition("/")
    return of == currency and secType != "BAG"


def _must(holds: bool, what: str, seen: object) -> None:
    if not holds:
        raise Violation(f"{what}: {seen}")


def _cash(world: World) -> dict[str, Decimal]:
    return dict(world._broker.ledgers[ACCOUNT].cash)


def _tied_in_futures(world: World) -> dict[str, Decimal]:
    """What open futures would have cost if they were paid for."""
    bound: defaultdict[str, Decimal] = defaultdict(Decimal)
    for held in world._broker.ledgers[ACCOUNT].holdings.values():
        if held.instrument.secType == "FUT":
            bound[held.instrument.currency] += held.quantity * held.basis
    return bound


def _positions(world: World) -> defaultdict[str, Decimal]:
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for each in world.positions(None):
        found[each.contract.localSymbol] += each.position
    return found


def worlds(sequences: int, first_seed: int = 1) -> Iterator[int]:
    """Run so many sequences, a fresh world every few; yields how many are done."""
    world = new_world(first_seed)
    for number in range(sequences):
        if number % A_WORLD == 0:
            seed = first_seed + number // A_WORLD
            world = new_world(seed, START + 3600 * (seed % 7))
        try:
            Sequence(world, seed=first_seed * 1_000_000 + number).run(STEPS)
        except Violation as violation:
            raise Violation(f"sequence {number} of first seed {first_seed}: {violation}") from violation
        yield number + 1


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for done in worlds(wanted, int(sys.argv[2]) if len(sys.argv) > 2 else 1):
        if done % 500 == 0 or done == wanted:
            sys.stdout.write(f"{done} sequences, no violation\n")
            sys.stdout.flush()
