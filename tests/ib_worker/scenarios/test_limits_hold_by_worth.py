"""Limits, previews and reports by what an order is worth, over the bus and the wire."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.bus.controls.kill_switch import clear_halt, set_halt
from bridge.tools.types import ContractArguments
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.worker import frames, order, ready_session, trading
from tests.waiting import until

NEW_YORK = ZoneInfo("America/New_York")
SATURDAY = datetime(2025, 6, 14, 12, tzinfo=NEW_YORK).timestamp()
FOREX: dict[str, Any] = {"symbol": "EUR", "secType": "CASH", "currency": "USD", "exchange": "IDEALPRO"}
BOND: dict[str, Any] = {"symbol": "91282CHT1", "secType": "BOND"}


@pytest.mark.trial("A1", "A2", "A4", "A5", "A6")
async def test_no_order_passes_its_limit_by_its_type_unit_or_currency(
    redis_url: str, session: str, sim: Simulator
) -> None:
    rel = {"orderType": "REL", "auxPrice": 0.01}
    async with trading(redis_url, session, sim) as front:
        for terms in (
            {"symbol": "MSFT", "totalQuantity": 9100, "lmtPrice": 0, **rel},
            {"symbol": "MSFT", "totalQuantity": 9100, "orderType": "MIDPRICE", "lmtPrice": 0},
            {"symbol": "MSFT", "totalQuantity": 9000, "orderType": "TRAIL", "trailingPercent": 1},
            {**BOND, "totalQuantity": 500},
            {"symbol": "SAP", "exchange": "IBIS", "currency": "EUR", "totalQuantity": 900},  # 236,600 EUR
            {**FOREX, "totalQuantity": 250_000},
            {"symbol": "USD", "secType": "CASH", "currency": "JPY", "exchange": "IDEALPRO", "totalQuantity": 250_001},
        ):
            refused = await front.refused_order(**order(**terms))
            assert (refused.code, refused.details.get("limit")) == ("limit_exceeded", "max_order_value"), terms
            assert refused.details["currency"] == "USD"
        assert frames(sim) == 0

        resting = await front.submit("place_order", **order(symbol="MSFT", totalQuantity=5000, **rel))
        more = await front.refused_order("modify_order", orderId=resting["orderId"], totalQuantity=9999)
        for terms in (
            {**FOREX, "totalQuantity": 25_000},
            {"symbol": "USD", "secType": "CASH", "currency": "JPY", "exchange": "IDEALPRO", "totalQuantity": 30_000},
            {"symbol": "SAP", "exchange": "IBIS", "currency": "EUR", "totalQuantity": 10},
            {**BOND, "totalQuantity": 5},
        ):
            assert (await front.submit("place_order", **order(**terms)))["status"] in ("Filled", "Submitted"), terms

    assert more.details["limit"] == "max_order_value"


@pytest.mark.trial("B12", "A2")
async def test_a_price_that_tws_tells_back_as_0_is_no_price_of_a_change(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        for terms in (
            {"orderType": "MOC"}, {"orderType": "STP", "auxPrice": 300}, {"orderType": "MIT", "auxPrice": 600},
            {"orderType": "TRAIL", "trailingPercent": 5}, {"orderType": "MOC", "tif": "DAY", "symbol": "SPY"},
        ):  # fmt: skip
            placed = await front.submit("place_order", **order(action="SELL", totalQuantity=2, **terms))
            changed = await front.submit("modify_order", orderId=placed["orderId"], totalQuantity=3)
            assert (changed["totalQuantity"], changed["message"]) == (3, "TWS has confirmed the new terms."), terms


@pytest.mark.trial("A26")
async def test_a_short_option_counts_its_strike_unless_something_covers_it(
    redis_url: str, session: str, sim: Simulator
) -> None:
    call: dict[str, Any] = {
        "secType": "OPT", "lastTradeDateOrContractMonth": "20250718", "strike": 430.0, "right": "C", "action": "SELL",
    }  # fmt: skip
    async with trading(redis_url, session, sim) as front:
        naked = await front.refused_order(**order(**call, totalQuantity=24, orderType="LMT", lmtPrice=30))
        told = await front.ask("preview_order", **order(**call, totalQuantity=24, orderType="LMT", lmtPrice=30))
        await front.submit("place_order", **order(totalQuantity=300))
        covered = await front.submit("place_order", **order(**call, totalQuantity=24, orderType="LMT", lmtPrice=30))
        uncovers = await front.refused_order(**order(action="SELL", totalQuantity=300))

    assert naked.details["limit"] == uncovers.details["limit"] == "max_short_option_value"
    assert naked.details["value"] == pytest.approx(24 * 430 * 100, rel=0.05)
    assert told["refused_by"].startswith("[limit_exceeded]")
    assert told["shortOptionValue"] == pytest.approx(naked.details["value"], rel=0.01)
    assert "; with it and the open orders, the short options on AAPL count 1,0" in told["summary"]
    assert covered["status"] in ("PreSubmitted", "Submitted")


async def test_a_short_option_counts_from_its_fill_on_before_a_position_shows_it(
    redis_url: str, session: str, sim: Simulator
) -> None:
    call: dict[str, Any] = {
        "secType": "OPT", "lastTradeDateOrContractMonth": "20250718", "strike": 430.0, "right": "C", "action": "SELL",
        "orderType": "MKT", "totalQuantity": 20,
    }  # fmt: skip
    async with trading(redis_url, session, sim) as front:
        sim.fault("delay position 60")
        first = await front.submit("place_order", **order(**call))
        second = await front.refused_order(**order(**call | {"totalQuantity": 21}))

    assert first["status"] == "Filled"
    assert (second.code, second.details.get("limit")) == ("limit_exceeded", "max_short_option_value")
    assert second.details["value"] == pytest.approx(41 * 430 * 100, rel=0.1)


@pytest.mark.trial("A24", "A25", "A27", "C8")
async def test_previews_and_reports_say_what_an_order_does(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(symbol="T", totalQuantity=100))
        told = await front.ask("preview_order", **order(symbol="T", action="SELL", totalQuantity=200))
        slip = await front.refused_order(
            **order(symbol="T", action="SELL", totalQuantity=100, orderType="LMT", lmtPrice=2.8)
        )
        short = await front.submit("place_order", **order(symbol="T", action="SELL", totalQuantity=200))
        stop = await front.ask("preview_order", **order(orderType="STP", auxPrice=100))
        pipe, keys = front.bus_client.pipe, front.bus_client.keys
        await set_halt(pipe, keys, "halt", "anna", "a look at the books")
        halted = await front.ask("preview_order", **order())
        await clear_halt(pipe, keys, "anna")
        await set_halt(pipe, keys, "reduce_only", "anna", "the day's end")
        closing = await front.ask("preview_order", **order(symbol="T", totalQuantity=100))

    effect = "sells the 100 that you hold and opens a short of 100"
    assert (told["positionEffect"], effect in told["summary"]) == (effect, True)
    assert (told["worthCurrency"], told["worth"]) == ("USD", pytest.approx(5600, rel=0.1))
    assert f"Its fill {effect}." in short["message"]
    assert (slip.details["limit"], "MKT closes it at once" in slip.message) == ("price_collar", True)
    assert (stop["triggered"], "it trades at once" in stop["summary"]) == (True, True)
    assert halted["refused_by"].startswith("[halted] The kill switch is set (halt) by anna since ")
    assert (halted["confirmationToken"], closing["refused_by"]) == (None, None)


@pytest.mark.trial("C7")
async def test_a_halt_reaches_a_running_stream_and_the_preview(redis_url: str, session: str, sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        contract = await stand.session.contracts.contract(ContractArguments(symbol="AAPL"))
        line = await stand.session.quotes.open(contract)
        await until(lambda: line.values.priced, "a price has come")
        sim.fault("swallow tickPrice")
        sim.fault("swallow tickSize")
        sim.fault(f"send 45 6 {line.reqId} 49 1.0")
        await until(lambda: any(each["halted"] for each in stand.published.of("quote")), "the stream says so")
    sim.fault("through")
    sim.fault("halt AAPL 600")
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("preview_order", **order(orderType="LMT", lmtPrice=400))

    assert (told["halted"], "trading in AAPL is halted" in told["summary"]) == (True, True)


@pytest.mark.trial("D23")
async def test_at_the_weekend_orders_at_the_market_are_queued_and_counted_by_an_estimate(
    redis_url: str, session: str
) -> None:
    async with (
        Simulator(SimulatorConfig(start=SATURDAY)) as sim,
        trading(redis_url, session, sim) as front,
    ):
        told = await front.ask("preview_order", **order())
        much = await front.refused_order(**order(totalQuantity=600))
        placed = [await front.submit("place_order", **order(tif=tif)) for tif in ("DAY", "OPG")]
        bracket = await front.submit(
            "place_bracket_order", **order(symbol="IBM", takeProfitPrice=900, stopLossPrice=10)
        )
        sim.fault("farm broken usfarm")
        await until(lambda: front.status(), "a heartbeat")
        unsure = await front.refused_order(**order(symbol="SPY"))

    assert (told["worthIsEstimate"], "an estimate from the last close" in told["summary"]) == (True, True)
    assert much.details["limit"] == "max_order_value"
    assert {each["status"] for each in placed} <= {"PreSubmitted", "Submitted"}
    assert bracket["entry"]["status"] in ("PreSubmitted", "Submitted")
    assert unsure.code == "no_fresh_quote"
