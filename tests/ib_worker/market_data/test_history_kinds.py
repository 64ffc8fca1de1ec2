"""Which series of history a type of contract has."""

from typing import Any

import pytest

from bridge.tool import ToolError
from ib_worker.market_data.history_kinds import QUOTED, YIELDS, require_kind
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import trading

ES_SEP25 = 1870000308
SERIES: list[tuple[dict[str, Any], str]] = [
    (
        {"symbol": "EUR", "secType": "CASH", "whatToShow": "TRADES"},
        "secType CASH has no TRADES. Give MIDPOINT, BID, ASK or BID_ASK",
    ),
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


@pytest.mark.parametrize(
    ("whatToShow", "secType"),
    [
        ("TRADES", "STK"), ("HISTORICAL_VOLATILITY", "STK"), ("OPTION_IMPLIED_VOLATILITY", "IND"), ("TRADES", "IND"),
        ("MIDPOINT", "CASH"), ("ADJUSTED_LAST", "FUT"), ("YIELD_BID", "BOND"), ("SCHEDULE", "BOND"),
    ],
)  # fmt: skip
def test_a_series_that_the_type_has_passes(whatToShow: str, secType: str) -> None:
    require_kind(whatToShow, secType)


@pytest.mark.parametrize(
    ("whatToShow", "secType", "others"),
    [
        ("TRADES", "CASH", list(QUOTED)),
        ("BID", "IND", ["TRADES", "HISTORICAL_VOLATILITY", "OPTION_IMPLIED_VOLATILITY"]),
        ("HISTORICAL_VOLATILITY", "OPT", ["TRADES", "ADJUSTED_LAST", *QUOTED]),
        *((each, "STK", ["TRADES", *QUOTED]) for each in YIELDS),
    ],
)
def test_another_is_refused_with_those_that_it_has(whatToShow: str, secType: str, others: list[str]) -> None:
    with pytest.raises(ToolError) as refused:
        require_kind(whatToShow, secType)

    assert (refused.value.code, refused.value.details["whatToShow"]) == ("invalid_arguments", others)
    assert f"{', '.join(others[:-1])} or {others[-1]}" in refused.value.message
