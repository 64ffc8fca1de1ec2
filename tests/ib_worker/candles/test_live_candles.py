"""Candles that are kept up to date: one request however many look, and what TWS says of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import ib_async
import pytest

from bridge.tool import ToolError
from ib_worker.candles import live_candles
from ib_worker.candles.live_candles import LiveCandles
from ib_worker.pacing.history_pacer import HistoryRequest
from ib_worker.tws.errors import ConnectionLost
from tests.waiting import until

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
BAR = ["1749652200", "200", "201", "199.5", "200.5", "1000", "200.2", "17"]  # 14:30 UTC
AAPL = ib_async.Contract(conId=265598, symbol="AAPL", secType="STK", currency="USD", exchange="SMART")


class Gateway:
    """A gateway that notes what it is asked. `lines`: how many market-data lines are left; `wait_s`: until TWS allows
    the next historical request."""

    def __init__(self) -> None:
        self.wire: object | None = object()
        self.losses = 0
        self.lines = 10
        self.wait_s = 0.0
        self.opened: list[int] = []
        self.ended: list[int] = []

    async def subscribe(self, send: Callable[[Any, int], None]) -> int:
        if self.wire is None:
            raise ConnectionLost("gone")
        self.opened.append(len(self.opened) + 1)
        return self.opened[-1]

    def unsubscribe(self, reqId: int, cancel: Callable[[Any, int], None]) -> None:
        self.ended.append(reqId)

    def require_line(self) -> None:
        if self.lines <= len(self.opened) - len(self.ended):
            raise ToolError("line_limit", "No line is left.")

    def turn(self, request: HistoryRequest) -> float:
        return self.wait_s


@asynccontextmanager
async def followed(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LiveCandles]:
    monkeypatch.setattr(live_candles, "LOOK_S", 0.02)
    candles = LiveCandles(
        gateway, gateway.require_line, gateway.turn, lambda: AT, lambda: (gateway.wire, gateway.losses)
    )
    task = asyncio.create_task(candles.run())
    try:
        yield candles
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def update(time: str, close: float) -> dict[str, Any]:
    prices = {"open": 200.5, "high": 203.0, "low": 200.0, "close": close}
    return {"time": time, **prices, "volume": 5.0, "average": None, "barCount": 1}


async def test_a_candle_in_progress_replaces_itself_and_the_next_one_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway()
    async with followed(gateway, monkeypatch) as candles:
        for _ in range(5):
            series = candles.look(AAPL, "day")
        await until(lambda: gateway.opened == [1], "the request goes out")
        candles.begun(1, BAR)
        candles.changed(1, update("2025-06-11T14:30:00+00:00", 202.0))
        candles.changed(1, update("2025-06-11T14:35:00+00:00", 202.5))

    assert [(row[0] - 1749652200, row[4]) for row in series.rows] == [(0, 202.0), (300, 202.5)]
    assert (series.told, len(candles)) == (AT, 1)
    assert not candles.begun(2, BAR)


async def test_a_series_that_nobody_looks_at_ends_and_so_does_the_oldest_of_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_candles, "MOST", 1)
    gateway = Gateway()
    async with followed(gateway, monkeypatch) as candles:
        candles.look(AAPL, "day")
        await until(lambda: gateway.opened == [1], "the first goes out")
        candles.look(AAPL, "year")
        await until(lambda: (gateway.opened, gateway.ended) == ([1, 2], [1]), "the second takes its place")
        monkeypatch.setattr(live_candles, "WANTED_S", 0.0)
        await until(lambda: gateway.ended == [1, 2], "nobody looks any more")

    assert len(candles) == 0


async def test_a_refusal_is_told_and_not_asked_for_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway()
    async with followed(gateway, monkeypatch) as candles:
        series = candles.look(AAPL, "day")
        await until(lambda: gateway.opened == [1], "the request goes out")
        noticed = candles.refused(1, 2106, "HMDS data farm connection is OK")
        refused = candles.refused(1, 162, "No market data permissions")
        await asyncio.sleep(0.1)

    assert (noticed, refused, gateway.opened) == (True, True, [1])
    assert "No market data permissions" in series.problem


async def test_without_a_line_or_a_turn_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway()
    gateway.lines = 0
    async with followed(gateway, monkeypatch) as candles:
        series = candles.look(AAPL, "day")
        await until(lambda: series.problem != "", "the account has no line")
        gateway.lines, gateway.wait_s = 1, 60.0
        waiting = candles.look(AAPL, "year")
        await until(lambda: waiting.due > 0, "TWS allows no request yet")

    assert (series.problem, gateway.opened) == ("No line is left.", [])


async def test_after_a_loss_of_ibkr_it_is_asked_anew_and_keeps_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway()
    async with followed(gateway, monkeypatch) as candles:
        series = candles.look(AAPL, "day")
        await until(lambda: gateway.opened == [1], "the request goes out")
        candles.begun(1, BAR)
        gateway.losses += 1
        await until(lambda: gateway.opened == [1, 2], "it goes out again")

    assert gateway.ended == [1]
    assert len(series.rows) == 1
