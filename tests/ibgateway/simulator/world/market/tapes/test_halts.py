"""A halted instrument stands still: for quotes, prints, bars and orders alike."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.market_data import Snapshot
from tests.ibgateway.simulator.world.history.test_bars import aggregated, told
from tests.stacks.ibgateway.world_and_trader import AAPL, START, Trader, at, stock

UNTIL = START + 900


@pytest.fixture
def halted(trader: Trader) -> Trader:
    trader.world.halt(trader.world.resolve(AAPL), UNTIL)
    return trader


def test_nothing_happens_while_trading_is_halted(halted: Trader) -> None:
    world, contract = halted.world, halted.world.resolve(AAPL)

    assert world.trades(contract, START, UNTIL - 0.001) == []
    assert world.quotes(contract, START, UNTIL - 0.001) == []
    assert world.trades(contract, UNTIL - 0.001, UNTIL + 60)
    assert world.trades(world.resolve(stock("IBM")), START, UNTIL)


def test_a_halt_is_shown_and_told(halted: Trader) -> None:
    world, contract = halted.world, halted.world.resolve(AAPL)

    assert [world.snapshot(contract, time).halted for time in (START + 1, UNTIL)] == [1, 0]
    assert world.generic_ticks(contract)[49] == 1.0
    assert [each[1] for each in world.bulletins(START - 1, UNTIL)] == [2, 3]


def test_orders_wait_until_trading_resumes(trader: Trader) -> None:
    resting = trader.place("BUY", 10, "LMT", lmtPrice=425.0)
    due = trader.world.next_due()
    assert due is not None
    assert due < UNTIL
    trader.world.halt(trader.world.resolve(AAPL), UNTIL)
    market = trader.place("BUY", 1, "MKT")
    assert trader.statuses(market) == ["PreSubmitted"]

    trader.wait(UNTIL - 0.001)
    assert trader.fills() == []
    trader.wait(at(16))
    assert trader.fills(market)[0].time >= UNTIL
    assert all(fill.time >= UNTIL for fill in trader.fills(resting))


@pytest.mark.parametrize("orderType", ["REL", "MIDPRICE", "TRAIL", "STP"])
def test_every_kind_of_order_outlives_a_halt(halted: Trader, orderType: str) -> None:
    orderId = halted.place("SELL", 10, orderType, auxPrice=430.0 if orderType == "STP" else 0.05)
    halted.wait(at(16))

    assert halted.statuses(orderId)[-1] == "Filled"
    assert halted.fills(orderId)[0].time >= UNTIL


def test_bars_of_a_day_with_a_halt_are_still_its_prints(halted: Trader) -> None:
    world, contract = halted.world, halted.world.resolve(AAPL)
    halted.wait(at(18))
    (bar,) = world.bars(contract, at(17), "1 D", "1 day", "TRADES", True).bars

    trades = world.trades(contract, at(9, 30) - 0.001, at(16))
    assert told([bar]) == aggregated(trades, lambda _: bar.time)
    (asked,) = world.bars(contract, at(17), "1 D", "1 day", "ASK", True).bars
    asks = [quote.ask or 0.0 for quote in world.quotes(contract, at(9, 30) - 0.001, at(16))]
    assert (asked.high, asked.low) == (max(asks), min(asks))
    assert isinstance(world.snapshot(contract), Snapshot)
