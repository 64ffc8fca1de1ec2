"""The tool ibkr_wait_for: a call that ends at the first of the events that it is given, or when its time is over."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import msgspec
from fastmcp.tools import ToolResult

from bridge.bus.client.client import BusClient
from bridge.bus.events.event import Cursor, EventPage, ReadEvent, SessionEvent
from bridge.bus.transport.connection import BusError, bus_down
from bridge.conditions import ENDING, Endings, described, meets, require_own_alert, waited_for
from bridge.tool import OPERATIONS, ToolError, ToolRequest
from bridge.tools.events import (
    APPROVALS,
    WATCHED,
    GetAlertState,
    GetApprovalState,
    GetOrderState,
    KeepWatches,
    WaitCondition,
    WaitFor,
)
from mcp_front.admission.auth import ClientTokens
from mcp_front.protocol.results import value_result
from mcp_front.streams.cursors import opened_cursor, sealed_cursor
from mcp_front.streams.told_alerts import MARK_S, Firing, ToldAlerts
from mcp_front.streams.waiting import PASSING, Waiting, WaitPlaces
from mcp_front.timing import USUAL, FrontTiming
from mcp_front.tools.pipeline import Call, Caller
from mcp_front.tools.status import session_status

MOST_OF_ONE = 64  # waits of one caller at once
MOST = 1_000  # at this front


@dataclass(frozen=True)
class Found:
    """The event that ends a wait, the place of its condition, and what happened. No condition: `event` came in place of
    all of them, which can't come any more, and `ended` says so."""

    event: str
    condition: int | None
    happened: dict[str, Any]
    cursor: Cursor
    ended: str = ""
    already: bool = False  # it was so before the call


@dataclass
class Progress:
    """The place up to which a wait has read, the events that it missed on the way, and the conditions that can't come
    any more."""

    cursor: Cursor
    endings: Endings
    gap: bool = False
    missing: int | None = 0
    levels: str = ""  # of prices, as the worker watches them

    def take(self, page: EventPage) -> None:
        if page.gap:
            unknown = page.missing is None or self.missing is None
            self.gap, self.missing = True, None if unknown else (self.missing or 0) + (page.missing or 0)
        self.cursor = page.next


class Waits:
    """Answers ibkr_wait_for through one BusClient; once `draining` is set each call ends with its cursor."""

    def __init__(
        self, bus: BusClient, draining: asyncio.Event, tokens: ClientTokens | None, timing: FrontTiming = USUAL
    ) -> None:
        self._bus = bus
        self._timing = timing
        self._waiting = Waiting(draining, tokens, timing)
        self._told = ToldAlerts(bus, draining, timing)
        self._places = WaitPlaces("ibkr_wait_for", MOST_OF_ONE, MOST, "Give several events to one call.")

    async def wait_for(self, call: Call) -> ToolResult:
        request = call.request
        assert isinstance(request, WaitFor)
        clock = asyncio.get_running_loop().time
        began, principal = clock(), call.caller.principal
        for each in request.events:
            require_own_alert(each.alertId, principal)
        with self._places.place(principal):
            after = opened_cursor(request.cursor, principal) if request.cursor else await self._newest()
            progress = Progress(after, Endings(request.events))
            line = f"waiting for {waited_for(request.events)}"
            finding = self._find(call, request, progress)
            watching = self._keep_watched(call, request, progress)
            found, why = await self._waiting.first(call, finding, request.timeout_seconds, line, watching)
            if found is not None and found.condition is not None and found.event == "alert":
                alertId = request.events[found.condition].alertId or ""
                await self._told.add(call.caller, _firing(alertId, found.happened))
        cursor = sealed_cursor(found.cursor if found else progress.cursor, principal)
        waited = round(clock() - began, 3)
        return value_result(
            call.declared,
            {
                "event": found.event if found else "none",
                "condition": found.condition if found else None,
                "happened": found.happened if found else None,
                "message": _message(found, request, why, waited, progress),
                "cursor": cursor,
                "waited_seconds": waited,
                "gap": progress.gap,
                "missing": progress.missing,
            },
        )

    async def _newest(self) -> Cursor:
        try:
            return await self._bus.events.newest()
        except BusError as error:
            raise bus_down(self._bus.pipe.url, error) from error

    async def _find(self, call: Call, request: WaitFor, progress: Progress) -> Found:
        """Read on until a condition is met, or none of them can come any more. A state counts that is so already if the
        call has no cursor, or events were lost."""
        unknown = asks_alerts = request.cursor is None
        asks_untold, was_away = not unknown, False
        if not unknown:
            await self._require_own_approvals(call, request.events)
            await self._require_alerts(call, request)
            await self._note_endings(call, request.events, progress.endings)
        while True:
            if unknown:
                now = await self._already(call, request.events, progress, asks_alerts)
                if now is not None:
                    return now
                unknown = False
            if progress.endings.complete and not await self._is_logged(call, request.events, progress.cursor):
                number, ending = progress.endings.first()
                return Found(ending.event, number, ending.happened, progress.cursor, progress.endings.told())
            if asks_untold:
                untold, asks_untold = await self._untold(call, request.events, progress.cursor)
                if untold is not None and was_away:
                    await asyncio.sleep(MARK_S)  # a front that has told it meanwhile is about to mark it
                    untold, asks_untold = await self._untold(call, request.events, progress.cursor)
                if untold is not None:
                    return untold
                was_away = was_away or asks_untold
            try:
                page = await self._bus.events.after(progress.cursor)
            except BusError:
                await asyncio.sleep(self._timing.wait_again_s)
                continue
            found = _first_met(page.events, request.events, call.caller)
            if found is not None:
                await self._require_own_approvals(call, [request.events[found.condition or 0]])
                progress.take(page)
                return found
            await self._note_ended(call, request.events, page, progress.endings)
            progress.take(page)
            asks_alerts = page.gap  # without a gap the log has every firing
            unknown = page.gap or any(each.event.kind == "session" for each in page.events)

    async def _keep_watched(self, call: Call, request: WaitFor, progress: Progress) -> NoReturn:
        """Have the worker look out for what the log has not by itself, as long as the call lasts. Raises ToolError for
        what it can't look out for. An event that came since the cursor is found first: else a level would fire anew."""
        watched = [each for each in request.events if each.event in WATCHED]
        if request.cursor is not None and watched:
            await self._look_back(call, request)
        while True:
            pause_s = self._timing.watch_again_s
            levels = await self._kept(call, watched) if watched else ""
            if levels is None:
                pause_s = self._timing.wait_again_s
            progress.levels = levels or progress.levels
            await asyncio.sleep(pause_s)

    async def _look_back(self, call: Call, request: WaitFor) -> None:
        """Return once the log has nothing after the cursor that ends the call."""
        place = opened_cursor(request.cursor or "", call.caller.principal)
        if await self._is_logged(call, request.events, place):
            await asyncio.Event().wait()  # the call is about to end

    async def _is_logged(self, call: Call, conditions: Sequence[WaitCondition], place: Cursor) -> bool:
        """Return whether the log has an event after the place that meets a condition."""
        while True:
            try:
                page = await self._bus.events.page(place)
            except BusError:
                await asyncio.sleep(self._timing.wait_again_s)
                continue
            if _first_met(page.events, conditions, call.caller) is not None:
                return True
            if not page.events:
                return False
            place = page.next

    async def _kept(self, call: Call, watched: list[WaitCondition]) -> str | None:
        """Tell the worker, and return the levels that it watches; None where it can't be told now."""
        try:
            reply = await self._ask(call, "keep_watches", KeepWatches(events=watched))
        except ToolError as error:
            if error.code not in PASSING or "watches" in error.details:  # the latter where it has too many
                raise
            return None
        return " ".join(filter(None, msgspec.json.decode(reply).get("levels", [])))

    async def _already(
        self, call: Call, conditions: Sequence[WaitCondition], progress: Progress, asks_alerts: bool
    ) -> Found | None:
        """Return the first condition that is met now, and note those that can't come any more. A session that can't
        tell is asked again once it is back."""
        for number, condition in enumerate(conditions):
            if condition.event in ENDING:
                now = await self._state(call, condition, progress.endings)
            elif condition.event in ("session_ready", "session_lost"):
                now = await self._session(condition)
            elif condition.event == "alert" and asks_alerts:
                now = await self._alert(call, condition, progress.cursor)
            else:
                continue
            if now is not None:
                return Found(condition.event, number, now, progress.cursor, already=condition.event != "alert")
        return None

    async def _note_endings(self, call: Call, conditions: Sequence[WaitCondition], endings: Endings) -> None:
        """Note what had ended before the call's cursor. An order that nobody knows may still be placed."""
        for condition in conditions:
            if condition.event not in ENDING:
                continue
            try:
                await self._state(call, condition, endings)
            except ToolError as error:
                if error.code != "not_found":
                    raise
                await self._note_refusal(call, condition, endings)

    async def _note_refusal(self, call: Call, condition: WaitCondition, endings: Endings) -> None:
        """Note that an order was not placed, since a person has refused it."""
        if condition.event in APPROVALS or condition.orderKey is None:
            return
        with suppress(ToolError):  # nothing waits under the key, or what waits is another client's
            await self._state(call, WaitCondition(event="order_refused", orderKey=condition.orderKey), endings)

    async def _note_ended(
        self, call: Call, conditions: Sequence[WaitCondition], page: EventPage, endings: Endings
    ) -> None:
        """Note what the page's events end, of the caller's accounts and approvals."""
        for event in (each.event for each in page.events):
            if event.account and not call.caller.rights.has_account(event.account):
                continue
            if event.kind == "approval" and any(event.key == each.orderKey for each in conditions):
                try:
                    await self._require_own_approvals(call, [WaitCondition(event="order_refused", orderKey=event.key)])
                except ToolError:
                    continue
            endings.take(event, told(event))

    async def _state(self, call: Call, condition: WaitCondition, endings: Endings) -> dict[str, Any] | None:
        """Return the order, or its approval, as it stands if it meets the condition, and note what that ends. Raises
        ToolError for an order that is not there, and where nothing waits for an approval."""
        if condition.event not in APPROVALS and condition.orderKey is None and condition.permId is None:
            return None  # executions of any order
        key, now = condition.orderKey or "", None
        if condition.event in APPROVALS:
            now = await self._asked(call, "get_approval_state", GetApprovalState(orderKey=key))
        else:
            named = GetOrderState(orderKey=condition.orderKey, permId=condition.permId)
            now = await self._asked(call, "get_order_state", named)
        if now is None:
            return None
        event = SessionEvent(
            now["kind"],
            now["time"] or "",
            key=key,
            orderRef=now["orderRef"] or "",
            permId=now["permId"],
            details=now["details"],
        )
        endings.take(event, now)
        return now if meets(event, condition) else None

    async def _require_own_approvals(self, call: Call, conditions: Sequence[WaitCondition]) -> None:
        """Raise ToolError forbidden for the approval of another client's order. One that is over is nobody's."""
        for condition in conditions:
            if condition.event not in APPROVALS:
                continue
            try:
                await self._state(call, condition, Endings([]))
            except ToolError as error:
                if error.code != "not_found":
                    raise

    async def _require_alerts(self, call: Call, request: WaitFor) -> None:
        """Raise ToolError not_found for an alert that is not there, unless its firing is after the call's cursor, and
        forbidden for another client's."""
        place = opened_cursor(request.cursor or "", call.caller.principal)
        for condition in request.events:
            if condition.event != "alert":
                continue
            try:
                await self._alert_state(call, condition)
            except ToolError as error:
                if error.code != "not_found" or not await self._is_logged(call, request.events, place):
                    raise

    async def _alert(self, call: Call, condition: WaitCondition, cursor: Cursor) -> dict[str, Any] | None:
        """Return the alert's latest firing; None for one after the cursor, which the log is about to tell. Raises
        ToolError for an alert that is not there."""
        now = await self._alert_state(call, condition)
        fired: dict[str, Any] | None = now["fired"] if now is not None else None
        if fired is None or await self._is_logged(call, [condition], cursor):
            return None
        return fired

    async def _untold(
        self, call: Call, conditions: Sequence[WaitCondition], cursor: Cursor
    ) -> tuple[Found | None, bool]:
        """Return an alert that fired before the cursor and that no wait has told, and whether to ask again, since the
        worker can't tell now. A client that waits with the cursor of a later event must not lose the alert by that."""
        again = False
        for number, condition in enumerate(conditions):
            if condition.event != "alert":
                continue
            try:
                now = await self._alert_state(call, condition)
            except ToolError:  # the alert is no more, and the log has its firing
                continue
            again |= now is None
            if now is None or not now.get("untold") or await self._is_logged(call, [condition], cursor):
                continue
            if _firing(condition.alertId or "", now["fired"]) not in self._told:
                return Found(condition.event, number, now["fired"], cursor), False
        return None, again

    async def _alert_state(self, call: Call, condition: WaitCondition) -> dict[str, Any] | None:
        return await self._asked(call, "get_alert_state", GetAlertState(alertId=condition.alertId or ""))

    async def _asked(self, call: Call, operation: str, request: ToolRequest) -> dict[str, Any] | None:
        """Return the worker's answer, None where nobody can tell now."""
        try:
            reply = await self._ask(call, operation, request)
        except ToolError as error:
            if error.code in ("not_found", "ambiguous", "forbidden"):
                raise
            return None
        now: dict[str, Any] = msgspec.json.decode(reply)
        return now

    async def _ask(self, call: Call, operation: str, request: ToolRequest) -> bytes:
        return await self._bus.ask(OPERATIONS[operation], request, call.caller)

    async def _session(self, condition: WaitCondition) -> dict[str, Any] | None:
        status = await session_status(self._bus)
        known = {name: status[name] for name in ("state", "cause", "remedy")}
        event = SessionEvent("session", status["since"] or "", details=known)
        return told(event) if meets(event, condition) else None


def _first_met(events: Sequence[ReadEvent], conditions: Sequence[WaitCondition], caller: Caller) -> Found | None:
    for each in events:
        if each.event.account and not caller.rights.has_account(each.event.account):
            continue
        for number, condition in enumerate(conditions):
            if meets(each.event, condition, caller.principal):
                return Found(condition.event, number, told(each.event), each.cursor)
    return None


def told(event: SessionEvent) -> dict[str, Any]:
    """Return an event as a client sees it."""
    return {
        "kind": event.kind,
        "time": event.time,
        "symbol": event.symbol or None,
        "orderKey": event.key or None,
        "orderRef": event.orderRef or None,
        "orderId": event.orderId,
        "permId": event.permId,
        "account": event.account or None,
        "conId": event.conId,
        "details": event.details,
    }


def _message(found: Found | None, request: WaitFor, why: str, waited: float, progress: Progress) -> str:
    if found is not None and found.ended:
        return f"{found.ended} Do not wait for it again."
    if found is not None and found.already:
        since = found.happened["time"] or "a time that TWS has not told"
        return f"{described(request.events[found.condition or 0])} was so already, since {since}"
    if found is not None and found.condition is not None:
        return f"{described(request.events[found.condition])} after {waited:g} s"
    over = f"Ended early: {why}" if why else f"No event in {request.timeout_seconds} s"
    parts = [f"{over}.", f"Waited for {waited_for(request.events)}.", progress.levels, progress.endings.told()]
    return " ".join(filter(None, [*parts, "Call again with the cursor to go on without a gap."]))


def _firing(alertId: str, happened: dict[str, Any]) -> Firing:
    return Firing(alertId, datetime.fromisoformat(happened["time"]))
