"""The parts of the worker that its metrics read, over every term of leadership."""

import asyncio
from dataclasses import dataclass

from bridge.bus.figures import SessionFigures, read_figures
from bridge.bus.server.server import BusServer
from bridge.bus.transport.connection import BusError
from bridge.metrics.figures import ROUND_TRIP_BOUNDS_S, CallFigures, Distribution
from bridge.tracing.spans import Tracer
from ib_worker.session.session import Session

REDIS_S = 1.0  # for the figures that Redis has; without them a scrape has all others


@dataclass(frozen=True)
class Scrape:
    """The parts that the rows read at one scrape. `session` is None where this worker does not lead, `figures` where
    Redis did not answer."""

    bus: BusServer
    calls: CallFigures
    round_trips: Distribution
    session: Session | None
    figures: SessionFigures | None


class WorkerParts:
    """The worker's bus, its figures, and the session of the present term."""

    def __init__(self, bus: BusServer, tracer: Tracer | None = None) -> None:
        self._bus = bus
        self._tracer = tracer
        self._calls = CallFigures()
        self._round_trips = Distribution(ROUND_TRIP_BOUNDS_S)
        self._session: Session | None = None
        bus.pipe.on_round_trip = self._round_trips.add

    def begin(self, session: Session) -> None:
        """Take the session of a term that begins."""
        self._session = session
        session.telemetry.figures = self._calls
        session.telemetry.tracer = session.tws.tracer = self._tracer

    def end(self) -> None:
        """Forget the session: its term is over."""
        self._session = None

    async def scrape(self) -> Scrape:
        return Scrape(self._bus, self._calls, self._round_trips, self._session, await self._figures())

    async def _figures(self) -> SessionFigures | None:
        try:
            async with asyncio.timeout(REDIS_S):
                return await read_figures(self._bus.pipe, self._bus.keys)
        except (BusError, TimeoutError):
            return None
