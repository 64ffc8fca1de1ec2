"""Arguments beside a conId: they agree with its contract, or are refused."""

from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import order, trading

ES_SEP25 = 1870000308


JULY_CALL = 1041641110  # SPY 18JUL25 375 C


CONTRADICTIONS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {
            "symbol": "SPY",
            "conId": JULY_CALL,
            "secType": "OPT",
            "strike": 400,
            "right": "P",
            "lastTradeDateOrContractMonth": "20250620",
        },
        ["lastTradeDateOrContractMonth", "strike", "right"],
    ),
    ({"symbol": "SPY", "conId": JULY_CALL, "right": "put"}, ["right"]),
    ({"symbol": "AAPL", "conId": JULY_CALL}, ["symbol"]),
    ({"symbol": "AAPL", "conId": 265598, "secType": "OPT"}, ["secType"]),
    ({"symbol": "AAPL", "conId": 265598, "currency": "EUR"}, ["currency"]),
    ({"symbol": "AAPL", "conId": 265598, "exchange": "LSE"}, ["exchange"]),
    ({"symbol": "AAPL", "conId": 265598, "primaryExchange": "NYSE"}, ["primaryExchange"]),
    ({"symbol": "AAPL", "conId": 265598, "strike": 400}, ["strike"]),
    ({"symbol": "ES", "conId": ES_SEP25, "multiplier": 5}, ["multiplier"]),
    ({"symbol": "ES", "conId": ES_SEP25, "lastTradeDateOrContractMonth": "202512"}, ["lastTradeDateOrContractMonth"]),
]


TOOLS: dict[str, dict[str, Any]] = {
    "get_contract_details": {},
    "get_historical_data": {},
    "open_market_data": {},
    "preview_order": {"action": "BUY", "totalQuantity": 1},
}


@pytest.mark.trial("A8")
async def test_an_argument_that_is_not_the_conids_is_refused_by_every_tool(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        for asked, wrong in CONTRADICTIONS:
            refusals = [await front.refused(tool, **asked, **more) for tool, more in TOOLS.items()]
            refusals.append(await front.refused_order(**order(**asked)))
            refusals.append(
                await front.refused_order("place_bracket_order", **order(**asked), takeProfitPrice=9, stopLossPrice=1)
            )
            for error in refusals:
                assert (error.code, error.details["fields"]) == ("invalid_arguments", wrong), asked
                assert error.message.startswith(f"{wrong[0]}: conId {asked['conId']} is "), asked
        other = await front.refused("get_pnl_single", symbol="IBM", conId=265598)

    assert (other.code, other.details["fields"]) == ("invalid_arguments", ["symbol"])
    assert sim.journal.orders() == []


@pytest.mark.trial("A8")
async def test_arguments_that_agree_with_the_conid_are_taken_and_defaults_contradict_nothing(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        agreeing: list[dict[str, Any]] = [
            {"symbol": "SPY", "conId": JULY_CALL},
            {
                "symbol": "spy",
                "conId": JULY_CALL,
                "secType": "OPT",
                "strike": "375",
                "right": "Call",
                "multiplier": 100,
            },
            {"symbol": "SPY", "conId": JULY_CALL, "lastTradeDateOrContractMonth": "2025-07", "currency": "usd"},
            {"symbol": "EUR.USD", "conId": 12087792},
            {"symbol": "DAX", "conId": 825711},
            {"symbol": "AAPL", "conId": 265598, "exchange": "IEX", "primaryExchange": "ISLAND"},
        ]
        for asked in agreeing:
            found = await front.ask("get_contract_details", **asked)
            assert [each["contract"]["conId"] for each in found] == [asked["conId"]]
