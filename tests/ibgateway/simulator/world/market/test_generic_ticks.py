"""Generic ticks agree with the bars and quotes of their day."""

from __future__ import annotations

from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, EURUSD, at


def test_generic_ticks_agree_with_bars(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    ticks = quiet.generic_ticks(contract)
    year = quiet.bars(contract, at(9), "1 Y", "1 day", "TRADES", True).bars

    assert (ticks[19], ticks[20]) == (min(bar.low for bar in year), max(bar.high for bar in year))
    assert ticks[37] == quiet.snapshot(contract).last
    assert ticks[49] == 0.0
    assert 21 not in quiet.generic_ticks(quiet.resolve(EURUSD))
