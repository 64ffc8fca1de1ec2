"""The answer to ibkr_get_contract_details."""

from typing import Any

import pytest

from bridge.tool import ToolError
from bridge.tools.types import ContractArguments
from ib_worker.pre_trade import price_rules
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import ready_session, trading


@pytest.mark.fault(38)
async def test_an_unknown_symbol_is_an_error(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        for operation in ("get_contract_details", "get_historical_data", "open_market_data"):
            assert (await front.refused(operation, symbol="NOSUCHTHING")).code == "not_found"
        assert (await front.refused_order(symbol="NOSUCHTHING", action="BUY", totalQuantity=1)).code == "not_found"
        assert sim.journal.orders() == []


async def test_a_conid_must_agree_with_its_symbol(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await front.refused("get_contract_details", symbol="IBM", conId=265598)
        right = await front.ask("get_contract_details", symbol="aapl", conId=265598)

        assert (error.code, "symbol" in error.message) == ("invalid_arguments", True)
        assert right[0]["contract"]["symbol"] == "AAPL"


@pytest.mark.trial("C10")
async def test_a_bond_has_its_coupon_its_maturity_and_no_price_magnifier_of_0(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        (bond,) = await front.ask("get_contract_details", symbol="91282CHT1", secType="BOND")

    # The simulator tells clients of this version a whole coupon, as ib_async reads it; a gateway tells 3.875.
    assert (bond["cusip"], bond["coupon"], bond["maturity"]) == ("91282CHT1", 3, "20330815")
    assert bond["priceMagnifier"] is None


async def test_a_contract_has_the_price_increments_of_its_exchange(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        (stock,) = await front.ask("get_contract_details", symbol="AAPL")
        (spread,) = await front.ask("get_contract_details", symbol="ES SEP25")
        option: dict[str, Any] = {"symbol": "SPY", "secType": "OPT", "lastTradeDateOrContractMonth": "20250718"}
        strip = await front.ask("get_contract_details", **option)
        await front.ask("get_contract_details", symbol="AAPL", fields=["priceIncrements"])
        named = await front.ask("get_contract_details", symbol="MSFT", fields=["contract.symbol"])

    assert stock["priceIncrements"] == [{"lowEdge": 0.0, "increment": 0.01}]
    assert spread["priceIncrements"][0]["increment"] == 0.25
    assert len(strip) > 20
    assert all(each["priceIncrements"] == strip[0]["priceIncrements"] for each in strip)
    assert "priceIncrements" not in named[0]
    assert 0 < len(market_rules(sim)) == len(set(market_rules(sim))) <= 3


async def test_increments_that_tws_does_not_tell_are_null_and_asked_for_again(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_rules, "UNKNOWN_KEPT_S", 0.0)
    sim.fault("on reqMarketRule answer 321 no such rule")
    async with trading(redis_url, session, sim) as front:
        (unknown,) = await front.ask("get_contract_details", symbol="AAPL")
        (known,) = await front.ask("get_contract_details", symbol="AAPL")

    assert unknown["priceIncrements"] is None
    assert known["priceIncrements"] is not None


def market_rules(sim: Simulator) -> list[str]:
    return [str(entry) for entry in sim.journal.entries("in") if entry.fields[0] == "91"]


async def test_a_refused_continuous_future_is_told_with_what_to_name(sim: Simulator) -> None:
    asked = ContractArguments(symbol="ES", secType="CONTFUT")
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError, match="such as symbol ES DEC26") as refused:
            await stand.session.contracts.one(asked)

    assert refused.value.details["twsCode"] == 321
