"""Looks out for every watched condition while this worker leads, and goes on with those of the leader before."""

import asyncio
from contextlib import suppress
from typing import NoReturn

from bridge.tasks import run_until_first_ends
from ib_worker.alerts.clocks import ClockWatch, milliseconds
from ib_worker.alerts.figures import FigureSources, FigureWatch
from ib_worker.alerts.log_alerts import LogAlerts
from ib_worker.alerts.price_lines import PriceLines
from ib_worker.session.session import Session, utcnow

LOOK_S = 0.5  # between looks at lines and clocks; prices are decided about as they come
HOURS_S = 1.0


def now_ms() -> int:
    return milliseconds(utcnow())


class WatchEngine:
    """Runs each kind of look in a task of its own, so that none waits for another's answer."""

    def __init__(self, session: Session, sources: FigureSources) -> None:
        self._session = session
        self._table = session.services.watches
        self._lines = PriceLines(session, now_ms)
        self._clocks = ClockWatch(session, now_ms)
        self._figures = FigureWatch(session, sources)
        self._log = LogAlerts(session)

    async def run(self) -> None:
        await self._table.load(now_ms())
        await run_until_first_ends(
            self._table.run(),
            self._look_at_lines(),
            self._look_at_clocks(),
            self._look_at_hours(),
            self._figures.run(),
            self._log.run(),
        )

    async def _look_at_lines(self) -> NoReturn:
        while True:
            self._table.changed.clear()
            await self._lines.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._table.changed.wait()

    async def _look_at_clocks(self) -> NoReturn:
        while True:
            self._clocks.look()
            await asyncio.sleep(LOOK_S)

    async def _look_at_hours(self) -> NoReturn:
        while True:
            await self._session.until_ready()
            await self._clocks.look_at_hours()
            await asyncio.sleep(HOURS_S)
