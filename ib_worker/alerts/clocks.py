"""Watched times: an hour in a zone, and a contract's regular session."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from bridge.bus.events.event import SessionEvent
from bridge.bus.events.watches import Mark, Watch
from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from bridge.tools.events import WaitCondition
from ib_worker.pre_trade.trading_hours import trading_at
from ib_worker.session.session import Session
from ib_worker.tws.errors import as_tool_error
from ib_worker.tws.values.time_zones import zone
from ib_worker.watches.levels import decide, due_time, is_daily
from ib_worker.watches.table import conditions

HOURS = frozenset({"session_open", "session_close"})
NEVER_MS = 2**53


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


class ClockWatch:
    """Decides about times as the worker's clock goes on. A due time is kept in that clock's ms, whatever date the
    gateway has."""

    def __init__(self, session: Session, now_ms: Callable[[], int]) -> None:
        self._session = session
        self._table = session.services.watches
        self._now_ms = now_ms

    def look(self) -> None:
        """Fire the times that have come, and end the watches whose time is over."""
        now_ms = self._now_ms()
        for watch in self._table.all():
            for number, each in enumerate(conditions(watch)):
                due_ms = watch.marks[number].due_ms
                if each.event == "time" and due_ms is not None and due_ms <= now_ms:
                    self._fire(watch, number, each, due_ms)
                    break
        self._table.expire(now_ms)

    def _fire(self, watch: Watch, number: int, condition: WaitCondition, due_ms: int) -> None:
        now = self._session.now()
        near = now + timedelta(milliseconds=due_ms - self._now_ms() + 500)  # rounded: the two clocks are read in turn
        due = near.replace(microsecond=0)
        details = {"at": condition.at, "timeZone": condition.timeZone, "due": due.isoformat(timespec="seconds")}
        told = SessionEvent("alert", max(now, due).isoformat(timespec="milliseconds"), details=details)
        self._table.fire(watch.id, number, self._next(condition), told)

    def _next(self, condition: WaitCondition) -> Mark:
        """Return the mark of a time that has come: of a time of day the next day's, else none that ever comes."""
        if condition.at is None or not is_daily(condition.at):
            return Mark(armed=False, due_ms=NEVER_MS)
        return due_mark(condition, self._session)

    async def look_at_hours(self) -> None:
        """Decide about each session that is watched."""
        for watch in self._table.all():
            for number, each in enumerate(conditions(watch)):
                if each.event in HOURS and self._table.get(watch.id) is watch:
                    await self._look_at(watch, number, each)

    async def _look_at(self, watch: Watch, number: int, condition: WaitCondition) -> None:
        try:
            found = await self._session.contracts.one(condition.contract())
        except Exception as problem:
            if as_tool_error(problem) is None:
                raise
            return  # it is asked for again at the next look
        now = self._session.now()
        trading = trading_at(now, zone(found.timeZoneId), found.tradingHours, found.liquidHours)
        current = self._table.get(watch.id)
        if trading is None or current is None or found.contract is None:
            return
        fires, mark = decide(condition, current.marks[number], float(trading == "open"))
        if fires:
            details = {"trading": trading, "liquidHours": found.liquidHours[:200], "timeZone": found.timeZoneId}
            at, name = now.isoformat(timespec="milliseconds"), contract_name(found.contract)
            told = SessionEvent("alert", at, conId=found.contract.conId, symbol=name, details=details)
            self._table.fire(watch.id, number, mark, told)
        else:
            self._table.note(watch.id, number, mark)


def due_mark(condition: WaitCondition, session: Session) -> Mark:
    """Return the mark of a time. Raises ToolError for a zone or a day that is none."""
    named = zone(condition.timeZone or "")
    if named is None or condition.at is None:
        raise ToolError(
            "invalid_arguments", f"timeZone: {condition.timeZone} is none of tzdata. Give one as America/New_York."
        )
    try:
        due = due_time(condition.at, named, session.now())
    except ValueError as wrong:
        raise ToolError("invalid_arguments", f"at: {condition.at} is no time: {wrong}.") from None
    return msgspec.structs.replace(Mark(), due_ms=milliseconds(due - session.clock.ahead))
