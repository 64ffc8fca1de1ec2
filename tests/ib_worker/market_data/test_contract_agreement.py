"""Arguments beside a conId: they agree with its contract, or are refused."""

from typing import Any

import ib_async
import pytest

from bridge.tool import ToolError
from bridge.tools.types import ContractArguments
from ib_worker.market_data.contract_agreement import contradictions, require_agreement
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


PUT = ib_async.ContractDetails(
    contract=ib_async.Contract(
        conId=700000001, symbol="SPY", secType="OPT", lastTradeDateOrContractMonth="20250718", strike=400.0, right="P",
        multiplier="100", currency="USD", exchange="SMART",
    ),
    contractMonth="202507", realExpirationDate="20250718", validExchanges="SMART,CBOE,ISE",
)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"strike": 400, "right": "P", "multiplier": "100"}, []),
        ({"lastTradeDateOrContractMonth": "202507", "exchange": "CBOE"}, []),
        ({"strike": 401}, ["strike"]),
        ({"right": "C", "multiplier": "10"}, ["right", "multiplier"]),
        ({"lastTradeDateOrContractMonth": "202508"}, ["lastTradeDateOrContractMonth"]),
        ({"exchange": "NYSE"}, ["exchange"]),
        ({"secType": "STK", "currency": "EUR"}, ["secType", "currency"]),
    ],
)
def test_what_was_given_beside_a_conid_must_be_the_contracts(given: dict[str, object], wrong: list[str]) -> None:
    asked = ContractArguments.model_validate({"symbol": "SPY", "conId": 700000001, "secType": "OPT", **given})

    assert contradictions(asked, PUT) == wrong


def test_without_a_conid_only_what_tws_ignores_is_compared() -> None:
    asked = ContractArguments.model_validate({"symbol": "SPY", "secType": "OPT", "strike": 401, "currency": "EUR"})

    assert contradictions(asked, PUT) == ["strike"]


def test_a_refusal_names_the_fields_and_what_the_contract_has() -> None:
    asked = ContractArguments.model_validate({"symbol": "SPY", "conId": 700000001, "secType": "OPT", "strike": 401})

    with pytest.raises(ToolError, match="with strike 400, which differs from the arguments") as refused:
        require_agreement(asked, PUT)

    assert refused.value.details["fields"] == ["strike"]


def test_an_exchange_that_tws_has_renamed_goes_by_both_names() -> None:
    stock = ib_async.ContractDetails(
        contract=ib_async.Contract(
            conId=265598, symbol="AAPL", secType="STK", currency="USD", primaryExchange="NASDAQ"
        ),
        validExchanges="SMART,NASDAQ",
    )
    asked = ContractArguments.model_validate(
        {"symbol": "AAPL", "conId": 265598, "exchange": "ISLAND", "primaryExchange": "ISLAND"}
    )

    assert contradictions(asked, stock) == []
