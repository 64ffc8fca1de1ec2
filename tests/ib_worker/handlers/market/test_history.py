"""Ticks, head timestamps, histograms and schedules of a contract, from the simulator over TCP."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.tools.market.history import GetHistoricalTicks
from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, caller, trading, worker
from tests.waiting import until

TICKS, HEAD, CANCEL_HEAD = 96, 87, 90  # TWS's message ids
EUR: dict[str, Any] = {"symbol": "EUR", "secType": "CASH", "currency": "USD"}
TOOLS = ("get_historical_ticks", "get_head_timestamp", "get_histogram", "get_trading_schedule")


def at(*moment: int) -> SimulatorConfig:
    return SimulatorConfig(start=datetime(*moment, tzinfo=UTC).timestamp())  # type: ignore[misc,arg-type]


def column(told: dict[str, Any], name: str) -> list[Any]:
    if name in told["same"]:
        return [told["same"][name]] * int(told["count"])
    return [row[told["columns"].index(name)] for row in told["rows"]]


def ticks(told: dict[str, Any]) -> list[tuple[Any, ...]]:
    names = ("date", "time", "price", "size", "exchange")
    return list(zip(*(column(told, name) for name in names), strict=True))


async def pages(front: Caller, **arguments: Any) -> list[list[tuple[Any, ...]]]:
    """Return the ticks of each page, in the order of the calls."""
    found, cursor = [], None
    while True:
        told = await front.ask("get_historical_ticks", **arguments, **({"cursor": cursor} if cursor else {}))
        found.append(ticks(told))
        assert told["truncated"] is (told["cursor"] is not None)
        if (cursor := told["cursor"]) is None:
            return found


async def test_pages_of_a_minute_are_the_same_trades_in_either_direction(
    redis_url: str, session: str, sim: Simulator
) -> None:
    start, end = "20250611 10:00:00 US/Eastern", "20250611 10:04:59 US/Eastern"
    async with trading(redis_url, session, sim) as front:
        whole = await pages(front, symbol="SPY", startDateTime=start, endDateTime=end, limit=1000)
        forward = await pages(front, symbol="SPY", startDateTime=start, endDateTime=end, limit=301)
        backward: list[tuple[Any, ...]] = []
        cursor: str | None = None
        while not backward or backward[0][1] > "10:00:00":
            more: dict[str, Any] = {"cursor": cursor} if cursor else {}
            told = await front.ask("get_historical_ticks", symbol="SPY", endDateTime=end, limit=301, **more)
            backward, cursor = ticks(told) + backward, told["cursor"]

    trades = [tick for page in whole for tick in page]
    assert len(trades) > 1000
    assert [tick for page in forward for tick in page] == trades
    assert [tick for tick in backward if tick[1] >= "10:00:00"] == trades


async def test_pages_of_one_answer_cost_one_request(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        asked: dict[str, Any] = {"symbol": "SPY", "endDateTime": "20250611 10:00:00 US/Eastern", "limit": 300}
        first = await front.ask("get_historical_ticks", **asked)
        second = await front.ask("get_historical_ticks", **asked, cursor=first["cursor"])

    assert len(sim.journal.entries("in", TICKS)) == 1
    assert ticks(second)[-1][:2] <= ticks(first)[0][:2]
    assert (first["whatToShow"], first["timeZoneId"], first["simulated"]) == ("TRADES", "US/Eastern", True)


async def test_the_newest_ticks_come_without_the_second_in_progress(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("get_historical_ticks", symbol="SPY")
        quotes = await front.ask("get_historical_ticks", symbol="SPY", whatToShow="BID_ASK", limit=3)
        euro = await front.ask("get_historical_ticks", **EUR, limit=3)

    assert told["count"] == 100
    assert column(told, "time")[-1] < told["time"].replace("T14", "T10")[11:19]
    assert {"bid", "bidSize", "ask", "askSize"} <= {*quotes["columns"], *quotes["same"]}
    assert (euro["name"], euro["whatToShow"]) == ("EUR.USD", "MIDPOINT")


async def test_a_time_without_ticks_is_an_error(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await front.refused("get_historical_ticks", symbol="SPY", startDateTime="2031-01-01")

    assert error.code == "no_data"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"limit": 1001}, "limit"), ({"limit": 0}, "limit"), ({"cursor": "x1.2"}, "cursor"),
        ({"startDateTime": "20250611 10:00:00"}, "startDateTime"), ({"whatToShow": "ASK"}, "whatToShow"),
        ({"cursor": "b1749650400.5", "startDateTime": "2025-06-11"}, "cursor"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        GetHistoricalTicks.model_validate({"symbol": "SPY"} | arguments)


async def test_a_head_timestamp_is_cancelled_after_its_answer(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        spy = await front.ask("get_head_timestamp", symbol="SPY")
        euro = await front.ask("get_head_timestamp", **EUR)
        await until(lambda: len(sim.journal.entries("in", CANCEL_HEAD)) == 2, "both are cancelled")

    assert spy["headTimestamp"] == "2012-06-08T09:30:00-04:00"
    assert (spy["name"], spy["whatToShow"], spy["useRTH"], spy["simulated"]) == ("SPY", "TRADES", True, True)
    assert euro["whatToShow"] == "MIDPOINT"
    assert len(sim.journal.entries("in", HEAD)) == 2


async def test_a_contract_without_trades_has_no_head_timestamp_of_them(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on reqHeadTimeStamp answer 162 Historical Market Data Service error message:No head time stamp")
    async with trading(redis_url, session, sim) as front:
        untraded = await front.refused("get_head_timestamp", **EUR, whatToShow="TRADES")
        bare = await front.refused("get_histogram", **EUR)
        assert len(sim.journal.entries("in", HEAD)) == 0
        none = await front.refused("get_head_timestamp", symbol="SPY")

    assert (untraded.code, bare.code) == ("invalid_arguments", "invalid_arguments")
    assert "MIDPOINT" in untraded.message
    assert (none.code, none.details["twsCode"]) == ("no_data", 162)
    assert "head timestamp" in none.message


async def test_a_histogram_is_binned_and_adds_up(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("get_histogram", symbol="SPY", timePeriod="2 D", bins=10)

    assert told["timePeriod"] == "2 days"
    assert told["columns"] == ["price", "size", "percent"]
    assert 0 < told["count"] == len(told["rows"]) <= 10
    assert sum(row[1] for row in told["rows"]) == told["totalSize"]
    assert told["rows"][0][0] <= told["averagePrice"] <= told["rows"][-1][0] + told["binWidth"]


async def test_a_schedule_knows_the_half_day_and_the_holiday_after_it(redis_url: str, session: str) -> None:
    async with Simulator(at(2025, 7, 3, 17, 30)) as sim, trading(redis_url, session, sim) as front:
        told = await front.ask("get_trading_schedule", symbol="SPY", pastDays=3)

    days = {row[0]: row[2] for row in told["rows"] if row[3] != "all"}
    assert told["state"] == "extended"
    assert told["regular"]["opens"]["local"] == "2025-07-07T09:30:00-04:00"
    assert told["allHours"]["closes"]["utc"] == "2025-07-03T21:00:00Z"
    assert list(days.items())[:6] == [
        ("2025-06-30", "open"), ("2025-07-01", "open"), ("2025-07-02", "open"), ("2025-07-03", "shortened"),
        ("2025-07-04", "closed"), ("2025-07-05", "closed"),
    ]  # fmt: skip


async def test_a_schedule_follows_the_change_of_the_clock(redis_url: str, session: str) -> None:
    async with Simulator(at(2025, 3, 7, 15, 0)) as sim, trading(redis_url, session, sim) as front:
        told = await front.ask("get_trading_schedule", symbol="SPY")

    opens = {row[0]: row[6] for row in told["rows"] if row[3] == "regular"}
    assert opens == {
        "2025-03-07": "2025-03-07T14:30Z",
        "2025-03-10": "2025-03-10T13:30Z",
        "2025-03-11": "2025-03-11T13:30Z",
        "2025-03-12": "2025-03-12T13:30Z",
    }


async def test_forex_pauses_for_a_quarter_of_an_hour(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("get_trading_schedule", **EUR, pastDays=2)

    assert "allHours" not in told
    assert [row[0] for row in told["rows"]][:3] == ["2025-06-09", "2025-06-10", "2025-06-11"]
    assert told["regular"]["opens"]["inMinutes"] - told["regular"]["closes"]["inMinutes"] == 15


@pytest.mark.parametrize("operation", TOOLS[:3])
async def test_without_permission_tws_says_why(redis_url: str, session: str, sim: Simulator, operation: str) -> None:
    request = {"get_historical_ticks": "reqHistoricalTicks", "get_head_timestamp": "reqHeadTimeStamp"}
    name = request.get(operation, "reqHistogramData")
    sim.fault(
        f"on {name} answer 162 Historical Market Data Service error message:No market data permissions for ARCA STK"
    )
    async with trading(redis_url, session, sim) as front:
        error = await front.refused(operation, symbol="SPY")

    assert (error.code, error.details["twsCode"]) == ("no_data", 162)
    assert "No market data permissions for ARCA STK" in error.message


async def test_without_a_gateway_each_is_an_error(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.ask("get_contract_details", symbol="SPY")
        sim.fault("on reqHistoricalTicks reset")
        broken = await front.refused("get_historical_ticks", symbol="SPY")
    async with worker(redis_url, session, 1), caller(redis_url, session) as front:
        await front.reaches("failed")
        down = {(await front.refused(operation, symbol="SPY")).code for operation in TOOLS}

    assert broken.code == "retry"
    assert down == {"gateway_unreachable"}
