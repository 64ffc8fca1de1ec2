"""The reader of candles: who asks at the same time gets one answer, and each series is asked for by itself."""

import asyncio
import json
from typing import Any

from bridge.bus.client.client import BusClient
from bridge.bus.server.request import RequestContext
from bridge.tools.console.candles import ContractCandles
from console.live.candles import CandleReader, started
from tests.stacks.front import READY, worker

CANDLES: dict[str, Any] = {
    "conId": 1, "name": "AAPL", "currency": "USD", "span": "day", "barSizeSetting": "5 mins", "whatToShow": "TRADES",
    "time": "2025-06-11T14:37:00Z", "age_s": 1, "problem": "", "rows": [[1749652200, 1, 2, 1, 2, None]],
}  # fmt: skip


async def test_readers_of_one_time_share_a_question(redis_url: str, session: str) -> None:
    asked: list[str] = []

    async def tell(request: RequestContext) -> bytes:
        asked.append(str(request.arguments))
        return json.dumps(CANDLES).encode()

    async with (
        worker(redis_url, session, {"get_candles": tell}, READY),
        BusClient(redis_url, session, "console-test") as bus,
    ):
        reader = CandleReader(bus)
        told = await asyncio.gather(*(reader.read(1, "day", "") for _ in range(5)), reader.read(1, "year", ""))

    assert len(asked) == 2
    assert {each.name for each in told} == {"AAPL"}
    assert not reader._locks


def test_a_daily_candle_has_a_date_and_another_a_time() -> None:
    day = ContractCandles.model_validate(CANDLES)

    assert started(day, day.rows[0]) == "2025-06-11 14:30"
    assert started(day.model_copy(update={"span": "year"}), day.rows[0]) == "2025-06-11"
