"""Queries about the market know no future, and no option without its numbers."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, START, option


def test_there_is_no_future_to_be_had(quiet: World) -> None:
    contract = quiet.resolve(AAPL)

    late = quiet.historical_trades(contract, START - 5, START + 3600, 1000, True)

    assert late
    assert late[-1].time <= START


@pytest.mark.parametrize(("volatility", "under"), [(0.0, 430.0), (-1.0, 430.0), (0.3, 0.0)])
def test_an_option_is_not_priced_without_a_volatility_and_an_underlying(
    quiet: World, volatility: float, under: float
) -> None:
    with pytest.raises(Refusal) as refused:
        quiet.option_price(quiet.resolve(option(430.0)), volatility, under)

    assert refused.value.code == 321
