"""The front's metrics: one row each, read at a scrape."""

from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, field
from typing import Any, get_args

from bridge.bus.client.client import BusClient
from bridge.metrics.figures import CallFigures, Distribution, QueueFigures, StreamFigures
from bridge.metrics.table import MetricRow, MetricSamples, one_of, read_rows
from bridge.tools.session import State
from mcp_front import VERSION
from mcp_front.tools.pipeline import CallPipeline
from mcp_front.tools.status import session_status


@dataclass(frozen=True)
class FrontParts:
    """The parts that the rows read: the front's own, and the session's status as of this scrape."""

    pipeline: CallPipeline
    calls: CallFigures
    queue: QueueFigures
    streams: StreamFigures
    connections: Sized
    round_trips: Distribution
    status: Mapping[str, Any] = field(default_factory=dict)


Row = MetricRow[FrontParts]

ROWS: tuple[Row, ...] = (
    Row("gauge", "ibkr_front_info", "The front's release", lambda front: {VERSION: 1.0}, ("version",)),
    Row(
        "counter", "ibkr_front_calls_total", "Tool calls that have ended, by outcome: ok or the error's code",
        lambda front: dict(front.calls.outcomes), ("tool", "outcome"),
    ),
    Row(
        "histogram", "ibkr_front_call_duration_seconds", "Durations of tool calls by tool",
        lambda front: dict(front.calls.by_tool), ("tool",),
    ),
    Row(
        "histogram", "ibkr_front_client_call_duration_seconds", "Durations of tool calls by client",
        lambda front: dict(front.calls.by_client), ("client",),
    ),
    Row(
        "counter", "ibkr_front_lane_calls_total", "Tool calls by who has answered them: the direct lane or FastMCP",
        lambda front: dict(front.calls.lanes), ("lane",),
    ),
    Row("gauge", "ibkr_front_calls_running", "Tool calls that run now", lambda front: front.pipeline.running),
    Row("gauge", "ibkr_front_connections", "Open HTTP connections", lambda front: len(front.connections)),
    Row("gauge", "ibkr_front_queue_waiting", "Requests in the fair queue now", lambda front: front.queue.waiting),
    Row(
        "counter", "ibkr_front_queue_rejected_total", "Requests that the fair queue has rejected as paced",
        lambda front: front.queue.rejected,
    ),
    Row(
        "counter", "ibkr_front_stream_updates_sent_total", "Updates sent to clients by streams that have ended",
        lambda front: front.streams.sent,
    ),
    Row(
        "counter", "ibkr_front_stream_updates_conflated_total", "Updates that newer ones have replaced",
        lambda front: front.streams.left_out,
    ),
    Row(
        "gauge", "ibkr_front_session_state", "1 for the session's state as this front sees it, 0 for the others",
        lambda front: one_of(front.status["state"], get_args(State)), ("state",),
    ),
    Row(
        "gauge", "ibkr_front_heartbeat_age_seconds", "Age of the worker's last heartbeat",
        lambda front: _seconds(front.status.get("heartbeat_age_ms")),
    ),
    Row(
        "histogram", "ibkr_front_redis_round_trip_seconds", "Durations of round trips to Redis",
        lambda front: front.round_trips,
    ),
)  # fmt: skip


async def front_samples(parts: FrontParts, bus: BusClient) -> Iterable[MetricSamples]:
    """Return the samples of a scrape."""
    seen = FrontParts(
        parts.pipeline, parts.calls, parts.queue, parts.streams, parts.connections, parts.round_trips,
        await session_status(bus),
    )  # fmt: skip
    return read_rows(ROWS, seen)


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000
