"""The part of a position that an order may close: what open orders and unshown fills leave of it."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from decimal import Decimal

import ib_async

from bridge.text.contract_name import contract_name
from bridge.text.numbers import digits
from bridge.tool import ToolError
from ib_worker.order_groups.related import held_by, may_fill, most_of, named_each, related
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.risk.intent import Trading
from ib_worker.session.session import Session, utcnow
from ib_worker.session.sync import read_positions
from ib_worker.session.wrapper import POSITION_MESSAGES
from ib_worker.tws.errors import ConnectionLost, TwsError

NAMED = 5  # open orders that an error names
APPROVED = 10  # orders that the text names for a person who approves
LIST_S = 3.0  # for a complete list of positions
CANCELLING_S = 30.0  # since its cancel was sent; an order that is open after it is cancelled again


def nothing_to_close(
    session: Session, account: str, contract: ib_async.Contract, trading: Trading | None = None
) -> ToolError:
    """Return the error of a position of which open orders leave nothing to close. `trading`: of its market now. Its
    detail `flat` tells that there is no position, and no fill that TWS has not shown yet."""
    held, first = session.positions.held(account, contract.conId), ""
    side = "SELL" if held > 0 else "BUY"
    unshown = session.positions.unshown(account, contract.conId, side)
    if held and abs(held) <= unshown:
        first = f" {side} orders have just filled, and TWS has not updated the position yet."
    elif held:
        open_ = list(session.orders.tracker.of(account, contract.conId, side))
        leaving = [each for each in open_ if closes_at_market(session, each)]
        whole = most_of(leaving) + unshown >= abs(held)
        beside = [each for each in open_ if each not in leaving]
        first = (
            _under_way(side, leaving, _not_ending(session, beside), trading)
            if whole
            else _blocked(session, side, open_)
        )
    what = f"{account} holds {digits(held)} {contract_name(contract)}, and nothing is left to close."
    flat = not held and not any(session.positions.unshown(account, contract.conId, each) for each in ("BUY", "SELL"))
    return ToolError("nothing_to_close", f"{what}{first} Nothing was sent.", position=float(held), flat=flat)


def _under_way(
    side: str, leaving: Sequence[TrackedOrder], others: Sequence[TrackedOrder], trading: Trading | None
) -> str:
    """Return, in words, the market orders that close a position already, and the open orders that would pass zero."""
    waits = "waits for the market to open" if trading == "closed" else "has not filled yet"
    beside = f" Other {side} orders are open beside it ({_ids(others)}): a fill of those passes zero. Cancel them."
    told = f" The close is under way: {side} MKT (orderId {_ids(leaving)}) {waits}. Send no other."
    return told + (beside if others else "")


def _blocked(session: Session, side: str, open_: Sequence[TrackedOrder]) -> str:
    """Return, in words, the open orders that may close a position, and how to go on."""
    rest = _not_ending(session, open_)
    ending = [each for each in open_ if each not in rest]
    own = [each for each in rest if each.state.clientId == session.clientId]
    foreign = [each for each in rest if each not in own]
    told = {
        f" The cancel of {side} orders that may close it is not confirmed yet ({_ids(ending)}): call again with the "
        "same idempotencyKey once they have ended. Outside trading hours that is when the exchange opens.": ending,
        f" Open {side} orders may close it already ({_ids(own)}): cancel those by their orderId, or call again with "
        "cancelOrders, which cancels them first.": own,
        f" Open {side} orders of other programs may close it already ({_ids(foreign)}): cancel those in their program "
        "or in TWS.": foreign,
    }
    return "".join(text for text, orders in told.items() if orders)


def _not_ending(session: Session, entries: Sequence[TrackedOrder]) -> list[TrackedOrder]:
    """Return the orders that are not being cancelled, nor held by one that is."""
    return [each for each in entries if not _is_being_cancelled(held_by(session, each) or each)]


def _ids(entries: Collection[TrackedOrder]) -> str:
    ids = [str(each.state.orderId) for each in entries]
    return ", ".join(ids[:NAMED]) + (", …" if len(ids) > NAMED else "")


def closes_at_market(session: Session, entry: TrackedOrder) -> bool:
    """Return whether it fills as soon as the market trades: a market order that nothing holds and nobody cancels."""
    order = entry.sent[1] if entry.sent is not None else None
    held = held_by(session, entry) is not None or (order is not None and bool(order.goodAfterTime or order.conditions))
    works = entry.state.status != "Inactive" and not _is_being_cancelled(entry)
    return entry.state.terms.orderType == "MKT" and works and not held


def to_cancel(session: Session, account: str, conId: int) -> list[TrackedOrder]:
    """Return the open orders of this session that close a position before a new one may. An exit that an open order
    holds ends with that order, which would be without exits otherwise. Orders that are being cancelled are left out,
    and so are market orders, which close it as a new one would."""
    held = session.positions.held(account, conId)
    same = list(session.orders.tracker.of(account, conId, "SELL" if held > 0 else "BUY")) if held else []
    closing = {each for each in same if closes_at_market(session, each)}
    found = dict.fromkeys(held_by(session, each) or each for each in same)
    own = [each for each in found if each.state.clientId == session.clientId]
    return [each for each in own if not _is_being_cancelled(each) and each not in closing]


def _is_being_cancelled(entry: TrackedOrder) -> bool:
    at = entry.state.cancelled_at
    if entry.state.status == "PendingCancel":  # TWS has the cancel, and the exchange may confirm it hours later
        return True
    return at is not None and entry.state.cancel_refused is None and (utcnow() - at).total_seconds() < CANCELLING_S


def orders_rest(resting: Collection[TrackedOrder]) -> ToolError:
    """Return the error of a position that may be closed once these orders are cancelled."""
    ids = [each.state.orderId for each in resting]
    text = (
        f"cancelOrders: {len(ids)} open orders close the position first (orderId {_ids(resting)}). No close was sent."
    )
    return ToolError("orders_rest", f"{text} Call again with the same idempotencyKey.", orderIds=ids)


def cancelled_first(session: Session, resting: Sequence[TrackedOrder]) -> str:
    """Return, in words, the orders that are cancelled before a close, and those that end with them; empty for none."""
    ending = [*resting, *(each for each in session.orders.tracker.open() if held_by(session, each) in resting)]
    if not ending:
        return ""
    more = f", and {len(ending) - APPROVED} more" if len(ending) > APPROVED else ""
    return f"It first cancels {named_each(session, ending[:APPROVED], terms=True, by_id=True)}{more}."


def closable(session: Session, account: str, conId: int, without: Collection[TrackedOrder] = ()) -> Decimal:
    """Return the signed quantity of a position that no open order closes; `without` are to be cancelled first. Raises
    ToolError not_ready while the list of positions is incomplete."""
    session.orders.require_complete("positions", POSITION_MESSAGES)
    held = session.positions.held(account, conId)
    order = ib_async.Order(account=account, action="SELL" if held > 0 else "BUY")
    rest = max(abs(held) - closing_before(session, order, conId, None, without), Decimal(0))
    return rest if held > 0 else -rest


def closing_before(
    session: Session,
    order: ib_async.Order,
    conId: int,
    beside: TrackedOrder | None,
    without: Collection[TrackedOrder] = (),
) -> Decimal:
    """Return the quantity that other orders of the same side may close first.

    These are open orders, and fills that the position does not show yet. If orders exclude each other, such as a
    bracket's exits, one fills. Orders of the changed order's group do not fill beside the changed order, nor do those
    that are cancelled first (`without`) and what they hold.
    """
    near = set(related(session, beside)) if beside is not None else set()
    near |= {each for each in session.orders.tracker.open() if each in without or held_by(session, each) in without}
    same = session.orders.tracker.of(order.account, conId, order.action)
    resting = most_of(each for each in same if each not in near)
    return session.positions.unshown(order.account, conId, order.action) + resting


def how_to_make_room(session: Session, order: ib_async.Order, conId: int, wanted: Decimal) -> str:
    """Return how the session's open orders leave room for a partial close, as a sentence; empty where changes of them
    can't."""
    resting = list(session.orders.tracker.of(order.account, conId, order.action))
    unshown = session.positions.unshown(order.account, conId, order.action)
    rest = abs(session.positions.held(order.account, conId)) - unshown - wanted
    if rest <= 0 or not resting or any(each.state.clientId != session.clientId for each in resting):
        return ""
    sizes = {each: Decimal(str(may_fill(each))) for each in resting}
    if most_of(resting) > max(sizes.values()):
        ids = _ids(resting)
        return (
            f"First reduce (ibkr_modify_order) or cancel orders {ids} to {digits(rest)} in all, then send this again."
        )
    told = [
        f"order {each.state.orderId} to totalQuantity {digits(rest + Decimal(str(each.state.filled)))}"
        for each in resting
        if sizes[each] > rest
    ]
    return f"First reduce {' and '.join(told)} by ibkr_modify_order, then send this again." if told else ""


async def read_unshown_fills(session: Session, order: ib_async.Order, conId: int, beside: TrackedOrder | None) -> None:
    """Read the positions again if only fills that they have not shown for long keep the order from being a closing one:
    another client may have traded too, or the message was lost."""
    positions = session.positions
    unshown = positions.unshown(order.account, conId, order.action)
    if not unshown or positions.unshown_s(order.account, conId) < session.order_timing.position_lag_s:
        return
    held = positions.held(order.account, conId) * (1 if order.action == "SELL" else -1)
    filled = Decimal(str(beside.state.filled)) if beside else Decimal(0)
    room = held - closing_before(session, order, conId, beside) - (Decimal(str(order.totalQuantity)) - filled)
    if held > 0 and room < 0 <= room + unshown:
        await _read(session)


async def read_late_fills(session: Session, account: str, conId: int) -> None:
    """Read the positions again if one has not shown a fill of either side for long: sized by what is known, a closing
    order would leave a part."""
    positions = session.positions
    unshown = any(positions.unshown(account, conId, action) for action in ("BUY", "SELL"))
    if unshown and positions.unshown_s(account, conId) >= session.order_timing.position_lag_s:
        await _read(session)


async def _read(session: Session) -> None:
    with suppress(ConnectionLost, TwsError, TimeoutError):
        async with asyncio.timeout(LIST_S):
            await read_positions(session, LIST_S)
