"""The answer to ibkr_get_contract_details."""

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import trading


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
