"""What contractDetails tells of an instrument, as a real gateway describes it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, ES, EURUSD, option


def test_apple_is_as_a_real_gateway_describes_it(quiet: World) -> None:
    (details,) = quiet.contract_details(AAPL)
    contract = details.contract

    assert (contract.conId, contract.primaryExchange, contract.tradingClass) == (265598, "NASDAQ", "NMS")
    assert (details.marketName, details.longName, details.stockType) == ("NMS", "APPLE INC", "COMMON")
    assert (details.industry, details.category, details.subcategory) == ("Technology", "Computers", "Computers")
    assert details.secIdList == (("ISIN", "US0378331005"),)
    assert details.timeZoneId == "US/Eastern"
    assert (details.minSize, details.sizeIncrement, details.suggestedSizeIncrement) == (
        Decimal("0.0001"),
        Decimal("0.0001"),
        Decimal(100),
    )
    assert details.tradingHours.startswith("20250611:0400-20250611:2000;20250612:0400-")


def test_market_rules_tell_the_tick(quiet: World) -> None:
    for contract in (AAPL, ES, EURUSD, option(430.0)):
        (details,) = quiet.contract_details(contract)
        rule = quiet.market_rule(int(details.marketRuleIds.split(",")[0]))
        assert rule[0].increment == details.minTick
    with pytest.raises(Refusal):
        quiet.market_rule(999_999)
