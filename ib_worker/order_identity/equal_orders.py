"""Decides whether an earlier order holds a new one that is equal to it, and words what the caller is told."""

from dataclasses import dataclass
from hashlib import sha256

from bridge.bus.records.records import OrderRecord
from bridge.bus.records.scripts import HOLD_MS
from bridge.bus.server.request import RequestContext
from bridge.bus.transport.connection import bus_errors
from bridge.order_references import order_ref
from bridge.tool import ToolError
from ib_worker.session.session import Session

HOLD_S = HOLD_MS / 1000
VOID = frozenset({"rejected", "read_only", "not_found", "invalid_arguments"})  # answers of calls that placed nothing


@dataclass(frozen=True)
class ClearedDuplicate:
    """No order holds the new one: the key that counts no more, and a sentence on what another caller did."""

    excused: str = ""
    remark: str = ""


def own_terms(principal: str, terms: str) -> str:
    """The digest of the terms for one principal: the duplicate window is each principal's own."""
    return sha256(f"{principal}\n{terms}".encode()).hexdigest()[:32]


async def cleared(
    session: Session, context: RequestContext, terms: str, window_s: int, named: str | None, held: bool = True
) -> ClearedDuplicate:
    """Raises ToolError possible_duplicate, or bus_down, where the principal's own equal order holds this one. An order
    that was rejected, or cancelled without a fill, does not count. `held` False: no equal order holds this one."""
    if not window_s:
        return ClearedDuplicate()
    with bus_errors(session.settings.redis_url):
        own = await context.latest_equal(own_terms(context.caller, terms))
        latest = await context.latest_equal(terms)
    excused, remark = "", ""
    for key, record in filter(None, (own, latest)):
        if key == context.key:
            continue
        if key in (named, excused) or _is_void(session, key, record) or not _holds(context, record, window_s):
            excused = excused or ("" if key == named else key)
        elif (own is not None and key == own[0]) or record is None or record.request.caller == context.caller:
            if not held:
                excused = excused or key
                continue
            raise _possible_duplicate(session, context, key, record)
        else:
            remark = (
                f"Another client, {record.request.client}, placed an equal order {context.age_s(record):.0f} s ago."
            )
    return ClearedDuplicate(excused, remark)


def _is_void(session: Session, key: str, record: OrderRecord | None) -> bool:
    entry = session.orders.tracker.by_ref(order_ref(key))
    if entry is not None:
        state = entry.state
        return not state.filled and (state.rejected is not None or state.not_found or state.done)
    return record is not None and record.reply is not None and record.reply.code in VOID


def _holds(context: RequestContext, record: OrderRecord | None, window_s: int) -> bool:
    """An order whose caller has not learnt its key holds its equals for longer: a repeated call is the same order."""
    if record is None:
        return True
    unknown = record.request.keyless and "told" not in record.notes
    return context.age_s(record) < (max(HOLD_S, window_s) if unknown else window_s)


def _possible_duplicate(session: Session, context: RequestContext, key: str, record: OrderRecord | None) -> ToolError:
    state = _state_of(session, key, record)
    when = f"{context.age_s(record):.0f} s ago" if record is not None else "a moment ago"
    told = f"An equal order was placed {when} under key {key}, and it is {state}."
    if record is None or record.request.client == context.client:
        told += " If that one is meant, retry with its key."
    else:
        told += f" It is the order of another client, {record.request.client}."
    if record is not None and record.request.keyless and "told" not in record.notes:
        told += " Its answer may not have reached the client that asked for it."  # or is on its way
    return ToolError(
        "possible_duplicate",
        f"{told} To place a second one, name that key in duplicateOf. Nothing was sent.",
        duplicateOf=key,
        state=state,
    )


def _state_of(session: Session, key: str, record: OrderRecord | None) -> str:
    entry = session.orders.tracker.by_ref(order_ref(key))
    if entry is not None:
        return entry.state.status
    if record is None or record.reply is None:
        return "not answered yet"
    return "done" if record.reply.ok else record.reply.code
