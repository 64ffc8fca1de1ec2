"""A world's run is repeated to the event, and its time moves forward alone."""

from __future__ import annotations

from ibgateway.simulator.model.events import Event
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import ACCOUNT, START, Trader, at, new_world


def test_a_run_is_repeated_to_the_event() -> None:
    def run() -> list[Event]:
        trader, events = Trader(new_world(seed=7)), []
        for orderType, price in (("MKT", None), ("LMT", 424.0), ("REL", None)):
            trader.place("BUY", 300, orderType, lmtPrice=price, auxPrice=0.01)
            events += trader.told
        trader.wait(START + 3600)
        return events + trader.told

    assert run() == run()


def test_time_does_not_go_back(world: World) -> None:
    world.advance(START + 60)
    world.advance(START + 30)

    assert world.now == START + 60


def test_the_next_due_is_when_an_order_or_an_expiry_may_happen(trader: Trader) -> None:
    world = trader.world
    assert world.next_due() is None

    trader.place("BUY", 1, "MKT", goodAfterTime="20250611 11:00:00 US/Eastern")

    assert world.next_due() == at(11)
    trader.wait(at(11))
    assert trader.statuses()[-1] == "Filled"


def test_a_new_day_begins_the_books_again(trader: Trader) -> None:
    trader.place("BUY", 10, "MKT")
    trader.place("SELL", 10, "MKT")
    assert trader.world.pnl(ACCOUNT, "").realizedPnL != 0

    trader.wait(at(4, day=12))

    assert trader.world.pnl(ACCOUNT, "").realizedPnL == 0
