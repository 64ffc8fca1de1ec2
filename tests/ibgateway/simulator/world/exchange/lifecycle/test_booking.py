"""A fill leaves executions with their numbers, and fees, in the books."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.contracts import ComboLeg, Contract
from ibgateway.simulator.model.orders import CommissionReport
from tests.stacks.ibgateway.world_and_trader import Trader, option


def test_a_minimum_is_charged_once_for_all_fills_of_an_order(trader: Trader) -> None:
    trader.place("BUY", 190, "MKT")

    fills, fees = trader.fills(), [each.commission for each in trader.of(CommissionReport)]
    assert len(fills) > 1
    assert [fill.execId[-5:-3] for fill in fills] == [f"{number:02x}" for number in range(1, len(fills) + 1)]
    assert fees[0] == 1.0  # the minimum, of which the first fill alone would cost less
    assert sum(fees) == pytest.approx(1.0)  # 190 shares cost less than it too


def test_a_combination_pays_for_its_legs_alone(trader: Trader) -> None:
    legs = tuple(
        ComboLeg(trader.world.resolve(option(strike)).conId, 1, action, "SMART")
        for strike, action in ((420.0, "BUY"), (430.0, "SELL"))
    )
    trader.place(
        "BUY", 1, "MKT", Contract(symbol="AAPL", secType="BAG", exchange="SMART", currency="USD", comboLegs=legs)
    )

    whole, *parts = trader.fills()
    numbers = [int(each.execId.split(".")[2], 16) for each in (whole, *parts)]
    assert [number - numbers[0] for number in numbers] == [0, 1, 2]
    assert [each.execId for each in trader.of(CommissionReport)] == [part.execId for part in parts]
