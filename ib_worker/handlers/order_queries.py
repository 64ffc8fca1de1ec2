"""Handlers that tell of orders."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from datetime import time as time_of_day
from functools import partial
from types import MappingProxyType

import ib_async

from bridge.bus.server.request import RequestContext
from bridge.order_references import is_ours
from bridge.text.contract_forms import is_named
from bridge.text.execution_id import trade_of
from bridge.tool import ToolError
from bridge.tools.order_queries import (
    Execution,
    GetCompletedOrders,
    GetExecutions,
    GetOpenOrders,
    GetOrder,
    NoteRefusedCall,
    OrderEvent,
    OrderHistory,
    RefusalNoted,
    SymbolFilter,
)
from bridge.tools.order_report import LinkedReport, OrderReport
from bridge.tools.types import Contract
from ib_worker.answers.bounds import ListPart, kept
from ib_worker.audit.refused_calls import MOST, contract_of, refusal_text, refused_report, unnamed_contracts
from ib_worker.client_rights.accounts import AccountSet
from ib_worker.handlers.dispatch import handles
from ib_worker.handlers.order_lookup import require_order, require_readable
from ib_worker.market_data.contracts import named_by_number
from ib_worker.order_groups.related import related
from ib_worker.order_groups.resting_exits import exceeding
from ib_worker.order_identity.recalled import recall
from ib_worker.orders.report import execution, order_report
from ib_worker.orders.tracker import OrderTracker, TrackedOrder
from ib_worker.pacing.message_pacer import Priority
from ib_worker.session.session import Session, utcnow
from ib_worker.session.sync import all_open_orders, completed_orders, refresh, todays_executions
from ib_worker.session.wrapper import EXECUTION_MESSAGES, ORDER_MESSAGES, ListedExecution
from ib_worker.session_state.gateway_login import NEW_YORK
from ib_worker.tws.errors import TwsError
from ib_worker.tws.values import convert

CONTRACT_S = 2.0  # for the name of a refused call's contract


@handles(GetOpenOrders)
async def get_open_orders(request: GetOpenOrders, session: Session) -> list[OrderReport]:
    """TWS pushes this client's orders; those of others must be asked for."""
    require_readable(session)
    listed = set(await all_open_orders(session))
    require_readable(session)
    session.orders.require_complete("orders", ORDER_MESSAGES)
    own = session.clientId
    open_ = [each for each in session.orders.tracker.open() if each in listed or each.state.clientId == own]
    await recall(session, session.orders.tracker.open())  # their keys, which a warning names
    warned = {exit: f"{each.what} {each.remedy}" for each in exceeding(session) for exit in each.exits}
    return await _reports(session, "get_open_orders", request, open_, warned)


@handles(GetCompletedOrders)
async def get_completed_orders(
    request: GetCompletedOrders, session: Session, context: RequestContext
) -> list[OrderReport]:
    """Return the orders that TWS has archived, and this session's own that ended since, or the refused calls."""
    if request.refused:
        return await _refused_today(request, session, context.caller)
    require_readable(session)
    archived = await session.tws.share(
        ("archived orders", session.orders.tracker.placed),
        partial(session.caches.completed_orders.read, partial(completed_orders, session)),
    )
    known = session.orders.tracker.all()
    listed = {each for each in archived if each is not None}
    forgotten = archived.count(None) + len(listed.difference(known))
    require_readable(session)
    session.orders.require_complete("orders", ORDER_MESSAGES)
    ended = [each for each in known if each in listed or each.state.done]
    return await _reports(session, "get_completed_orders", request, ended, forgotten=forgotten)


@handles(GetOrder)
async def get_order(request: GetOrder, session: Session, context: RequestContext) -> OrderHistory:
    try:
        entry = await require_order(session, request.orderId, request)
    except ToolError as error:
        raise await _with_refusal(session, error, request.orderKey, context.caller) from error
    await refresh(session, entry)
    life = await session.services.history.of(entry.state)
    events = [OrderEvent(at=each.at + session.clock.ahead, source=each.source, what=each.what) for each in life]
    group = [each for each in related(session, entry) if each.state.terms.account == entry.state.terms.account]
    await recall(session, group)
    return OrderHistory(
        order=order_report(entry),
        events=events,
        group=[LinkedReport(**dict(order_report(each))) for each in group] if len(group) > 1 else [],
    )


async def _with_refusal(session: Session, error: ToolError, key: str | None, caller: str) -> ToolError:
    """Return the error of an order that is not found, with the reason why the key's call placed none, if it was refused
    today."""
    if error.code != "not_found" or key is None:
        return error
    found = await session.services.refusals.latest(caller, key, _today())
    if found is None:
        return error
    text = f"{refusal_text(found, session.clock.ahead)} {error.message}"
    return ToolError(error.code, text, refused=found.status, **error.details)


async def _refused_today(request: GetCompletedOrders, session: Session, caller: str) -> list[OrderReport]:
    newest = await session.services.refusals.of(caller, _today())
    conIds, found = unnamed_contracts(newest), list(reversed(newest))
    known = dict(zip(conIds, await asyncio.gather(*(_contract(session, each) for each in conIds)), strict=True))
    rows = [(each, known.get(contract_of(each).conId) or contract_of(each)) for each in found]
    wanted = [row for row in rows if request.symbol is None or is_named(row[1], request.symbol)]
    shown = kept("get_completed_orders", wanted, request)[-MOST:]
    reports = [refused_report(entry, of, session.clientId, session.clock.ahead) for entry, of in shown]
    return ListPart(reports, of=len(wanted))


@handles(NoteRefusedCall)
async def note_refused_call(request: NoteRefusedCall, session: Session, context: RequestContext) -> RefusalNoted:
    """Write a call that a front refused into the audit log, in the name of the client whose proof the front shows."""
    kept = session.services.refusals.noted.admits(context.caller, time.monotonic())
    if kept:
        session.services.audit.refused_by_front(context, request)
    return RefusalNoted(kept=kept)


async def _contract(session: Session, conId: int) -> Contract | None:
    """Return the contract, None where TWS does not tell it in time."""
    with suppress(TimeoutError, TwsError, ToolError):
        async with asyncio.timeout(CONTRACT_S):
            details = await session.contracts.by_conId(conId, Priority.READS)
            return convert.contract(details.contract) if details is not None and details.contract is not None else None
    return None


def _today() -> datetime:
    """Return when New York's day began, as for the count of the day's orders."""
    return datetime.combine(utcnow().astimezone(NEW_YORK).date(), time_of_day(), NEW_YORK)


@handles(GetExecutions)
async def get_executions(request: GetExecutions, session: Session) -> list[Execution]:
    accounts = session.account_set(request.account)
    listed = await todays_executions(session)
    session.orders.require_complete("executions", EXECUTION_MESSAGES)
    numbered = await named_by_number(session.contracts, request.symbol, [each.contract for each in listed])
    fills = await session.long_work.run(listed, partial(_newest, request, accounts, numbered))

    wanted, tracker = kept("get_executions", fills, request), session.orders.tracker
    orders = {each.execution.execId: _order_of(tracker, each.execution) for each in wanted}
    await recall(session, filter(None, orders.values()))

    def told(fill: ListedExecution) -> Execution:
        order, paid = orders[fill.execution.execId], tracker.commission(fill.execution.execId)
        return execution(fill.execution, fill.contract, paid, order.key if order is not None else None)

    return ListPart(await session.long_work.each(wanted, told), of=len(fills))


def _order_of(tracker: OrderTracker, filled: ib_async.Execution) -> TrackedOrder | None:
    """Return the order of a fill that a worker of this project placed, None for any other."""
    found = tracker.by_perm(filled.permId) or tracker.by_ref(filled.orderRef)
    return found if found is not None and is_ours(filled.orderRef) else None


def _newest(
    request: SymbolFilter, accounts: AccountSet, numbered: frozenset[int], listed: Sequence[ListedExecution]
) -> list[ListedExecution]:
    """The fills that are asked for, oldest first; a correction takes its original's place."""
    newest: dict[str, ListedExecution] = {}
    for each in sorted(listed, key=lambda each: each.execution.execId):
        if each.execution.acctNumber in accounts and _is_of(request, each.contract, numbered):
            newest[trade_of(each.execution.execId)] = each
    return sorted(newest.values(), key=lambda each: (each.execution.time, each.execution.execId))


def _is_of(request: SymbolFilter, contract: ib_async.Contract | Contract, numbered: frozenset[int]) -> bool:
    return request.symbol is None or contract.conId in numbered or is_named(contract, request.symbol)


async def _reports(
    session: Session,
    operation: str,
    request: SymbolFilter,
    entries: list[TrackedOrder],
    messages: Mapping[TrackedOrder, str] = MappingProxyType({}),
    forgotten: int = 0,
) -> list[OrderReport]:
    """The newest of them that the answer has room for; `forgotten` more are not kept here, of whatever symbol."""
    numbered = await named_by_number(session.contracts, request.symbol, [each.state.terms.contract for each in entries])
    accounts = session.account_set(request.account)
    terms = ((each, each.state.terms) for each in entries)
    wanted = [each for each, of in terms if of.account in accounts and _is_of(request, of.contract, numbered)]

    def told(entry: TrackedOrder) -> OrderReport:
        return order_report(entry, messages.get(entry, ""))

    shown = kept(operation, wanted, request)
    await recall(session, shown)
    return ListPart(
        await session.long_work.each(shown, told), of=len(wanted) + (0 if accounts.is_filtered else forgotten)
    )
