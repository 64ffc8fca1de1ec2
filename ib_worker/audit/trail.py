"""The worker's entries in the audit log: each intent before its frame, and every event of an order."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Protocol

import structlog
from pydantic import BaseModel

from bridge.bus.controls.audit_log import NewEntry, new_entry
from bridge.bus.controls.kill_switch import SwitchChange
from bridge.bus.controls.refusals import OperatorRefusal
from bridge.bus.events.event import EventDraft, SessionEvent
from bridge.bus.server.request import RequestContext
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.outage_log import Outage
from bridge.redaction import mask_accounts
from bridge.tool import ToolError
from bridge.tools.order_queries import NoteRefusedCall
from ib_worker.audit.refused_calls import asked_for, refusal_details
from ib_worker.orders.events import Event
from ib_worker.orders.state import OrderState

AT_ONCE = 20  # entries in one step: Redis syncs its log once for all of them
KEPT = 50_000  # events that wait while the log can't be written; new orders are refused meanwhile
RETRY_S = 1.0

log = structlog.get_logger("ib_worker.audit.trail")


OrderDrafts = Callable[[OrderState, str | None, Event, timedelta], Sequence[EventDraft]]


def no_drafts(_state: OrderState, _key: str | None, _event: Event, _ahead: timedelta) -> Sequence[EventDraft]:
    """Add nothing to an event log."""
    return ()


class AuditWriter(Protocol):
    """The bus's side: appends one entry, or raises ToolError audit_unavailable or Fenced."""

    async def append(self, event: str, drafts: Sequence[EventDraft] = (), **fields: Any) -> int: ...

    async def append_all(self, entries: Sequence[NewEntry]) -> int: ...

    async def go_on(self) -> None: ...


class AuditTrail:
    """`intent` is awaited before a frame may leave; what happened is queued by `record` and written in order.

    `drafts` tells what an order's event adds to the session's event log, in the step that writes its entry.
    """

    def __init__(self, pen: AuditWriter, drafts: OrderDrafts = no_drafts) -> None:
        self._pen = pen
        self._drafts = drafts
        self._waiting: asyncio.Queue[NewEntry] = asyncio.Queue(KEPT)
        self._unwritten = Outage("audit_log_not_written")
        self.lost = 0  # events dropped because the log stayed unwritable
        self.ahead = timedelta(
            0
        )  # the clock of answers is ahead of this machine's, where the gateway's date is another

    async def intent(
        self,
        context: RequestContext,
        account: str | None,
        orderId: int,
        orderRef: str,
        approved_by: str = "",
        **details: Any,
    ) -> None:
        """Write what is about to be sent, and for whom. Raises ToolError audit_unavailable: then send nothing."""
        await self._pen.append(
            "intent",
            caller=context.caller,
            label=context.request.label,
            request_id=context.request_id,
            tool=context.operation,
            key=context.key or "",
            digest=context.request.digest or "",
            account=mask_accounts(account or ""),
            orderRef=orderRef,
            orderId=orderId,
            details=details | ({"approved_by": approved_by} if approved_by else {}),
        )

    def refused(self, context: RequestContext, error: ToolError, key: str = "") -> None:
        """A limit, a mode, the kill switch or a human has held an order back."""
        self._put_refused(context, context.operation, context.key or key, error.code, refusal_details(context, error))

    def refused_by_front(self, context: RequestContext, call: NoteRefusedCall) -> None:
        """A front has refused the call of the request's client, as it reports."""
        details = {"message": call.message, "by": "front", **asked_for(call.arguments.encode())}
        self._put_refused(context, call.tool, call.key or "", call.code, details)

    def _put_refused(
        self, context: RequestContext, tool: str, key: str, status: str, details: Mapping[str, Any]
    ) -> None:
        self._put(
            "refused",
            caller=context.caller,
            label=context.request.label,
            request_id=context.request_id,
            tool=tool,
            key=key,
            status=status,
            details=to_json(details),
        )

    async def go_on(self) -> None:
        """Write where the log was cut, if Redis has lost its end. Raises BusError, Fenced, ToolError."""
        await self._pen.go_on()

    async def switched(self, change: SwitchChange) -> None:
        """The kill switch was set or released. Raises ToolError audit_unavailable, Fenced."""
        at = datetime.fromtimestamp(change.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
        details = {"reason": change.reason, "at": at}
        drafts = [switch_draft(change, self.ahead)]
        await self._pen.append(change.event, drafts, caller=change.by, status=change.level, details=details)

    async def client_ended(self, name: str, counts: Mapping[str, int], id: str) -> None:
        """Record the end of a removed or expired client; two entries with one id are one end. Raises ToolError
        audit_unavailable, Fenced."""
        await self._pen.append("client_ended", caller=name, status="ended", details={**counts, "id": id})

    async def refused_by_operator(self, refusal: OperatorRefusal) -> None:
        """The operator refused a live order that waited. Raises ToolError audit_unavailable, Fenced."""
        at = datetime.fromtimestamp(refusal.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
        details = {"message": refusal.reason, "at": at}
        await self._pen.append(
            "refused", caller=refusal.by, key=refusal.key, status="approval_refused", details=details
        )

    def record(self, state: OrderState, key: str | None, event: Event) -> None:
        """One event of an order, with the state that it left."""
        self._put(
            event.kind,
            drafts=self._drafts(state, key, event, self.ahead),
            key=key or "",
            account=mask_accounts(state.terms.account or ""),
            orderRef=state.orderRef or "",
            orderId=state.orderId,
            clientId=state.clientId,
            permId=state.permIds[0] if state.permIds else None,  # a change may add others; this one stays its name
            status=state.status,
            details=to_json(event),
        )

    async def run(self) -> NoReturn:
        """Write what is queued, for ever, what came together in one step; while the log can't be written it waits."""
        while True:
            await self._insist([await self._waiting.get(), *self._queued(AT_ONCE - 1)])

    async def flush(self) -> None:
        """Write what waits, at the end of a term."""
        while entries := self._queued(AT_ONCE):
            await self._insist(entries)

    def _queued(self, most: int) -> list[NewEntry]:
        return [self._waiting.get_nowait() for _ in range(min(most, self._waiting.qsize()))]

    async def _insist(self, entries: Sequence[NewEntry]) -> None:
        while True:
            try:
                await self._pen.append_all(entries)
            except Fenced:
                return  # the next leader reads the orders anew and writes what it finds
            except (TypeError, ValueError):  # one can't be encoded, and never will be
                await self._each_alone(entries)
                return
            except ToolError as error:
                self._unwritten.failed(error)
                await asyncio.sleep(RETRY_S)
            else:
                self._unwritten.over()
                return

    async def _each_alone(self, entries: Sequence[NewEntry]) -> None:
        """Write what can be encoded."""
        if len(entries) > 1:
            for each in entries:
                await self._insist([each])
        else:
            self._lose(entries[0].event, exc_info=True)

    def _put(self, name: str, drafts: Sequence[EventDraft] = (), **fields: Any) -> None:
        try:
            self._waiting.put_nowait(new_entry(name, drafts, **fields))
        except asyncio.QueueFull:
            self._lose(name)

    def _lose(self, name: str, exc_info: bool = False) -> None:
        self.lost += 1
        log.critical("audit_entry_lost", entry=name, exc_info=exc_info)


def to_json(value: Any) -> Any:
    """JSON's own values, accounts masked: what `ib_worker.audit.replay` reads back."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, BaseModel):
        return to_json(value.model_dump(exclude_none=True))
    if isinstance(value, Mapping):
        return {str(name): to_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [to_json(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return mask_accounts(value) if isinstance(value, str) else value


def switch_draft(change: SwitchChange, ahead: timedelta) -> EventDraft:
    """Return the event of a change of the kill switch. One that is written twice, after a crash, is logged once."""
    at = datetime.fromtimestamp(change.at_ms / 1000, UTC) + ahead
    details = {"level": change.level, "by": change.by, "reason": change.reason}
    event = SessionEvent(change.event, at.isoformat(timespec="milliseconds"), details=details)
    return EventDraft("switch", f"{change.event} {change.level} {change.at_ms}", event, progress=change.at_ms)
