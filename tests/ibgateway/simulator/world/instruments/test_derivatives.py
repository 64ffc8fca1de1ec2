"""Options and futures are made of their underlying, expiry and strike."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import ES, option


def test_expired_futures_are_told_only_when_asked_for(quiet: World) -> None:
    contract = Contract(symbol="ES", secType="FUT", exchange="CME", lastTradeDateOrContractMonth="202503")
    with pytest.raises(Refusal):
        quiet.contract_details(contract)

    (found,) = quiet.contract_details(
        Contract(symbol="ES", secType="FUT", exchange="CME", lastTradeDateOrContractMonth="202503", includeExpired=True)
    )
    assert found.contract.localSymbol == "ESH5"


def test_an_option_chain_lists_options_that_resolve(quiet: World) -> None:
    chains = quiet.option_chains("AAPL", "", "STK", 265598)
    smart = next(chain for chain in chains if chain.exchange == "SMART")
    assert len(smart.strikes) >= 40
    assert len(smart.expirations) >= 12

    for expiry in smart.expirations:
        for strike in smart.strikes[::20]:
            found = quiet.resolve(option(strike, "P", expiry))
            assert quiet.resolve(Contract(conId=found.conId)) == found
            assert quiet.contract_details(found)[0].underConId == 265598


def test_an_index_has_weekly_and_monthly_classes_and_a_future_its_own_chain(quiet: World) -> None:
    assert {chain.tradingClass for chain in quiet.option_chains("SPX", "", "IND", 416904)} == {"SPX", "SPXW"}
    future = quiet.resolve(ES)
    (chain,) = quiet.option_chains("ES", "CME", "FUT", future.conId)
    assert chain.multiplier == "50"
    assert quiet.option_chains("KO", "", "STK", 265598) == []
