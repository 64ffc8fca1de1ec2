"""Performance of many contracts in one call, from the simulator over TCP."""

import asyncio
from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import caller, order, trading, worker
from tests.waiting import until

PLACE_ORDER, BARS = 3, 20  # TWS's message ids
STOCKS = (
    "AAPL", "MSFT", "IBM", "GOOG", "META", "SPY", "VTI", "QQQ", "IWM", "DIA", "GLD", "TLT", "EEM", "EFA", "XLF", "XLK",
    "AMD", "BAC", "CVX", "GE",
)  # fmt: skip


def cells(told: dict[str, Any], column: str) -> list[Any]:
    if column in told["same"]:
        return [told["same"][column]] * int(told["count"])
    return [row[told["columns"].index(column)] for row in told["rows"]]


async def test_figures_are_of_the_adjusted_closes_of_the_period(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("get_performance", contracts=["AAPL", "SPY"])
        bars = await front.ask("get_historical_data", symbol="AAPL", durationStr="2 Y", whatToShow="ADJUSTED_LAST")

    closes = {bar["date"]: bar["close"] for bar in bars}
    assert (told["count"], told["failed"], told["notes"], told["benchmark"]) == (2, [], [], "SPY")
    assert told["same"] | {"days": 250} == {
        "currency": "USD", "whatToShow": "ADJUSTED_LAST", "from": "2024-06-11", "to": "2025-06-11", "days": 250,
    }  # fmt: skip
    first, last = closes["2024-06-11"], closes["2025-06-11"]
    assert cells(told, "returnPercent")[0] == pytest.approx((last / first - 1) * 100, abs=0.1)  # the day goes on
    assert (cells(told, "beta")[1], cells(told, "correlation")[1]) == (1.0, 1.0)
    assert all(0 < each < 100 for name in ("volatilityPercent", "maxDrawdownPercent") for each in cells(told, name))


async def test_every_type_has_its_own_series_and_calendar(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask(
            "get_performance",
            contracts=["AAPL", "EUR/USD", "ES JUN25", {"symbol": "SPX", "secType": "IND"}, "VIX", "ES"],
            period="YTD",
        )

    assert cells(told, "name")[4:] == [
        "VIX IND",
        "ES JUN25",
    ]  # as in quotes: the index, or the future that expires next
    assert cells(told, "whatToShow") == ["ADJUSTED_LAST", "MIDPOINT", *["TRADES"] * 4]
    assert set(cells(told, "from")) == {"2024-12-31"}
    assert None not in cells(told, "beta")


async def test_a_period_in_the_past_is_cut_from_a_series_to_now(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("get_performance", contracts=["IBM"], period="6 M", endDate="2024-01-31")

    (request, _) = sim.journal.entries("in", BARS)
    assert (cells(told, "from"), cells(told, "to")) == (["2023-07-31"], ["2024-01-31"])
    assert "ADJUSTED_LAST" in request.fields
    assert "2 Y" in request.fields


async def test_a_contract_that_fails_is_beside_the_others(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault(
        "on reqHistoricalData answer 162 Historical Market Data Service error message:No market data permissions for X"
    )
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("get_performance", contracts=["IBM", "NOSUCH", "MSFT"], benchmark="NOSUCH", period="3 D")

    assert told["count"] == 1
    assert [(each["entry"], each["code"], each["twsCode"]) for each in told["failed"] if each["code"] == "no_data"] in (
        [(0, "no_data", 162)], [(2, "no_data", 162)],
    )  # fmt: skip
    assert [each["entry"] for each in told["failed"] if each["contract"] == "NOSUCH"] == [1, None]
    assert "beta and correlation: the benchmark NOSUCH has no closes (not_found)" in told["notes"]
    assert cells(told, "volatilityPercent") == [None]
    assert any("3 daily returns, 5 are needed" in note for note in told["notes"])


async def test_wrong_periods_are_named_before_tws_is_asked(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        long = await front.refused("get_performance", contracts=["IBM"], period="11 Y")
        early = await front.refused("get_performance", contracts=["IBM"], endDate="2031-01-01")
        with pytest.raises(ValueError, match="contracts"):
            await front.ask("get_performance", contracts=[*STOCKS, "TSLA"])
        with pytest.raises(ValueError, match="period"):
            await front.ask("get_performance", contracts=["IBM"], period="3600 S")

    assert (long.code, early.code) == ("invalid_arguments", "invalid_arguments")
    assert "10 years" in long.message
    assert len(sim.journal.entries("in", BARS)) == 0


async def test_twenty_symbols_keep_tws_limits_and_leave_others_their_turns(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("pacing on")
    async with trading(redis_url, session, sim) as front:
        await front.ask("get_historical_data", symbol="TSLA", durationStr="5 D")
        await front.submit("place_order", **order(totalQuantity=2))  # from then on the exchange rates are known
        async with caller(redis_url, session, "reader") as reader:
            asking = asyncio.create_task(reader.ask("get_performance", contracts=list(STOCKS)))
            await until(lambda: len(sim.journal.entries("in", BARS)) > 3, "the series are under way")
            await front.submit("place_order", **order())
            other = await front.ask("get_historical_data", symbol="NVDA", durationStr="5 D")
            told = await asking

    placed = sim.journal.entries("in", PLACE_ORDER)[-1]
    assert placed.number < sim.journal.entries("in", BARS)[-1].number  # the order did not wait for the series
    assert len(other) == 5
    assert (told["count"], told["failed"]) == (20, [])
    assert len(sim.journal.entries("in", BARS)) == 22  # SPY, the benchmark, is one of the twenty


async def test_without_a_gateway_the_call_is_an_error(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("on reqHistoricalData reset")
        broken = await front.refused("get_performance", contracts=["SPY", "AAPL"])
    async with worker(redis_url, session, 1), caller(redis_url, session) as front:
        await front.reaches("failed")
        down = await front.refused("get_performance", contracts=["SPY"])

    assert broken.code == "retry"
    assert down.code == "gateway_unreachable"
