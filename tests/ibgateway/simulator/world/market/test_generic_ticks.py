"""Generic ticks agree with the bars and quotes of their day."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ibgateway.simulator.world.market.generic_ticks import (
    AVERAGE_VOLUME,
    CALL_INTEREST,
    FUTURES_INTEREST,
    HALTED,
    MARK,
    SHORTABLE,
    TRADE_RATE,
    VOLUME_RATE,
)
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, ES, EURUSD, START, at, stock


def test_generic_ticks_agree_with_bars(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    ticks = quiet.generic_ticks(contract)
    year = quiet.bars(contract, at(9), "1 Y", "1 day", "TRADES", True).bars

    assert (ticks[19], ticks[20]) == (min(bar.low for bar in year), max(bar.high for bar in year))
    assert ticks[37] == quiet.snapshot(contract).last
    assert ticks[49] == 0.0
    assert 21 not in quiet.generic_ticks(quiet.resolve(EURUSD))


def test_a_contract_has_the_ticks_of_its_kind(quiet: World) -> None:
    found = {
        name: set(quiet.generic_ticks(quiet.resolve(contract)))
        for name, contract in (("stock", AAPL), ("future", ES), ("forex", EURUSD))
    }

    assert {SHORTABLE, AVERAGE_VOLUME, TRADE_RATE, CALL_INTEREST} <= found["stock"]
    assert found["future"] == {FUTURES_INTEREST, HALTED, MARK}
    assert found["forex"] == {HALTED, MARK}


@pytest.mark.parametrize(("right", "own", "other"), [("C", 27, 28), ("P", 28, 27)])
def test_an_option_has_the_open_interest_of_its_right(quiet: World, right: str, own: int, other: int) -> None:
    put = replace(AAPL, secType="OPT", lastTradeDateOrContractMonth="20250718", strike=200.0, right=right)
    option = quiet.resolve(replace(put, conId=0, primaryExchange=""))

    ticks = quiet.generic_ticks(option)

    assert int(str(ticks[own])) > 0
    assert ticks[other] == 0
    assert quiet.generic_ticks(option) == ticks


def test_shares_that_must_be_located_are_hard_to_borrow(quiet: World) -> None:
    told = [quiet.generic_ticks(quiet.resolve(stock(symbol)))[SHORTABLE] for symbol in ("AAPL", "RRC")]

    assert told == [3.0, 2.0]


def test_the_last_minutes_trades_are_counted(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    last = quiet.trades(contract, START - 60, START)

    ticks = quiet.generic_ticks(contract)

    assert (ticks[TRADE_RATE], ticks[VOLUME_RATE]) == (len(last), sum(trade.size for trade in last))
