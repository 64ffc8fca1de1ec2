"""A bond is found by its CUSIP."""

from __future__ import annotations

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.world.world import World


def test_a_bond_is_found_by_its_cusip(quiet: World) -> None:
    (details,) = quiet.contract_details(Contract(symbol="91282CHT1", secType="BOND", exchange="SMART"))

    assert details.bond is not None
    assert (details.bond.coupon, details.bond.maturity) == (3.875, "20330815")
