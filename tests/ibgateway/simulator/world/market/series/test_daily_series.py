"""A symbol's daily rows: recorded, derived or drawn, and the same whenever the clock starts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, START, at, new_world


def test_recorded_history_ends_on_one_day_whenever_the_clock_starts() -> None:
    world = new_world(start=START)

    bars = world.bars(world.resolve(AAPL), None, "2 D", "1 day", "TRADES", True).bars

    # the last recorded day of the source, 2013-03-01
    assert (bars[0].open, bars[0].high, bars[0].low, bars[0].close) == (438.0, 438.18, 429.98, 430.47)
    assert bars[0].volume == 19_730_300


@pytest.mark.trial("C16")
@pytest.mark.parametrize("symbol", ["AAPL", "KO", "NVDA", "SPY"])
def test_one_seed_is_one_market_whenever_the_clock_starts(symbol: str) -> None:
    stock = Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD")
    end = datetime(2004, 5, 28, 20, tzinfo=UTC).timestamp()
    starts = [datetime(2004, 6, 1, 15, tzinfo=UTC), datetime(2007, 3, 1, 15, tzinfo=UTC)]
    early = [_closes(new_world(start=start.timestamp()), stock, end) for start in starts]
    end = at(16, day=10)
    late = [_closes(new_world(start=start), stock, end) for start in (START, at(10, day=20), START + 400 * 86_400)]

    assert early[0] == early[1]
    assert late[0] == late[1] == late[2]
    assert len(set(early[0])) > 5


def _closes(world: World, contract: Contract, end: float) -> list[float]:
    return [bar.close for bar in world.bars(world.resolve(contract), end, "2 W", "1 day", "TRADES", True).bars]
