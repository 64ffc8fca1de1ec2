"""Warnings that do not stop the session, each with a fix."""

from collections.abc import Iterable
from datetime import datetime

from bridge.tools.session import SessionWarning
from ib_worker.orders.state import OrderState
from ib_worker.session.redis_durability import durability_concern
from ib_worker.session.session import Session
from ib_worker.session_state import announcements
from ib_worker.session_state.gateway_login import NEAR, NEW_YORK, weekly_login

LISTED_OPEN = "It counts as open. Compare with TWS's own window; ibkr_cancel_order cancels it."


def _contradiction(state: OrderState) -> str:
    names = f"orderId {state.orderId}, permId {state.permId}"
    return (
        f"An order ({names}) was reported as {state.contradicted}, and TWS shows it open since, in status "
        f"{state.status}."
    )


def session_warnings(session: Session, now: datetime, of_exits: Iterable[SessionWarning] = ()) -> list[SessionWarning]:
    """Return the warnings in the order in which the status lists them. `of_exits`: what order_groups warns of."""
    found = []
    if session.redis.data_loss is not None:
        found.append(
            SessionWarning(
                what=f"{session.redis.data_loss}.",
                remedy="Compare ibkr_get_open_orders, ibkr_get_positions and the operator's `audit verify` with what "
                "was meant; then the operator releases the kill switch.",
            )
        )
    if (weak := durability_concern(session)) is not None:
        found.append(weak)
    if not session.orders.readable:
        found.append(
            SessionWarning(
                what="The gateway's API is in read-only mode: it accepts no orders and does not list any.",
                remedy="To allow orders, switch off Read-Only API in the gateway's API settings.",
            )
        )
    if session.quotes.competing:
        found.append(
            SessionWarning(
                what="Another session of the same IBKR login receives the market data.",
                remedy="Log out there (TWS, IBKR Mobile, Client Portal), or use another user here.",
            )
        )
    if broken := sorted(farm for farm, word in session.link.farms.items() if word == "broken"):
        found.append(
            SessionWarning(
                what=f"Data farms are broken: {', '.join(broken)}. Their data may be stale or missing.",
                remedy="The gateway reconnects by itself. If this persists, check its network.",
            )
        )
    if session.tws.wire is not None and (zones := sorted(session.tws.wire.unknown_zones)):
        found.append(
            SessionWarning(
                what=f"The gateway writes times in a zone that is not known, or has several meanings: "
                f"{', '.join(zones)}. Executions have no time (null).",
                remedy="Set the time zone of the gateway's machine (TIME_ZONE of its container) to a name such as "
                "Etc/UTC or America/New_York.",
            )
        )
    if session.orders.unread:
        found.append(
            SessionWarning(
                what="The worker could not decode a message about orders or positions, so their lists are incomplete.",
                remedy="The worker reads them again by itself. If this persists, restart the gateway.",
            )
        )
    for each in session.announcements.current(now):
        found.append(
            SessionWarning(
                what=announcements.announcement_text(each, now), remedy=announcements.remedy(each), due=each.due
            )
        )
    for entry in session.orders.tracker.open():
        if entry.state.contradicted is not None:
            account, what = entry.state.terms.account, _contradiction(entry.state)
            found.append(SessionWarning(what=what, remedy=LISTED_OPEN, account=account))
    found += of_exits
    if (due := weekly_login(now)) - now < NEAR:
        found.append(
            SessionWarning(
                what=f"IBKR's weekly login is due {due.astimezone(NEW_YORK):%A %H:%M} New York time.",
                remedy="Have the second factor at hand then, or restart the gateway when somebody has.",
            )
        )
    return found
