"""Arguments that a contract or an order decides about: they mean what they say, or are refused."""

from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import frames, order, trading
from tests.waiting import until

RESTING = {"orderType": "LMT", "lmtPrice": 300}
CANCEL = 4  # message id
ES_SEP25 = 1870000308
EXPIRY = {"lastTradeDateOrContractMonth": "20250718"}


@pytest.mark.trial("E7")
async def test_an_orders_key_or_permid_alone_names_it_for_a_change_and_a_cancel(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.submit("place_order", key="first-order", **order(**RESTING))
        second = await front.submit(
            "place_order", key="second-order", **order(symbol="IBM", **RESTING | {"lmtPrice": 100})
        )

        changed = await front.submit("modify_order", orderKey="first-order", lmtPrice=301)
        by_key = await front.submit("cancel_order", orderKey="first-order")
        by_perm = await front.submit("cancel_order", permId=second["permId"])

    assert (changed["orderId"], changed["lmtPrice"]) == (first["orderId"], 301)
    assert (by_key["orderId"], by_key["status"]) == (first["orderId"], "Cancelled")
    assert (by_perm["orderId"], by_perm["status"]) == (second["orderId"], "Cancelled")


@pytest.mark.trial("E7")
async def test_several_names_of_one_order_must_agree(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.submit("place_order", key="first-order", **order(**RESTING))
        second = await front.submit(
            "place_order", key="second-order", **order(symbol="IBM", **RESTING | {"lmtPrice": 100})
        )

        refused = [
            await front.refused_order("cancel_order", **names)
            for names in (
                {"orderId": first["orderId"], "permId": second["permId"]},
                {"orderKey": "first-order", "permId": second["permId"]},
                {"orderId": second["orderId"], "orderRef": first["orderRef"]},
                {"orderId": first["orderId"], "permId": 5},
                {"orderId": first["orderId"], "orderKey": "no-such-order"},
            )
        ]
        cancelled = await front.submit(
            "cancel_order", orderId=first["orderId"], permId=first["permId"], orderKey="first-order"
        )

    assert {each.code for each in refused} == {"invalid_arguments"}
    assert all("it names another order" in each.message for each in refused)
    assert cancelled["status"] == "Cancelled"
    assert len(sim.journal.entries("in", CANCEL)) == 1


@pytest.mark.trial("D2")
async def test_a_0_in_a_change_is_none_where_the_order_has_no_such_price_and_refused_where_it_has(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **order(**RESTING))
        sent = frames(sim)

        refused = await front.refused_order("modify_order", orderId=placed["orderId"], lmtPrice=0)
        nothing = await front.refused_order("modify_order", orderId=placed["orderId"], auxPrice=0)
        assert frames(sim) == sent
        changed = await front.submit("modify_order", orderId=placed["orderId"], auxPrice=0, lmtPrice=301, tif="gtc")

    assert (refused.code, "must be above 0 for secType STK" in refused.message) == ("invalid_arguments", True)
    assert (nothing.code, "so this changes nothing" in nothing.message) == ("invalid_arguments", True)
    assert (changed["lmtPrice"], changed["tif"]) == (301, "GTC")


@pytest.mark.trial("D2")
async def test_a_limit_of_0_is_judged_by_the_contract_that_the_conid_names(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        refused = await front.refused_order(**order(conId=265598, orderType="LMT", lmtPrice=0))

    assert (refused.code, "lmtPrice: must be above 0 for secType STK" in refused.message) == ("invalid_arguments", True)
    assert frames(sim) == 0


@pytest.mark.trial("D5")
async def test_a_fraction_of_a_share_is_bought_and_whole_quantities_stay_integers(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        part = await front.submit("place_order", **order(totalQuantity=0.5))
        whole = await front.submit("place_order", **order(totalQuantity=2))

    assert (part["status"], part["totalQuantity"], part["filled"]) == ("Filled", 0.5, 0.5)
    assert [type(whole[name]) for name in ("totalQuantity", "filled", "remaining")] == [int, int, int]


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


HINTS: list[tuple[dict[str, Any], str]] = [
    ({"symbol": "BRK.B"}, 'symbol "BRK B"'),
    ({"symbol": "EURUSD"}, "symbol EUR, currency USD and secType CASH"),
    ({"symbol": "GBP/USD", "secType": "CASH"}, "symbol GBP, currency USD"),
    ({"symbol": "JPY", "secType": "CASH"}, "symbol USD, currency JPY"),
    ({"symbol": "VOD.L"}, "symbol VOD, primaryExchange LSE and currency GBP"),
    ({"symbol": "SPX"}, "give secType IND"),
    ({"symbol": "DAX", "secType": "IND"}, "give currency EUR"),
    ({"symbol": "AAPL", "exchange": "LSE"}, "give exchange SMART"),
    ({"symbol": "ES", "secType": "FUT", "exchange": "NYMEX"}, "give exchange CME"),
    ({"symbol": "ES", "secType": "FUT", "lastTradeDateOrContractMonth": "AUG25"}, "20250620 (ES JUN25), 20250919"),
    (
        {"symbol": "SPY", "secType": "OPT", "strike": 401.5, "right": "P", **EXPIRY},
        "nearest are 390, 395, 400, 405",
    ),
    (
        {"symbol": "SPY", "secType": "OPT", "strike": 400, "right": "P", "lastTradeDateOrContractMonth": "20250719"},
        "the nearest are 20250703, 20250711, 20250718, 20250815",
    ),
    (
        {"symbol": "SPY", "secType": "OPT", "lastTradeDateOrContractMonth": "20250719"},
        "the nearest are 20250703, 20250711, 20250718",
    ),
    (
        {"symbol": "SPY", "secType": "OPT", "right": "P", "lastTradeDateOrContractMonth": "20250710"},
        "the nearest are 20250703, 20250711, 20250718",
    ),
    ({"symbol": "NOPE", "secType": "OPT", "strike": 400, "right": "P", **EXPIRY}, "check the symbol of the underlying"),
    ({"symbol": "SPY   250718P00400000"}, "symbol SPY, secType OPT, lastTradeDateOrContractMonth 20250718, strike 400"),
    ({"symbol": "SPY 18JUL25 400 P", "secType": "OPT", **EXPIRY}, "symbol SPY, secType OPT"),
    ({"symbol": "ESU5", "secType": "FUT"}, "symbol ES, secType FUT, lastTradeDateOrContractMonth 20250919"),
    (
        {"symbol": "SPY", "secType": "OPT", "strike": 400, "right": "P", "multiplier": 50, **EXPIRY},
        "give multiplier 100",
    ),
    ({"symbol": "SPY", "secType": "FUND"}, "give secType STK"),
    ({"symbol": "SPY", "secType": "BAG"}, "ask for its legs"),
    ({"symbol": "NOPE", "secType": "FUT"}, "symbol is the product's root (ES, CL)"),
]


@pytest.mark.trial("D1")
async def test_what_tws_does_not_know_gets_the_hint_of_its_kind(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        for asked, hint in HINTS:
            error = await front.refused("get_contract_details", **asked)
            assert (error.code, hint in error.message) == ("not_found", True), (asked, error.message)


@pytest.mark.trial("D1")
async def test_a_tool_without_sec_type_asks_for_a_conid_where_nothing_is_held(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        for symbol in ("ES", "US-T", "EUR.USD", "NOPE"):
            error = await front.refused("get_pnl_single", symbol=symbol)
            assert error.code == "not_found"
            assert f"holds no {symbol}, and TWS knows no stock of that name. Give the conId" in error.message
            assert "secType" not in str(error)


@pytest.mark.trial("D1")
async def test_futures_and_indices_find_their_exchange_and_a_family_lists_its_next_ones(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        future = await front.ask(
            "get_contract_details", symbol="ES", secType="FUT", lastTradeDateOrContractMonth="SEP25"
        )
        index = await front.ask("get_contract_details", symbol="SPX", secType="IND")
        several = await front.refused("get_historical_data", symbol="ES", secType="FUT")

    assert [(each["contract"]["conId"], each["contract"]["exchange"]) for each in future] == [(ES_SEP25, "CME")]
    assert [each["contract"]["exchange"] for each in index] == ["CBOE"]
    assert several.code == "ambiguous_contract"
    assert "ES JUN25 (20250620), ES SEP25 (20250919), ES DEC25" in several.message
    assert several.details["candidates"][1]["conId"] == ES_SEP25


@pytest.mark.trial("C10")
async def test_a_bond_has_its_coupon_its_maturity_and_no_price_magnifier_of_0(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        (bond,) = await front.ask("get_contract_details", symbol="91282CHT1", secType="BOND")

    # The simulator tells clients of this version a whole coupon, as ib_async reads it; a gateway tells 3.875.
    assert (bond["cusip"], bond["coupon"], bond["maturity"]) == ("91282CHT1", 3, "20330815")
    assert bond["priceMagnifier"] is None


@pytest.mark.trial("A7")
async def test_what_tws_ignores_for_a_type_is_refused_by_what_it_finds(
    redis_url: str, session: str, sim: Simulator
) -> None:
    put: dict[str, Any] = {"symbol": "SPY", "secType": "OPT", "strike": 400, "right": "P", **EXPIRY}
    async with trading(redis_url, session, sim) as front:
        option = await front.refused_order(**order(**put, primaryExchange="ARCA"))
        pair = await front.refused("open_market_data", symbol="EUR", secType="CASH", primaryExchange="NYSE")
        taken = await front.ask("get_contract_details", **put, primaryExchange="CBOE")

    assert (option.code, option.details["fields"]) == ("invalid_arguments", ["primaryExchange"])
    assert (pair.code, pair.details["fields"]) == ("invalid_arguments", ["primaryExchange"])
    assert len(taken) == 1
    assert frames(sim) == 0


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


@pytest.mark.trial("A7")
async def test_a_filter_that_nothing_can_meet_is_refused_and_a_name_that_was_told_is_met(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        for operation in ("get_positions", "get_account_summary"):
            error = await front.refused(operation, account="DU9999999")
            assert error.code == "wrong_account"
        await front.submit("place_order", **order(symbol="EUR", secType="CASH", totalQuantity=30_000))

        async def held() -> bool:
            return len(await front.ask("get_positions", symbol="EUR.USD")) == 1

        await until(held, "the pair is held under the name that people are told")
        assert await front.ask("get_positions", symbol="GBP.USD") == []
