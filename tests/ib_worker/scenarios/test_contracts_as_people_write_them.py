"""Contracts in human forms, by conId and by number: one contract each, and one identity of an order."""

from typing import Any

import pytest
from pydantic import ValidationError

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, frames, order, trading

BRK_B = 72063691
AAPL = 265598
RESTING: dict[str, Any] = {"action": "BUY", "totalQuantity": 1, "orderType": "LMT", "lmtPrice": 1}
ONE_CONTRACT: list[tuple[dict[str, Any], str]] = [
    ({"symbol": "BRK.B"}, "BRK B"),
    ({"symbol": "EUR/USD"}, "EUR.USD"),
    ({"symbol": "EURUSD"}, "EUR.USD"),
    ({"symbol": "ES SEP25"}, "ESU5"),
    ({"symbol": "ESU5"}, "ESU5"),
    ({"symbol": "ESU25"}, "ESU5"),
    ({"localSymbol": "ESU5", "secType": "FUT"}, "ESU5"),
    ({"symbol": "SPY 2025-07-18 400 P"}, "SPY   250718P00400000"),
    ({"symbol": "SPY 18JUL25 400 P"}, "SPY   250718P00400000"),
    ({"symbol": "SPY   250718P00400000"}, "SPY   250718P00400000"),
    ({"conId": AAPL}, "AAPL"),
    ({"conId": AAPL, "secId": "US0378331005"}, "AAPL"),
    ({"secId": "037833100"}, "AAPL"),
    ({"symbol": "US0378331005"}, "AAPL"),
    ({"symbol": "AAPL", "tradingClass": "NMS"}, "AAPL"),
]


async def test_each_form_finds_its_one_contract(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        for asked, localSymbol in ONE_CONTRACT:
            found = await front.ask("get_contract_details", **asked)
            assert [each["contract"]["localSymbol"] for each in found] == [localSymbol], asked


async def test_arguments_that_are_not_the_contracts_are_refused(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        for wrong in ({"secId": "DE0007164600"}, {"tradingClass": "SPXW"}, {"localSymbol": "MSFT"}):
            error = await front.refused("get_contract_details", conId=AAPL, **wrong)
            assert (error.code, error.details["fields"]) == ("invalid_arguments", list(wrong))


async def test_quotes_take_every_form_in_one_call(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        contracts = ["BRK.B", "EUR/USD", "ES SEP25", "SPY 18JUL25 400 P", AAPL]
        table = await front.ask("get_quotes", contracts=contracts)

    names = [row[table["columns"].index("name")] for row in table["rows"]]
    assert names == ["BRK B", "EUR.USD", "ES SEP25", "SPY 18JUL25 400 P", "AAPL"]


async def test_expired_futures_are_found_where_they_are_asked_for(redis_url: str, session: str, sim: Simulator) -> None:
    old: dict[str, Any] = {"symbol": "ES", "secType": "FUT", "lastTradeDateOrContractMonth": "202503"}
    async with trading(redis_url, session, sim) as front:
        error = await front.refused("get_contract_details", **old)
        found = await front.ask("get_contract_details", **old, includeExpired=True)
        series: dict[str, Any] = {"durationStr": "5 D", "includeExpired": True, "endDateTime": "2025-03-14"}
        bars = await front.ask("get_historical_data", conId=found[0]["contract"]["conId"], **series)

    assert error.code == "not_found"
    assert found[0]["contract"]["localSymbol"] == "ESH5"
    assert len(bars) == 5


async def test_every_spelling_of_an_order_is_the_same_order(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.submit("place_order", "the-first-key", symbol="BRK.B", **RESTING)
        again = await front.submit("place_order", "the-first-key", symbol="BRK B", **RESTING)
        for equal in ({"symbol": "BRK B"}, {"symbol": "BRK/B"}, {"conId": BRK_B}, {"secId": "US0846707026"}):
            held = await front.refused_order(**RESTING, **equal)
            assert (held.code, held.details["duplicateOf"]) == ("possible_duplicate", "the-first-key"), equal

    assert (first["contract"]["conId"], again["orderId"], again["replayed"]) == (BRK_B, first["orderId"], True)
    assert frames(sim) == 1


async def test_a_preview_of_one_spelling_confirms_an_order_in_another(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        preview = await front.ask("preview_order", symbol="ES SEP25", action="BUY", totalQuantity=1)
        spelled = {"symbol": "ES", "secType": "FUT", "lastTradeDateOrContractMonth": "20250919"}
        token = preview["confirmationToken"]
        placed = await front.submit("place_order", **order(**spelled), confirmationToken=token)

    assert placed["contract"]["localSymbol"] == "ESU5"


async def test_an_order_for_a_form_with_several_meanings_is_refused(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        month = await front.refused_order(**order(symbol="SPY JUL25 400 P"))
        unknown = await front.refused_order(**order(symbol="ES 18SEP25 4000 C"))
        pair = await front.refused_order(**order(symbol="USD/EUR"))
        for written in ({"symbol": "SPY 20250718"}, {"symbol": "EUR/USD", "secType": "STK"}, {}):
            with pytest.raises(ValidationError):
                await placed(front, **(order() | {"symbol": None} | written))

    assert (month.code, len(month.details["candidates"])) == ("ambiguous_contract", 3)
    assert (unknown.code, pair.code) == ("not_found", "not_found")
    assert frames(sim) == 0


async def placed(front: Caller, **arguments: Any) -> Any:
    return await front.submit("place_order", **arguments)


async def test_tools_with_a_symbol_of_their_own_take_forms_and_refuse_others(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        for operation in ("get_option_chain", "get_pnl_single"):
            for written in ("SPY 20250718", "SPY 06/07/25 400 P"):
                error = await front.refused(operation, symbol=written)
                assert (error.code, "symbol" in error.message or "secType" in error.message) == (
                    "invalid_arguments",
                    True,
                )
        pair = await front.refused("get_option_chain", symbol="EUR/USD")  # a pair has none at TWS
        share = await front.refused("get_option_chain", symbol="BRK.B")  # has no options in the simulator
        held = await front.ask("get_pnl_single", symbol="BRK.B")

    assert (pair.code, share.code) == ("not_found", "not_found")
    assert "BRK" in share.message
    assert held["name"] == "BRK B"
