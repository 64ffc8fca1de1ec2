"""Which series of history a type of contract has."""

from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import trading

ES_SEP25 = 1870000308


SERIES: list[tuple[dict[str, Any], str]] = [
    ({"symbol": "EUR", "secType": "CASH"}, "secType CASH has no TRADES. Give MIDPOINT, BID, ASK or BID_ASK"),
    ({"symbol": "SPX", "secType": "IND", "whatToShow": "bid"}, "secType IND has no BID. Give TRADES"),
    ({"symbol": "AAPL", "whatToShow": "YIELD_LAST"}, "secType STK has no YIELD_LAST"),
    ({"symbol": "ES", "conId": ES_SEP25, "whatToShow": "Historical Volatility"}, "secType FUT has no HISTORICAL_VOLAT"),
]


@pytest.mark.trial("A7")
async def test_a_series_that_the_type_has_not_is_refused_with_those_that_it_has(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        for asked, said in SERIES:
            error = await front.refused("get_historical_data", **asked)
            assert (error.code, said in error.message) == ("invalid_arguments", True), error.message
        bars = await front.ask("get_historical_data", symbol="EUR", secType="forex", whatToShow="midpoint")

    assert len(bars) > 200
    assert len(sim.journal.entries("in", 20)) == 1
