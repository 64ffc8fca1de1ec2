"""Futures and options are listed by their expiries."""

from __future__ import annotations

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import ES


def test_futures_are_listed_by_quarter_and_named_by_month_and_year(quiet: World) -> None:
    found = quiet.contract_details(Contract(symbol="ES", secType="FUT", exchange="CME"))

    assert [each.contract.localSymbol for each in found] == ["ESM5", "ESU5", "ESZ5", "ESH6", "ESM6", "ESU6"]
    assert found[1].contract.lastTradeDateOrContractMonth == "20250919"
    assert (found[1].contract.multiplier, found[1].minTick) == ("50", 0.25)
    assert quiet.resolve(ES) == found[1].contract
    assert quiet.resolve(Contract(localSymbol="ESU5", secType="FUT", exchange="CME")) == found[1].contract
