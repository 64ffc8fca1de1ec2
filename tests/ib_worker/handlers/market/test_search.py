"""The search for contracts, requested from the simulator over TCP."""

from typing import Any

from bridge.tools.market.search import SymbolTable
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import trading


def column(told: SymbolTable, name: str) -> list[Any]:
    if name in told.same:
        return [told.same[name]] * len(told.rows)
    return [row[told.columns.index(name)] for row in told.rows]


async def searched(front: Any, **arguments: Any) -> SymbolTable:
    return SymbolTable.model_validate(await front.ask("search_symbols", **arguments))


async def test_a_symbol_and_a_name_are_found(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        symbol = await searched(front, pattern="aapl")
        name = await searched(front, pattern="berkshire")
        written = await searched(front, pattern="BRK.B")

    assert (column(symbol, "conId")[0], column(symbol, "name")[0]) == (265598, "APPLE INC")
    assert "OPT" in column(symbol, "derivatives")[0]
    assert (symbol.truncated, symbol.simulated, 0 <= symbol.age_s < 5) == (False, True, True)
    assert column(name, "symbol") == column(written, "symbol") == ["BRK B"]
    assert name.same["currency"] == "USD"


async def test_an_isin_and_a_cusip_have_their_listings(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        isin = await searched(front, pattern="us4592001014")
        bond = await searched(front, pattern="91282CHT1")

    assert sorted(column(isin, "currency")) == ["EUR", "USD"]
    assert column(isin, "symbol") == ["IBM", "IBM"]
    assert (column(bond, "secType"), column(bond, "conId")) == (["BOND"], [1910000001])


async def test_a_type_and_a_limit_narrow_the_answer(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        few = await searched(front, pattern="A", limit=2)
        options = await searched(front, pattern="SPX", secType="option")
        error = await front.refused("search_symbols", pattern="aapl", secType="CASH")

    assert (len(few.rows), few.truncated, few.count > 2) == (2, True, True)
    assert "Give limit" in (few.next or "")
    assert column(options, "symbol") == ["SPX"]
    assert (error.code, "Leave secType out" in error.message) == ("not_found", True)


async def test_what_tws_does_not_know_is_an_error(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        for pattern in ("nosuchname", "US0000000002"):
            error = await front.refused("search_symbols", pattern=pattern)
            assert error.code == "not_found"
            assert "ibkr_get_contract_details" in error.message


async def test_a_refusal_and_a_lost_gateway_are_told(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("on reqMatchingSymbols answer 321 Error validating request")
        refused = await front.refused("search_symbols", pattern="apple")
        await front.ask("disconnect")
        lost = await front.refused("search_symbols", pattern="orange")

    assert (refused.code, refused.details["twsCode"]) == ("gateway_refused", 321)
    assert lost.code in ("not_connected", "not_ready", "gateway_down")
