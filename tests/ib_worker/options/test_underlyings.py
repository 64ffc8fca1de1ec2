"""The underlying, expiry and trading class that a call means, at the simulator over TCP."""

import time

import ib_async
import pytest

from bridge.tool import ToolError
from bridge.tools.market.options import GetOptionQuotes
from ib_worker.market_data.option_chains import OptionChains, Parameters
from ib_worker.options.underlyings import listed_expiry, listed_options
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import ready_session

JULY = "20250718"


async def test_an_index_is_one_without_its_type(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        index = await listed_options(stand.session, GetOptionQuotes(symbol="SPX"))
        with pytest.raises(ToolError, match="not_found"):
            await listed_options(stand.session, GetOptionQuotes(symbol="SPX", secType="STK"))

    assert index.under.secType == "IND"


async def test_a_form_of_a_contract_names_an_underlying_and_no_option(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        future = await listed_options(stand.session, GetOptionQuotes(symbol="ES SEP25"))
        with pytest.raises(ToolError, match=r"means the option SPY 20JUN25 370 C. Give the underlying's alone"):
            await listed_options(stand.session, GetOptionQuotes(symbol="SPY 2025-06-20 370 C"))
        with pytest.raises(ToolError, match="no options expire today"):
            await listed_expiry(stand.session, GetOptionQuotes(symbol="SPY"), "0 days")

    assert (future.under.secType, future.under.localSymbol) == ("FUT", "ESU5")


async def test_an_expiry_is_looked_for_month_by_month_of_futures(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        found = await listed_expiry(stand.session, GetOptionQuotes(symbol="ES", secType="FUT"), "20250919")

    assert (found.expiry, found.of.tradingClass, found.of.exchange) == ("20250919", "ES", "CME")
    assert found.options.under.lastTradeDateOrContractMonth.startswith("202509")


async def test_the_class_of_the_underlyings_name_and_the_usual_size_is_taken(sim: Simulator) -> None:
    async def several(under: ib_async.Contract, exchange: str) -> list[Parameters]:
        names = (("2SPY", "100"), ("SPY", "10"), ("SPY", "100"))
        return [("SMART", name, multiplier, [JULY], [400.0]) for name, multiplier in names]

    async with ready_session(sim) as stand:
        stand.session.option_chains = OptionChains(several, time.monotonic)
        found = await listed_expiry(stand.session, GetOptionQuotes(symbol="SPY"), JULY)
        named = await listed_expiry(stand.session, GetOptionQuotes(symbol="SPY", tradingClass="2SPY"), JULY)

    assert (found.of.tradingClass, found.of.multiplier) == ("SPY", "100")
    assert [(each.tradingClass, each.multiplier) for each in found.others] == [("SPY", "10"), ("2SPY", "100")]
    assert (named.of.tradingClass, named.others) == ("2SPY", [])


async def test_an_underlying_without_options_says_what_to_check(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError, match=r"lists no options on SPY at BOGUS"):
            await listed_options(stand.session, GetOptionQuotes(symbol="SPY", exchange="BOGUS"))
