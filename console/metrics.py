"""The console's metrics: one row each, read at a scrape."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sized
from dataclasses import dataclass, replace
from typing import get_args

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.bus.client.client import BusClient
from bridge.bus.halt import Halt, Level
from bridge.bus.transport.connection import BusError
from bridge.metrics.figures import Distribution
from bridge.metrics.table import MetricRow, MetricSamples, one_of, read_rows
from bridge.tool import ToolError

REDIS_S = 1.0  # for what Redis has; without it a scrape has all else


class ResponseCount:
    """ASGI middleware that counts the responses by status."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.statuses: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.statuses[str(message["status"])] += 1
            await send(message)

        await self._app(scope, receive, counted)


@dataclass(frozen=True)
class ConsoleParts:
    """The parts that the rows read. `approvals` and `halt` are of this scrape, unknown where Redis did not answer."""

    responses: ResponseCount
    connections: Sized
    round_trips: Distribution
    redis_up: bool = False
    approvals: int | None = None
    halt: Halt | None = None


Row = MetricRow[ConsoleParts]


def _kill_switch(console: ConsoleParts) -> dict[str, float]:
    return one_of(console.halt.level if console.halt is not None else "", get_args(Level))


ROWS: tuple[Row, ...] = (
    Row(
        "counter", "ibkr_console_responses_total", "HTTP responses by status",
        lambda console: dict(console.responses.statuses), ("status",),
    ),
    Row("gauge", "ibkr_console_connections", "Open HTTP connections", lambda console: len(console.connections)),
    Row(
        "gauge", "ibkr_console_approvals_waiting", "Orders that wait for a person's approval",
        lambda console: console.approvals,
    ),
    Row(
        "gauge", "ibkr_console_kill_switch", "1 for the level of the kill switch, if it is set",
        lambda console: _kill_switch(console) if console.redis_up else None, ("level",),
    ),
    Row(
        "gauge", "ibkr_console_redis_up", "1 where Redis has answered this scrape within a second",
        lambda console: float(console.redis_up),
    ),
    Row(
        "histogram", "ibkr_console_redis_round_trip_seconds", "Durations of round trips to Redis",
        lambda console: console.round_trips,
    ),
)  # fmt: skip


async def console_samples(parts: ConsoleParts, bus: BusClient) -> Iterable[MetricSamples]:
    """Return the samples of a scrape."""
    try:
        async with asyncio.timeout(REDIS_S):
            approvals = int(await bus.pipe.send("ZCARD", bus.keys.approvals))
            halt = await bus.halted()
    except (BusError, ToolError, TimeoutError):
        return read_rows(ROWS, parts)
    return read_rows(ROWS, replace(parts, redis_up=True, approvals=approvals, halt=halt))
