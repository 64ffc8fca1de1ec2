"""Handlers that place, change and cancel orders: everything is checked first, accepted last, and written once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

import ib_async

from bridge.bus.server.request import RequestContext
from bridge.order_references import order_ref
from bridge.tool import ToolError
from bridge.tools.order_report import OrderReport
from bridge.tools.orders import (
    AnswerForm,
    ApprovalAnswered,
    Bracket,
    CancelAllOrders,
    CancelOrder,
    CancelReport,
    ClosePosition,
    ModifyOrder,
    PlaceBracketOrder,
    PlaceOrder,
)
from bridge.tools.types import ContractArguments
from ib_worker.audit.trail import to_json
from ib_worker.handlers.dispatch import handles
from ib_worker.order_entry.brackets import bracket_entries, bracket_followed
from ib_worker.order_entry.build import build_bracket, build_order, closing_order, legs_of
from ib_worker.order_entry.cancel import (
    all_cancelled,
    cancel_group,
    cancelled_text,
    explained_all,
    held_of,
    looked,
    still_open,
)
from ib_worker.order_entry.group_changes import (
    announce,
    changed_order,
    changed_text,
    follow,
    followers,
    moves_stop,
    order_again,
    order_to_change,
    until_changed,
    with_parent,
)
from ib_worker.order_entry.lookup import order_names, require_own_order, require_unused, would_change
from ib_worker.order_entry.outcome import await_placement
from ib_worker.order_entry.outcome_texts import cancel_message
from ib_worker.order_entry.send import (
    note_sent,
    outgoing_order,
    require_changeable,
    send_cancel,
    send_change,
    send_global_cancel,
    send_orders,
    until_cancelled,
    write_cancels,
)
from ib_worker.order_entry.trailing_stop import keep_stop_price
from ib_worker.order_groups.bracket_levels import require_in_order
from ib_worker.order_groups.exit_sizes import require_closes
from ib_worker.order_groups.group_report import grouped
from ib_worker.order_groups.related import legs, owned, related
from ib_worker.order_groups.resting_exits import closed_by, remaining
from ib_worker.order_identity.same_order import require_same
from ib_worker.orders.messages import terms_of
from ib_worker.orders.report import order_report, shown_by_ibkr
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.pacing.message_pacer import Priority
from ib_worker.pre_trade.changes import meant
from ib_worker.pre_trade.checks import CheckOptions, bracket_options, check_order, risk_inputs
from ib_worker.pre_trade.closing_room import closable, nothing_to_close, orders_rest, read_late_fills, to_cancel
from ib_worker.pre_trade.order_facts import details_of, trading_of
from ib_worker.pre_trade.price_rules import prices_of, prices_of_change, require_takeable
from ib_worker.risk.intent import Trading
from ib_worker.session.session import Session
from ib_worker.session.sync import all_open_orders, explained, find_or_resync, listed_soon


@handles(PlaceOrder)
async def place_order(request: PlaceOrder, session: Session, context: RequestContext) -> OrderReport:
    session.require_ready()
    account = session.require_tradable(session.account(request.account))
    orderRef = order_ref(context.key or "")
    contract = await session.contracts.contract(request, Priority.ORDERS)
    order = build_order(request, account, orderRef)
    known = session.orders.tracker.by_ref(orderRef)
    if known is not None:  # Redis has forgotten the key, IBKR has not
        await require_same(session, context, contract, [(known, order)])
        await context.accept()
        return await await_placement(session, known, context, replayed=True)
    require_unused(session, (orderRef,))
    await require_takeable(session, contract, prices_of(request), request.totalQuantity)
    if request.closeOnly:
        await all_open_orders(session)  # another program's count first as well
    options = CheckOptions(request.duplicateOf, request.confirmationToken, close_only=request.closeOnly)
    return await _placed(session, context, contract, lambda: order, options)


@handles(ClosePosition)
async def close_position(request: ClosePosition, session: Session, context: RequestContext) -> OrderReport:
    """The worker sizes the order when its turn in the account has come: what is open by then is not closed twice."""
    session.require_ready()
    account = session.require_tradable(session.account(request.account))
    orderRef = order_ref(context.key or "")
    contract = await session.contracts.contract(ContractArguments(conId=request.conId), Priority.ORDERS)
    known = session.orders.tracker.by_ref(orderRef)
    if known is not None:
        terms = known.state.terms
        sign = 1 if terms.action == "SELL" else -1
        quantity = Decimal(str(terms.totalQuantity or known.state.filled)) * sign
        await require_same(session, context, contract, [(known, closing_order(quantity, account, orderRef))])
        await context.accept()
        return await await_placement(session, known, context, replayed=True)
    require_unused(session, (orderRef,))
    await all_open_orders(session)
    await read_late_fills(session, account, request.conId)
    trading = await trading_of(session, await details_of(session, contract))
    if request.cancelOrders and (resting := to_cancel(session, account, request.conId)):
        raise await _once_cancelled(session, context, contract, account, resting, trading)

    def sized() -> ib_async.Order:
        quantity = closable(session, account, request.conId)
        if not quantity:
            raise nothing_to_close(session, account, contract, trading)
        return closing_order(quantity, account, orderRef)

    return await _placed(session, context, contract, sized, CheckOptions(close_only=True, sized=True))


async def _once_cancelled(
    session: Session,
    context: RequestContext,
    contract: ib_async.Contract,
    account: str,
    resting: Sequence[TrackedOrder],
    trading: Trading | None,
) -> ToolError:
    """Return the error that names the orders to cancel first, once the close has passed everything that can refuse it.
    A position must not lose its exits to a close that is refused, or that waits for a person."""
    quantity = closable(session, account, contract.conId, resting)
    if not quantity:
        return nothing_to_close(session, account, contract, trading)
    await session.services.kill_switch.require_open(closing=True)
    order = closing_order(quantity, account, order_ref(context.key or ""))
    await risk_inputs(session, contract, order, without=resting)
    async with session.order_lock(account):
        await check_order(session, context, contract, order, CheckOptions(close_only=True, sized=True, without=resting))
    return orders_rest(resting)


async def _placed(
    session: Session,
    context: RequestContext,
    contract: ib_async.Contract,
    build: Callable[[], ib_async.Order],
    options: CheckOptions,
) -> OrderReport:
    """Place the order that `build` returns, first without and then under the account's lock."""
    order = build()
    account, orderRef = order.account, order.orderRef
    await risk_inputs(session, contract, order)  # the first price of a contract may take seconds, others need not wait
    async with session.order_lock(account):
        order = build()
        clear = await check_order(session, context, contract, order, options)
        exits = closed_by(session, account, contract.conId, order.action)
        await session.tws.pacer.wait_turn(Priority.ORDERS)
        async with session.tws.order_id_lock:
            outgoing = outgoing_order(await session.tws.fresh_order_id(), contract, order)
            await session.services.audit.intent(
                context, account, outgoing.orderId, orderRef, clear.approved_by, terms=to_json(outgoing.terms)
            )
            await clear.accept(context, gateway=str(session.target))
            entry = send_orders(session, context, contract, [outgoing])[0]  # no await since the line above
    await note_sent(session, context, sent=str(outgoing.orderId))
    told = await await_placement(session, entry, context)
    left = await remaining(session, exits, past_zero=not clear.tells_past_zero)
    text = f"{clear.message(told.message, filled=bool(told.filled))} {left}".strip()
    return told.model_copy(update={"message": text, "warnings": list(clear.uncovers)})


@handles(PlaceBracketOrder)
async def place_bracket_order(request: PlaceBracketOrder, session: Session, context: RequestContext) -> Bracket:
    """TWS holds an order with transmit=False until a later order of the group transmits it. So all three are encoded
    into one write, and a worker that crashes before the write has sent nothing. With `exitsOnly` the first of the two
    is the stop: the target may fill at once, and must find the stop in its group."""
    session.require_ready()
    account = session.require_tradable(session.account(request.account))
    key = context.key or ""
    contract = await session.contracts.contract(request, Priority.ORDERS)
    orders, placed = build_bracket(request, account, key), legs_of(request)
    if (known := bracket_entries(session, key, placed)) is not None:
        await require_same(session, context, contract, list(zip(known, orders, strict=True)))
        await context.accept()
        found = await bracket_followed(session, known, context)
        return found.model_copy(update={"replayed": True, "message": f"{shown_by_ibkr(known[0])} {found.message}"})
    require_unused(session, [order_ref(key, leg) for leg in placed])
    await require_takeable(session, contract, prices_of(request), request.totalQuantity)
    if request.exitsOnly:
        await all_open_orders(session)  # another program's count first as well
    allowance = bracket_options(request, orders[1:])
    await risk_inputs(session, contract, orders[0])
    async with session.order_lock(account):
        clear = await check_order(session, context, contract, orders[0], allowance)
        for _ in orders:
            await session.tws.pacer.wait_turn(Priority.ORDERS)
        async with session.tws.order_id_lock:
            ids = [await session.tws.fresh_order_id() for _ in orders]
            for each in orders[1:] if not request.exitsOnly else ():
                each.parentId = ids[0]
            outgoing = [outgoing_order(orderId, contract, order) for orderId, order in zip(ids, orders, strict=True)]
            for leg in outgoing:
                await session.services.audit.intent(
                    context, account, leg.orderId, leg.order.orderRef, clear.approved_by, terms=to_json(leg.terms)
                )
            await clear.accept(context, gateway=str(session.target))
            entries = send_orders(session, context, contract, outgoing)
    await note_sent(session, context, sent=",".join(str(each) for each in ids))
    found = await bracket_followed(session, entries, context)
    text = " ".join([clear.message(found.message), *clear.uncovers])
    return found.model_copy(update={"message": text})


@handles(ModifyOrder)
async def modify_order(request: ModifyOrder, session: Session, context: RequestContext) -> OrderReport:
    session.require_ready()
    entry = await order_to_change(session, request)
    account = session.require_tradable(entry.state.terms.account)
    if entry.sent is not None:
        request = meant(request, *entry.sent)
        contract, order = entry.sent
        await require_takeable(session, contract, prices_of_change(request, order.orderType), request.totalQuantity)
    moved = moves_stop(session, entry, request)
    await risk_inputs(session, *changed_order(session, entry, request), entry, quoted=moved)
    async with session.order_lock(account):
        contract, order = changed_order(session, entry, request)
        require_in_order(session, entry, request)
        require_closes(session, entry, request.totalQuantity)
        exits, own = followers(session, entry, request), would_change(entry, request) or entry.state.change is not None
        if not own and not exits:
            return order_report(entry, "The order has these terms already; nothing was sent.")
        base = entry.state.terms
        along = [replace(order_again(session, each.entry)[1], totalQuantity=each.quantity) for each in exits]
        clear = await check_order(
            session, context, contract, order, CheckOptions(beside=entry, along=along, moved=moved)
        )
        await session.tws.pacer.wait_turn(Priority.ORDERS)
        order = await keep_stop_price(session, entry, order, request)
        if moved:
            clear.require_unmet(order)
        state, terms = entry.state, to_json(terms_of(contract, order))
        names = (state.orderId, state.orderRef or "", clear.approved_by)
        await session.services.audit.intent(context, account, *names, terms=terms)
        await announce(session, context, exits)
        require_changeable(session, entry, base)
        await clear.accept(context, **order_names(entry))
        if own:
            send_change(session, context, entry, contract, with_parent(session, entry, order), base)
        if exits:
            await until_changed(session, context, [entry])
            await follow(session, context, entry, exits, begun=own)
    await until_changed(session, context, [entry])
    if entry.state.change_refused is not None:
        await looked(session, context)
    text = clear.message(changed_text(session, entry, exits))
    return grouped(session, entry, text) if exits else order_report(entry, text)


@handles(CancelOrder)
async def cancel_order(request: CancelOrder, session: Session, context: RequestContext) -> OrderReport:
    session.tws.require_connection()
    await find_or_resync(session, request.orderId, request)
    placed = legs(session, request.orderKey) if request.orderKey is not None else []
    if len(group := placed and related(session, placed[0])) > 1 and owned(session, group):
        return await cancel_group(session, context, group)
    entry = require_own_order(session, request.orderId, request)
    account = session.require_tradable(entry.state.terms.account)
    if entry.state.done:
        await listed_soon(session)  # a later list of open orders may contradict the end
    if entry.state.done:
        text = f"The order was {entry.state.status} already; nothing was sent."
        return grouped(session, entry, " ".join(filter(None, [text, still_open(session, entry)])))
    await session.tws.pacer.wait_turn(Priority.CANCELS)
    await session.services.audit.intent(context, account, entry.state.orderId, entry.state.orderRef or "")
    await context.accept(None, **order_names(entry))
    along = [entry, *held_of(session, entry)]
    send_cancel(session, context, entry)
    await until_cancelled(session, along, context)
    await explained(session, entry)
    if entry.state.cancel_refused is not None:
        await looked(session, context)
    if not entry.state.named and entry.state.cancel_refused is not None:
        raise ToolError(
            "not_found", f"{cancel_message(entry.state)} TWS has not shown this order at all.", **order_names(entry)
        )
    return grouped(session, entry, cancelled_text(session, entry, along))


@handles(CancelAllOrders)
async def cancel_all_orders(request: CancelAllOrders, session: Session, context: RequestContext) -> CancelReport:
    """Cancel the orders of this session in the accounts where it may trade, or with everyClient all orders of the
    login, which is one message to TWS. Without everyClient, raises not_ready while the orders are being read."""
    session.tws.require_connection()
    allowed = [each for each in session.accounts if session.may_trade(each)]
    for account in session.accounts if request.everyClient or not allowed else allowed:
        session.require_tradable(account)  # everyClient: a client needs a right to all accounts of the login
    if not session.orders.tracker.known and not request.everyClient:
        raise session.state.standing.error()
    ids = [each.state.orderId for each in _cancellable(session, request)]
    await session.services.audit.intent(context, None, 0, "", orderIds=ids)
    await context.accept()
    mine = _cancellable(session, request)
    if request.everyClient:
        await session.tws.pacer.wait_turn(Priority.CANCELS)
        send_global_cancel(session, context)
    else:
        await _cancel_each(session, context, mine)
        await listed_soon(session)  # TWS may list orders open whose end it has told, or of which it has told nothing
        more = [each for each in _cancellable(session, request) if each not in mine]
        await _cancel_each(session, context, more, begun=bool(mine))
        mine += more
    await until_cancelled(session, mine, context)
    await explained_all(session, mine)
    if any(each.state.cancel_refused is not None and not each.state.done for each in mine):
        await looked(session, context)
    return all_cancelled(session, mine)


def _cancellable(session: Session, request: CancelAllOrders) -> list[TrackedOrder]:
    own = session.clientId
    return [
        each
        for each in session.orders.tracker.open()
        if request.everyClient or (each.state.clientId == own and session.may_trade(each.state.terms.account))
    ]


@handles(AnswerForm)
async def answer_form(request: AnswerForm, session: Session, context: RequestContext) -> ApprovalAnswered:
    """Store the answer. The client then places the order again under its key, and it is approved."""
    try:
        by = await session.services.approvals.answer(
            context.caller, request.key, request.challenge, request.answer, session.now()
        )
    except ToolError as error:
        session.services.audit.refused(context, error, request.key)
        raise
    return ApprovalAnswered(approved_by=by)


async def _cancel_each(
    session: Session, context: RequestContext, entries: list[TrackedOrder], begun: bool = False
) -> None:
    """Write the cancels one after another, as TWS's message rate allows; raises at the first that can't be written."""
    for entry in entries:
        await session.tws.pacer.wait_turn(Priority.CANCELS)
        begun = write_cancels(session, context, [entry], begun)
