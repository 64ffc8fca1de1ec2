"""Alerts on what the event log has by itself: orders, fills, the session, the kill switch, other alerts."""

from typing import NoReturn

from bridge.bus.events.event import Cursor, ReadEvent, SessionEvent
from bridge.bus.events.watches import Mark, Watch
from bridge.bus.transport.outage_log import Outage
from bridge.conditions import meets
from bridge.tools.events import WATCHED
from ib_worker.session.session import Session
from ib_worker.watches.table import conditions, read_on

READER = "alerts"  # its place in the log is stored under this name
LOOK_S = 0.5


class LogAlerts:
    """Reads the log once for all alerts, and stores its place: a restart repeats no event and misses none."""

    def __init__(self, session: Session) -> None:
        self._table = session.services.watches
        self._services = session.services
        self._place: Cursor | None = None

    async def run(self) -> NoReturn:
        """For ever: read what is new, and decide. While Redis is away nothing is new."""
        await read_on(self._read, Outage("alerts_not_read"), LOOK_S)

    async def _read(self) -> bool:
        """Read a page, and return whether there may be more."""
        if self._place is None:
            self._place = await self._table.place_of(READER)
        page = await self._table.page(self._place)
        for each in page.events:
            of_approval = each.event.kind == "approval"
            self._decide(each, await self._services.approvals.owner(each.event.key) if of_approval else "")
        if page.next != self._place:
            await self._table.written()  # else a worker that dies now leaves the place beyond an alert that none has
            await self._table.store_place(READER, page.next)
            self._place = page.next
        return bool(page.events)

    def _decide(self, read: ReadEvent, owner: str) -> None:
        """Fire what the event meets. `owner`: whose order an approval is of, whom alone it is told; empty for nobody's,
        as when its time is over."""
        for watch in self._table.all():
            if watch.mode == "wait" or read.cursor.number <= watch.read or owner not in ("", watch.principal):
                continue
            number = _met(watch, read.event)
            if number is not None:
                self._table.fire(watch.id, number, Mark(), _told(read.event), read.cursor.number)


def _met(watch: Watch, event: SessionEvent) -> int | None:
    """Return the place of the first condition that the event meets. A watched one is decided about elsewhere."""
    for number, each in enumerate(conditions(watch)):
        if each.event not in WATCHED and meets(event, each, watch.principal):
            return number
    return None


def _told(event: SessionEvent) -> SessionEvent:
    """Return the event as an alert tells it, with its own details below `happened`."""
    return SessionEvent(
        "alert",
        event.time,
        key=event.key,
        orderRef=event.orderRef,
        orderId=event.orderId,
        permId=event.permId,
        clientId=event.clientId,
        account=event.account,
        conId=event.conId,
        symbol=event.symbol,
        details={"happened": event.kind, "state": dict(event.details)},
    )
