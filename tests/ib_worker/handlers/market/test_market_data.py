"""Bars and quotes, as the tools tell them."""

import asyncio
from typing import Any

import pytest

from bridge.tools.market.market_data import GetHistoricalData
from ib_worker.pacing.caller import max_share
from ib_worker.pacing.history_pacer import HISTORY_IN_WINDOW
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import trading

SPY = 756733


async def test_daily_bars_are_dated_by_their_day(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        bars = await front.ask("get_historical_data", symbol="VTI", durationStr="5 D")

        assert [bar["date"] for bar in bars] == sorted(bar["date"] for bar in bars)
        assert bars[-1]["date"] == "2025-06-11"
        assert all(bar["low"] <= bar["open"] <= bar["high"] for bar in bars)


async def test_intraday_bars_are_dated_at_the_exchange(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        bars = await front.ask("get_historical_data", symbol="SPY", durationStr="1 D", barSizeSetting="30 mins")

        assert bars[0]["date"] == "2025-06-11T09:30:00-04:00"


async def test_identical_history_is_asked_once(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.ask("get_historical_data", symbol="SPY", durationStr="5 D")
        second = await front.ask("get_historical_data", symbol="SPY", durationStr="5 D")

        assert first == second
        assert len(sim.journal.entries("in", 20)) == 1


async def test_history_ends_where_it_is_asked_to(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        days = await front.ask("get_historical_data", symbol="SPY", durationStr="5 D", endDateTime="2025-05-16")
        year = await front.ask("get_historical_data", symbol="SPY", durationStr="YTD", endDateTime="today")
        early = await front.ask("get_historical_data", symbol="SPY", durationStr="YTD", endDateTime="2025-01-10")
        minutes: dict[str, Any] = {"symbol": "SPY", "durationStr": "3600 S", "barSizeSetting": "5 mins"}
        hour = await front.ask("get_historical_data", **minutes, endDateTime="20250610 15:00:00 US/Eastern")
        before = await front.ask("get_historical_data", **minutes, endDateTime=hour[0]["date"])

        assert days[-1]["date"] == "2025-05-16"
        assert (year[0]["date"], year[-1]["date"]) == ("2025-01-02", "2025-06-11")
        assert (early[0]["date"], early[-1]["date"]) == ("2025-01-02", "2025-01-10")
        assert hour[-1]["date"] == "2025-06-10T14:55:00-04:00"
        assert before[-1]["date"] < hour[0]["date"]  # so one pages back
        assert len(sim.journal.entries("in", 20)) == 5


async def test_history_outside_regular_hours_has_more_bars(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        asked: dict[str, Any] = {
            "symbol": "SPY",
            "durationStr": "1 D",
            "barSizeSetting": "30 mins",
            "endDateTime": "2025-06-10",
        }
        regular = await front.ask("get_historical_data", **asked)
        extended = await front.ask("get_historical_data", **asked, useRTH=False)

        assert len(extended) > len(regular) == 13


async def test_a_series_in_several_forms_is_asked_for_once(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        whole = await front.ask("get_historical_data", symbol="SPY", durationStr="10 D")
        few = await front.ask("get_historical_data", symbol="SPY", durationStr="10 D", limit=3, fields="date,close")
        summary = await front.ask("get_historical_data", symbol="SPY", durationStr="10 D", format="summary")

        assert few == [{name: each[name] for name in ("date", "close")} for each in whole[-3:]]
        assert summary["count"] == len(whole)
        assert summary["summary"]["last"] == {"date": whole[-1]["date"], "close": whole[-1]["close"]}
        assert len(sim.journal.entries("in", 20)) == 1


@pytest.mark.parametrize("more", [{"whatToShow": "ADJUSTED_LAST"}, {"secType": "CONTFUT"}])
async def test_what_always_ends_now_takes_no_end(more: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="endDateTime: leave it out"):
        GetHistoricalData.model_validate({"symbol": "ES", "endDateTime": "2025-06-10"} | more)


@pytest.mark.fault(32)
async def test_more_history_than_tws_allows_is_refused_here(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:

        async def one(days: int) -> Any:
            what = ("TRADES", "MIDPOINT", "BID", "ASK")[days % 4]
            symbol = ("SPY", "IBM", "AAPL", "MSFT")[days // 4 % 4]
            return await front.ask("get_historical_data", symbol=symbol, durationStr=f"{days + 1} D", whatToShow=what)

        allowed = max_share(HISTORY_IN_WINDOW)
        await asyncio.gather(*(one(days) for days in range(allowed)))
        error = await front.refused("get_historical_data", symbol="VTI", durationStr="9 D")

        assert error.code == "paced"
        assert 500 < error.details["retry_after_s"] <= 600
        assert len(sim.journal.entries("in", 20)) == allowed


@pytest.mark.fault(32)
async def test_history_that_tws_refuses_says_why(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("on reqHistoricalData answer 162 HMDS query returned no data")
    sim.fault("on reqHistoricalData answer 162 Historical data request pacing violation")
    async with trading(redis_url, session, sim) as front:
        nothing = await front.refused("get_historical_data", symbol="SPY")
        paced = await front.refused("get_historical_data", symbol="IBM")
        bars = await front.ask("get_historical_data", symbol="AAPL")

        assert (nothing.code, paced.code) == ("no_data", "paced")
        assert len(bars) > 200


@pytest.mark.fault(39)
async def test_no_market_data_is_an_error_and_uses_no_line(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("entitlement none")
    async with trading(redis_url, session, sim) as front:
        error = await front.refused("open_market_data", symbol="SPY")

        assert error.code == "no_data"
        assert (await front.status())["market_data_lines"] == 0

        sim.fault("entitlement live")
        assert (await front.ask("open_market_data", symbol="SPY"))["quote"]["marketDataType"] == "live"


async def test_what_has_no_trades_has_its_midpoints_by_default(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        bars = await front.ask("get_historical_data", symbol="EUR/USD", durationStr="5 D")
        traded = await front.refused("get_historical_data", symbol="EUR/USD", durationStr="5 D", whatToShow="TRADES")

        assert len(bars) == 5
        assert {bar["volume"] for bar in bars} == {None}
        assert "MIDPOINT" in sim.journal.entries("in", 20)[0].fields
        assert traded.code == "invalid_arguments"
