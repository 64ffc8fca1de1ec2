"""The order that a read names: shared by the handlers of several domains."""

from bridge.tool import ToolError
from bridge.tools.types import OrderNameArguments
from ib_worker.client_rights.accounts import require_own_account
from ib_worker.order_groups.related import legs
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.orders.view import name_given
from ib_worker.session.session import Session
from ib_worker.session.sync import find_or_resync
from ib_worker.tws.errors import api_read_only


async def require_order(session: Session, orderId: int, named: OrderNameArguments) -> TrackedOrder:
    """Return the order that a read names. Raises ToolError not_found, forbidden, read_only, or what keeps the session
    from telling."""
    require_readable(session)
    entry = await find_or_resync(session, orderId, named)
    placed = legs(session, named.orderKey) if named.orderKey is not None else []
    if entry is None and placed:
        entry = placed[0]  # of a bracket whose entry TWS tells no more
    if entry is None:
        raise ToolError(
            "not_found",
            f"{name_given(orderId, named)[0]}: TWS lists no such order today, open or ended. A call that was refused "
            "leaves no order. Do not repeat the call to find out: after a refusal that places the order. Trades of "
            "earlier days are in ibkr_get_account_history (table trades), and what they left in ibkr_get_positions.",
        )
    require_own_account(entry.state.terms.account)
    return entry


def require_readable(session: Session) -> None:
    """Raise ToolError read_only where the gateway lists no orders."""
    if not session.orders.readable:
        raise api_read_only()
