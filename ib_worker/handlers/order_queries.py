"""Handlers that tell of orders."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

import ib_async

from bridge.order_references import is_ours
from bridge.text.contract_forms import is_named
from bridge.tools.order_queries import (
    Execution,
    GetCompletedOrders,
    GetExecutions,
    GetOpenOrders,
    GetOrder,
    OrderEvent,
    OrderHistory,
    SymbolFilter,
)
from bridge.tools.order_report import OrderReport
from bridge.tools.types import Contract
from ib_worker.answers.bounds import ListPart, kept
from ib_worker.client_rights.accounts import AccountSet
from ib_worker.handlers.dispatch import handles
from ib_worker.handlers.order_lookup import require_order, require_readable
from ib_worker.market_data.contracts import named_by_number
from ib_worker.order_groups.related import related, resting_exits
from ib_worker.order_groups.resting_exits import exceeding
from ib_worker.order_identity.recalled import recall
from ib_worker.orders.events import trade_of
from ib_worker.orders.report import execution, order_report
from ib_worker.orders.tracker import OrderTracker, TrackedOrder
from ib_worker.session.session import Session
from ib_worker.session.sync import all_open_orders, completed_orders, refresh
from ib_worker.session.wrapper import EXECUTION_MESSAGES, ORDER_MESSAGES, ListedExecution


@handles(GetOpenOrders)
async def get_open_orders(request: GetOpenOrders, session: Session) -> list[OrderReport]:
    """TWS pushes this client's orders; those of others must be asked for."""
    require_readable(session)
    listed = set(await all_open_orders(session))
    require_readable(session)
    session.orders.require_complete("orders", ORDER_MESSAGES)
    own = session.clientId
    open_ = [each for each in session.orders.tracker.open() if each in listed or each.state.clientId == own]
    await recall(session, resting_exits(session))  # their keys, which a warning names
    warned = {exit: f"{each.what} {each.remedy}" for each in exceeding(session) for exit in each.exits}
    return await _reports(session, "get_open_orders", request, open_, warned)


@handles(GetCompletedOrders)
async def get_completed_orders(request: GetCompletedOrders, session: Session) -> list[OrderReport]:
    """Return the orders that TWS has archived, and this session's own that ended since."""
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
async def get_order(request: GetOrder, session: Session) -> OrderHistory:
    entry = await require_order(session, request.orderId, request)
    await refresh(session, entry)
    life = await session.services.history.of(entry.state)
    events = [OrderEvent(at=each.at + session.clock.ahead, source=each.source, what=each.what) for each in life]
    group = [each for each in related(session, entry) if each.state.terms.account == entry.state.terms.account]
    await recall(session, group)
    return OrderHistory(
        order=order_report(entry),
        events=events,
        group=[order_report(each) for each in group] if len(group) > 1 else [],
    )


@handles(GetExecutions)
async def get_executions(request: GetExecutions, session: Session) -> list[Execution]:
    accounts = session.account_set(request.account)
    listed = await session.tws.share(
        ("executions", session.orders.tracker.placed),
        partial(session.caches.executions.read, session.tws.ask_executions),
    )
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
