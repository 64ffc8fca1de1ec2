"""A contract's candles, read of the worker for all who look: their number costs the worker nothing."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.bus.client.client import BusClient
from bridge.tools.console.candles import Candle, ContractCandles, GetCandles, Span
from console.live.worker import ask_worker

EVERY_S = 2.0  # between two readings of one series; TWS sends a changed candle every few seconds
ASK_S = 10.0
KEPT = 32  # series


@dataclass(frozen=True)
class _Reading:
    """A series as the worker told it, and when, by the loop's clock."""

    candles: ContractCandles
    at: float


class CandleReader:
    """The candles of one session. Whoever asks while a reading is on its way gets that one."""

    def __init__(self, bus: BusClient) -> None:
        self._bus = bus
        self._kept: OrderedDict[GetCandles, _Reading] = OrderedDict()
        self._locks: dict[GetCandles, asyncio.Lock] = {}

    async def read(self, conId: int, span: Span, sign_in: str) -> ContractCandles:
        """Return the candles of now. `sign_in`: the id of a viewer's, in whose name the worker is asked. Raises
        ToolError."""
        asked = GetCandles(conId=conId, span=span)
        clock: Callable[[], float] = asyncio.get_running_loop().time
        lock = self._locks.setdefault(asked, asyncio.Lock())
        try:
            async with lock:
                kept = self._kept.get(asked)
                if kept is None or clock() - kept.at >= EVERY_S:
                    told = await ask_worker(self._bus, "get_candles", asked, ContractCandles, sign_in, ASK_S)
                    kept = self._kept[asked] = _Reading(told, clock())
                    self._kept.move_to_end(asked)
        finally:
            if not lock.locked():
                self._locks.pop(asked, None)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept.candles


def started(candles: ContractCandles, row: Candle) -> str:
    """Return a daily candle's date, or when another one began, in UTC as all times of the pages."""
    at = datetime.fromtimestamp(row[0], UTC)
    return f"{at:%Y-%m-%d}" if candles.span == "year" else f"{at:%Y-%m-%d %H:%M}"
