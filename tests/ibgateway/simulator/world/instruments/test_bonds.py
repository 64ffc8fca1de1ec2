"""A bond is found by its CUSIP."""

from __future__ import annotations

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.world.instruments.bonds import bond
from ibgateway.simulator.world.world import World


def test_a_bond_is_found_by_its_cusip(quiet: World) -> None:
    (details,) = quiet.contract_details(Contract(symbol="91282CHT1", secType="BOND", exchange="SMART"))

    assert details.bond is not None
    assert (details.bond.coupon, details.bond.maturity) == (3.875, "20330815")


def test_a_bond_is_priced_in_percent_of_a_thousand() -> None:
    made = bond(
        {
            "conId": "1",
            "symbol": "US-T",
            "currency": "USD",
            "cusip": "91282CHT1",
            "longName": "US TREASURY N/B",
            "coupon": "3.875",
            "maturity": "20330815",
            "ratings": "AAA",
            "bondType": "GOVERNMENT",
            "issueDate": "20230815",
        }
    )

    assert made.localSymbol == "US-T 3.875 08/33"
    assert (made.units, made.minTick) == (10.0, 0.001)
    assert made.bond is not None
    assert (made.bond.coupon, made.bond.couponType, made.bond.maturity) == (3.875, "FIXED", "20330815")
