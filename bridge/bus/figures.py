"""The figures of a session that only Redis has, for metrics: approvals, the event log and its readers, orders."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.bus.events.event_log import newest_cursor
from bridge.bus.events.watches import read_places
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline

MINUTE_MS = 60_000


@dataclass(frozen=True)
class SessionFigures:
    """The figures as of one reading. `lags`: how many events each reader of the worker has not read yet, by name."""

    approvals_waiting: int = 0
    events: int = 0  # that the log holds now
    newest_event: int = 0  # its number: how many there were
    lags: Mapping[str, int] = field(default_factory=dict)
    orders_last_minute: int = 0


async def read_figures(pipe: CommandPipeline, keys: Keys) -> SessionFigures:
    """Return the figures. Raises BusError."""
    newest = (await newest_cursor(pipe, keys)).number
    now_ms = pipe.clock.now_ms()  # known from the first answer on
    counts = [
        pipe.send("ZCARD", keys.approvals),
        pipe.send("XLEN", keys.events),
        pipe.send("ZCOUNT", keys.accepted, now_ms - MINUTE_MS, now_ms),
    ]
    places = await read_places(pipe, keys)
    approvals, events, orders = [int(await each) for each in counts]
    lags = {reader: max(newest - place.number, 0) for reader, place in places.items()}
    return SessionFigures(approvals, events, newest, lags, orders)
