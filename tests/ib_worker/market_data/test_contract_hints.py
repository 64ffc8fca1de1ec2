"""What is said of a contract that TWS does not know: the hint of its kind."""

from typing import Any

import pytest

from bridge.text.contract_name import contract_name
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import frames, order, trading
from tests.waiting import until

ES_SEP25 = 1870000308
EXPIRY = {"lastTradeDateOrContractMonth": "20250718"}
HINTS: list[tuple[dict[str, Any], str]] = [
    ({"symbol": "NOPE.B"}, '("BRK B" has a blank)'),
    ({"symbol": "NOPE"}, "Look the symbol up with ibkr_search_symbols, which takes names too"),
    ({"symbol": "apple"}, "Look the symbol up with ibkr_search_symbols, which takes names too"),
    ({"symbol": "EUR"}, 'EUR is a currency: a pair is written "EUR/USD"'),
    ({"symbol": "$AAPL"}, 'give symbol "AAPL".'),
    ({"symbol": "ES Z26"}, 'give symbol "ES DEC26".'),
    ({"symbol": "ES Z26", "secType": "FUT"}, 'give symbol "ES DEC26".'),
    ({"symbol": "ES1!"}, 'give symbol "ES".'),
    ({"symbol": "AAPL 20261218C300"}, 'give symbol "AAPL 2026-12-18 300 C".'),
    ({"symbol": "LEN.K"}, 'try symbol "LEN K"'),
    ({"symbol": "AAPL.OQ"}, "symbol AAPL, primaryExchange NASDAQ and currency USD"),
    ({"symbol": "BTC/USD"}, "symbol BTC, secType CRYPTO, currency USD and exchange PAXOS"),
    ({"symbol": "037833100"}, "secId 037833100 with secIdType CUSIP"),
    ({"symbol": "756734"}, "If 756734 is a conId, give it as conId"),
    ({"symbol": "USD/EUR"}, "symbol EUR, currency USD, and the other action"),
    ({"symbol": "JPY", "secType": "CASH"}, "symbol USD, currency JPY"),
    ({"symbol": "VOD.L"}, "symbol VOD, primaryExchange LSE and currency GBP"),
    ({"symbol": "SPX", "secType": "STK"}, "give secType IND"),
    ({"symbol": "ES", "secType": "STK"}, 'give symbol "ES JUN25".'),
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
    ({"symbol": "SPY   250718P00401500"}, "nearest are 390, 395, 400, 405"),
    ({"symbol": "SPY 18JUL25 401.5 P"}, "nearest are 390, 395, 400, 405"),
    ({"symbol": "ES AUG25"}, "20250620 (ES JUN25), 20250919"),
    ({"symbol": "ESQ5"}, "20250620 (ES JUN25), 20250919"),
    ({"symbol": "ESU5", "secType": "STK"}, "symbol ES, secType FUT, lastTradeDateOrContractMonth 20250919"),
    ({"symbol": "DE0007164600"}, "give currency EUR"),
    ({"secId": "US0000000002"}, "Check secId and secIdType"),
    (
        {"symbol": "SPY", "secType": "OPT", "strike": 400, "right": "P", "multiplier": 50, **EXPIRY},
        "give multiplier 100",
    ),
    ({"symbol": "SPY", "secType": "FUND"}, "give secType STK"),
    ({"symbol": "SPY", "secType": "BAG"}, "can't be ordered: order each leg on its own, the bought one first."),
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
        for symbol in ("ES", "US-T", "NOPE"):
            error = await front.refused("get_pnl_single", symbol=symbol)
            assert error.code == "not_found"
            assert f"holds no {symbol}, and TWS has no stock of that name. Give the conId" in error.message
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


async def test_an_index_or_future_by_its_symbol_alone_is_the_same_in_every_read(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        for symbol, name in (("VIX", "VIX IND"), ("ES", "ES JUN25")):
            assert len(await front.ask("get_historical_data", symbol=symbol, durationStr="5 D")) == 5
            assert (await front.ask("get_trading_schedule", symbol=symbol))["name"] == name
            assert [
                contract_name(each["contract"]) for each in await front.ask("get_contract_details", symbol=symbol)
            ] == [name]
            assert contract_name((await front.ask("open_market_data", symbol=symbol))["contract"]) == name
            watch = {"event": "price", "symbol": symbol, "above": 1.0}
            assert name in str(await front.ask("create_alert", events=[watch]))


async def test_an_order_for_a_future_without_its_expiry_names_the_symbol_to_give(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        for asked in ({"symbol": "ES"}, {"symbol": "ES", "secType": "FUT"}):
            for operation in ("preview_order", "place_order"):
                error = await front.refused(operation, **asked, action="BUY", totalQuantity=1)
                assert 'symbol "ES JUN25"' in error.message
        assert frames(sim) == 0
