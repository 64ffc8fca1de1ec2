"""The live state of the session that all viewers share: what the worker knows, and what Redis has of it."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import structlog

from bridge.bus.client.client import BusClient
from bridge.bus.events.event import SessionEvent
from bridge.bus.events.event_log import newest_events
from bridge.bus.events.stream_handles import StreamHandle, handles_now
from bridge.bus.events.watches import Watch, read_watches
from bridge.bus.history.records import TradeCommission, TradeExecution
from bridge.bus.history.store import EXECUTIONS, read_records, trades_of
from bridge.text.execution_id import trade_of
from bridge.tool import ToolError
from bridge.tools.console.overview import GetOverview, SessionOverview
from console.live.overview import Overview, overview
from console.live.worker import ask_worker

ASK_S = 3.0  # for the worker's answer; what came before is shown as old meanwhile
EVENTS = 120
EXECUTIONS_SHOWN = 40

log = structlog.get_logger("console.live")


@dataclass(frozen=True)
class Trade:
    """An execution, and its commission where TWS has told it."""

    execution: TradeExecution
    commission: TradeCommission | None


@dataclass(frozen=True)
class LiveState:
    """The session at one time. `known` is the worker's latest answer, `read` when it came; `problem` why there is none
    of this second, and then all of it is old."""

    shown: Overview
    at: datetime
    known: SessionOverview | None = None
    read: datetime | None = None
    problem: str = ""
    minute_orders: int | None = None
    day_orders: int | None = None
    events: list[SessionEvent] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)
    streams: list[StreamHandle] = field(default_factory=list)

    @property
    def time(self) -> datetime:
        """Return the time by the clock of the session's answers: a simulator may have another date."""
        return self.known.time if self.known else self.at

    @property
    def stale(self) -> bool:
        return bool(self.problem)

    @property
    def age_s(self) -> int:
        return round((self.at - self.read).total_seconds()) if self.read else 0


async def read_live_state(bus: BusClient, sign_in: str, before: LiveState | None) -> LiveState:
    """Return a new live state, with the worker's last answer where there is none now. `sign_in`: the id of a viewer's,
    in whose name the worker is asked. Raises ToolError bus_down, BusError."""
    if not bus.pipe.clock.known:
        await bus.pipe.send("PING")
    shown, events, trades, watches, streams = await asyncio.gather(
        overview(bus), newest_events(bus.pipe, bus.keys, EVENTS), _trades(bus), _watches(bus), _streams(bus)
    )
    now = datetime.now(UTC)
    live_state = LiveState(shown, now, events=events, trades=trades, watches=watches, streams=streams)
    if before is not None:
        live_state = replace(live_state, known=before.known, read=before.read)
    return await _asked(bus, sign_in, live_state)


async def _asked(bus: BusClient, sign_in: str, live_state: LiveState) -> LiveState:
    """Return the live state with the worker's answer, or with why there is none."""
    if live_state.shown.state != "ready":
        return replace(live_state, problem=live_state.shown.cause or f"The session is {live_state.shown.state}.")
    try:
        known = await ask_overview(bus, sign_in)
        minute, day = await _accepted(bus, known.counted_from_ms)
    except ToolError as error:
        if error.code == "bus_down":
            raise
        return replace(live_state, problem=error.message)
    return replace(live_state, known=known, read=live_state.at, minute_orders=minute, day_orders=day)


async def ask_overview(bus: BusClient, sign_in: str) -> SessionOverview:
    """Return the worker's answer. Raises ToolError."""
    return await ask_worker(bus, "get_overview", GetOverview(), SessionOverview, sign_in, ASK_S)


async def _accepted(bus: BusClient, day_from_ms: int) -> tuple[int, int]:
    """Return how many orders were accepted in the last minute, and on this day."""
    minute_ms = bus.pipe.clock.now_ms() - 60_000
    minute = bus.pipe.send("ZCOUNT", bus.keys.accepted, minute_ms, "+inf")
    return int(await minute), int(await bus.pipe.send("ZCOUNT", bus.keys.accepted, day_from_ms, "+inf"))


async def _trades(bus: BusClient) -> list[Trade]:
    """Return the newest executions, newest first; a correction stands for its original."""
    rows, _ = await read_records(bus.pipe, bus.keys, EXECUTIONS, most=2 * EXECUTIONS_SHOWN)
    found = trades_of(rows)
    newest: dict[str, TradeExecution] = {}
    for each in sorted(found.executions, key=lambda each: each.execId):
        newest[trade_of(each.execId)] = each
    ordered = sorted(newest.values(), key=lambda each: each.time, reverse=True)[:EXECUTIONS_SHOWN]
    return [Trade(each, found.commissions.get(each.execId)) for each in ordered]


async def _watches(bus: BusClient) -> list[Watch]:
    """Return the alerts, oldest first. A wait that is under way and an alert that has fired are none."""
    found = await read_watches(bus.pipe, bus.keys)
    return sorted(
        (each for each in found.values() if each.mode in ("once", "repeat")), key=lambda each: each.created_ms
    )


async def _streams(bus: BusClient) -> list[StreamHandle]:
    return await handles_now(bus.pipe, bus.keys, bus.pipe.clock.now_ms())
