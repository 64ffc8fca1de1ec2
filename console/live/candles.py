"""A contract's candles, read of the worker for all who look: their number costs the worker nothing."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from pydantic import ValidationError

from bridge.bus.client.client import BusClient
from bridge.bus.identity.sign_ins import CONSOLE_CALLER
from bridge.bus.messages import ClientProof
from bridge.tool import OPERATIONS, ToolError
from bridge.tools.console.candles import Candle, ContractCandles, GetCandles, Span

EVERY_S = 2.0  # between two readings of one series; TWS sends a changed candle every few seconds
ASK_S = 10.0
KEPT = 32  # series

log = structlog.get_logger("console.live")


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
                    kept = self._kept[asked] = _Reading(await self._ask(asked, sign_in), clock())
                    self._kept.move_to_end(asked)
        finally:
            if not lock.locked():
                self._locks.pop(asked, None)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept.candles

    async def _ask(self, asked: GetCandles, sign_in: str) -> ContractCandles:
        line = await self._bus.ask(
            OPERATIONS["get_candles"],
            asked,
            caller=CONSOLE_CALLER,
            proof=ClientProof(sign_in),
            request_id="console",
            deadline_s=ASK_S,
        )
        try:
            return ContractCandles.model_validate_json(line)
        except ValidationError as error:
            log.warning("overview_unreadable", error=str(error)[:400])
            raise ToolError(
                "internal", "The worker's answer can't be read. Update console and worker together."
            ) from None


def started(candles: ContractCandles, row: Candle) -> str:
    """Return a daily candle's date, or when another one began, in UTC as all times of the pages."""
    at = datetime.fromtimestamp(row[0], UTC)
    return f"{at:%Y-%m-%d}" if candles.span == "year" else f"{at:%Y-%m-%d %H:%M}"
