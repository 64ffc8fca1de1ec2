"""Delivers the log's events to a target: at least once, in order, by a place in the log that outlives every restart."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NoReturn

import structlog

from bridge.bus.events.event import Cursor, ReadEvent
from bridge.bus.transport.outage_log import Outage
from ib_worker.pushes.target import AlertTarget
from ib_worker.pushes.texts import is_for
from ib_worker.pushes.webhook import PushFailed
from ib_worker.watches.table import WatchTable, read_on

Send = Callable[[AlertTarget, Sequence[ReadEvent], bool], None]  # blocks; raises PushFailed

log = structlog.get_logger("ib_worker.pushes.delivery")


@dataclass(frozen=True)
class PushTiming:
    """The waits of a delivery, in seconds, and its bounds."""

    look_s: float = 0.5  # between looks at the log's end
    first_pause_s: float = 1.0  # before a push that failed is tried again, twice as long each time
    longest_pause_s: float = 15.0
    minute_s: float = 60.0
    a_minute: int = 10  # pushes to one target
    together: int = 20  # events in one push, where several wait
    refusals: int = 5  # of one push, after which the target does not get it


USUAL = PushTiming()


class PushDelivery:
    """The delivery to one target. Its place is stored after each push that was taken: what a crash comes between is
    pushed again, with the same event_id."""

    def __init__(
        self,
        target: AlertTarget,
        table: WatchTable,
        groups: Collection[str],
        send: Send,
        timing: PushTiming = USUAL,
        counted: Counter[tuple[str, str]] | None = None,
    ) -> None:
        """`counted`: how many pushes were sent, failed and were given up, by the target's name and that word."""
        self._counted = Counter() if counted is None else counted
        self._target = target
        self._table = table
        self._groups = groups
        self._send = send
        self._timing = timing
        self._reader = f"target {target.name}"
        self._place: Cursor | None = None
        self._stored: Cursor | None = None  # the place that Redis has
        self._lost = False  # events that were dropped from the log before this target got them
        self._pushed: deque[float] = deque(maxlen=timing.a_minute)

    async def run(self) -> NoReturn:
        """For ever: read on, and push. A target that is down holds up none of the others."""
        await read_on(self._look, Outage("pushes_not_read"), self._timing.look_s)

    async def _look(self) -> bool:
        """Read a page, push what is for the target, and return whether there may be more."""
        if self._place is None:
            self._place = self._stored = await self._table.place_of(self._reader)
        if self._place != self._stored:  # Redis was away: without this a restart pushes again what was taken
            await self._go_on(self._place)
        page = await self._table.page(self._place)
        self._lost = self._lost or page.gap
        wanted = [each for each in page.events if is_for(each.event, self._target.name, self._groups)]
        for at in range(0, len(wanted), self._timing.together):
            part = wanted[at : at + self._timing.together]
            await self._push(part)
            await self._go_on(part[-1].cursor)
        if page.next != self._place:
            await self._go_on(page.next)
        return bool(page.events)

    async def _go_on(self, at: Cursor) -> None:
        self._place = at
        await self._table.store_place(self._reader, at)
        self._stored = at

    async def _push(self, events: Sequence[ReadEvent]) -> None:
        """Push until the target has taken it, or has refused it too often."""
        pause_s, refusals = self._timing.first_pause_s, 0
        while True:
            await self._turn()
            try:
                await asyncio.to_thread(self._send, self._target, events, self._lost)
            except PushFailed as failed:
                self._counted[self._target.name, "failed"] += 1
                refusals += failed.lasting
                log.warning("push_failed", target=self._target.name, error=str(failed), events=len(events))
                if refusals >= self._timing.refusals:
                    self._counted[self._target.name, "given_up"] += 1
                    log.error("push_given_up", target=self._target.name, events=len(events))
                    return
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, self._timing.longest_pause_s)
            else:
                self._counted[self._target.name, "sent"] += 1
                self._lost = False
                return

    async def _turn(self) -> None:
        """Wait until the target may get another push."""
        clock = asyncio.get_running_loop().time
        if len(self._pushed) == self._timing.a_minute:
            await asyncio.sleep(max(0.0, self._pushed[0] + self._timing.minute_s - clock()))
        self._pushed.append(clock())
