"""The console's candles, at the simulator over TCP: one request for each span, and a past that agrees with history."""

from typing import Any

from bridge.tools.console.candles import ContractCandles
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, trading
from tests.waiting import until

AAPL, HISTORICAL = 265598, 20  # TWS's message id of reqHistoricalData


async def candles_of(front: Caller, span: str) -> ContractCandles:
    return ContractCandles.model_validate(await front.ask("get_candles", conId=AAPL, span=span))


async def test_both_spans_cost_one_request_each_and_tell_what_history_tells(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        told: dict[str, ContractCandles] = {}

        async def known() -> bool:
            told.update({span: await candles_of(front, span) for span in ("day", "year")})
            return all(each.rows for each in told.values())

        await until(known, "both are told", 20)
        for _ in range(5):
            await known()
        asked = len(sim.journal.entries("in", HISTORICAL))
        history: list[dict[str, Any]] = await front.ask(
            "get_historical_data", symbol="AAPL", durationStr="1 Y", barSizeSetting="1 day", format="objects"
        )

    day, year = told["day"], told["year"]
    assert asked == 2
    assert (day.name, day.currency, day.barSizeSetting, day.whatToShow) == ("AAPL", "USD", "5 mins", "TRADES")
    assert all(later[0] - earlier[0] >= 300 for earlier, later in zip(day.rows, day.rows[1:], strict=False))
    assert [row[1:5] for row in year.rows[:-1]] == [
        tuple(each[name] for name in ("open", "high", "low", "close")) for each in history[:-1]
    ]
