"""Option quotes that are late, delayed, not permitted, or not there."""

import asyncio
from typing import Any

import pytest

from bridge.tool import ToolError
from bridge.tools.market.options import (
    GetOptionQuotes,
)
from ibgateway.simulator.server.server import Simulator
from tests.stacks.options import (
    JULY,
    OPTION,
    cells,
    quotes_of,
)
from tests.stacks.worker import caller, ready_session, trading, worker


async def test_without_the_underlyings_quotes_strikes_are_asked_for_in_numbers(sim: Simulator) -> None:
    sim.fault("on reqMktData 1 answer 354 Requested market data is not subscribed.")
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError, match="Strikes as numbers, such as 380-420, need none") as refused:
            await quotes_of(stand, symbol="SPY", expiry=JULY)
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="395-400")

    assert (refused.value.code, refused.value.details["twsCode"]) == ("no_data", 354)
    assert told.count == 4


async def test_options_without_permission_are_one_failure(sim: Simulator) -> None:
    sim.fault("entitlement none")
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="395-410")

    (failed,) = told.failed
    assert (told.count, told.rows, failed.code, failed.twsCode, failed.count) == (0, [], "no_data", 10168, 8)
    assert failed.options[0] == "SPY 18JUL25 395 C"
    assert len(failed.options) == 5


@pytest.mark.parametrize("setting", ["delayed", "live"])
async def test_delayed_options_say_so(sim: Simulator, setting: str) -> None:
    sim.fault("entitlement delayed")
    async with ready_session(sim, market_data_type=setting) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="atm 1")
        again = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="atm 1")

    assert again.rows == told.rows

    assert told.same["marketDataType"] == "delayed"
    assert None not in (*cells(told, "bid"), *cells(told, "delta"), *cells(told, "openInterest"))


async def test_greeks_that_never_come_are_null_and_waited_for_once(sim: Simulator) -> None:
    sim.fault("swallow tickOptionComputation")
    clock = asyncio.get_running_loop().time
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="400")
        began = clock()
        await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="400")
        again = clock() - began
        with pytest.raises(ToolError, match="no greeks") as refused:
            await quotes_of(stand, symbol="SPY", expiry=JULY, delta=0.3)

    assert {told.same[name] for name in ("impliedVol", "delta", "gamma", "vega", "theta")} == {None}
    assert told.underPrice is None
    assert "no greeks of 2" in (told.note or "")
    assert again < 1
    assert refused.value.code == "no_data"


async def test_greeks_that_tws_has_not_computed_are_null(sim: Simulator) -> None:
    for field in (5, 8, 9, 10):  # delta, gamma, vega, theta
        sim.fault(f"rewrite tickOptionComputation {field} -2")
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="400", right="P")

    assert [cells(told, name) for name in ("delta", "gamma", "theta")] == [[None]] * 3


async def test_options_of_which_nothing_comes_are_failures(sim: Simulator) -> None:
    sim.fault("on reqMktData each ignore")
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="400, 405")

    assert [(each.code, each.count) for each in told.failed] == [("no_data", 4)]


@pytest.mark.parametrize(
    "arguments",
    [{"strikes": "all"}, {"delta": "1.5"}, {"expiry": "soon"}, {"limit": 101}, {"right": "X"}, {"secType": "CASH"}],
)
async def test_what_has_no_meaning_is_refused(
    redis_url: str, session: str, sim: Simulator, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        GetOptionQuotes(symbol="SPY", **arguments)


async def test_without_a_gateway_the_calls_are_errors(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("on reqMktData 3 reset")
        broken = await front.refused("get_option_quotes", symbol="SPY", expiry=JULY, strikes="395-410")
    async with worker(redis_url, session, 1), caller(redis_url, session) as front:
        await front.reaches("failed")
        down = [
            await front.refused("get_option_chain", symbol="SPY"),
            await front.refused("get_option_quotes", symbol="SPY"),
            await front.refused("calculate_option_price", **OPTION, volatility=0.2),
            await front.refused("calculate_implied_volatility", **OPTION, optionPrice=15),
        ]

    assert broken.code == "retry"
    assert {each.code for each in down} == {"gateway_unreachable"}
