"""Warnings that do not stop the session, each with a fix."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from bridge.tools.session import SessionWarning
from ib_worker.orders.state import OrderState
from ib_worker.session.redis_durability import durability_concern
from ib_worker.session.session import Session
from ib_worker.session_state import announcements
from ib_worker.session_state.gateway_login import NEAR, NEW_YORK, weekly_login
from ib_worker.tws.errors import API_READ_ONLY

LISTED_OPEN = "It counts as open. Compare with TWS's own window; ibkr_cancel_order cancels it."


def _contradiction(state: OrderState) -> str:
    names = f"orderId {state.orderId}, permId {state.permId}"
    return (
        f"An order ({names}) was reported as {state.contradicted}, and TWS shows it open since, in status "
        f"{state.status}."
    )


def session_warnings(session: Session, now: datetime, of_exits: Iterable[SessionWarning] = ()) -> list[SessionWarning]:
    """Return the warnings in the order in which the status lists them. `of_exits`: what order_groups warns of."""
    found = [warning for rule in RULES if (warning := rule(session)) is not None]
    return [*found, *_announced(session, now), *_contradicted(session), *of_exits, *_weekly_login(now)]


def _data_loss(session: Session) -> SessionWarning | None:
    if session.redis.data_loss is None:
        return None
    return SessionWarning(
        what=f"{session.redis.data_loss}.",
        remedy="Compare ibkr_get_open_orders, ibkr_get_positions and the operator's `audit verify` with what "
        "was meant; then the operator releases the kill switch.",
    )


def _read_only(session: Session) -> SessionWarning | None:
    if session.orders.readable:
        return None
    return SessionWarning(
        what=API_READ_ONLY,
        remedy="To allow orders, switch off Read-Only API in the gateway's API settings.",
    )


def _competing_session(session: Session) -> SessionWarning | None:
    if not session.quotes.competing:
        return None
    return SessionWarning(
        what="Another session of the same IBKR login receives the market data.",
        remedy="Log out there (TWS, IBKR Mobile, Client Portal), or use another user here.",
    )


def _broken_farms(session: Session) -> SessionWarning | None:
    broken = sorted(farm for farm, word in session.link.farms.items() if word == "broken")
    if not broken:
        return None
    return SessionWarning(
        what=f"Data farms are broken: {', '.join(broken)}. Their data may be stale or missing.",
        remedy="The gateway reconnects by itself. If this persists, check its network.",
    )


def _unknown_zones(session: Session) -> SessionWarning | None:
    zones = sorted(session.tws.wire.unknown_zones) if session.tws.wire is not None else []
    if not zones:
        return None
    return SessionWarning(
        what=f"The gateway writes times in a zone that is not known, or has several meanings: "
        f"{', '.join(zones)}. Executions have no time (null).",
        remedy="Set the time zone of the gateway's machine (TIME_ZONE of its container) to a name such as "
        "Etc/UTC or America/New_York.",
    )


def _unread_messages(session: Session) -> SessionWarning | None:
    if not session.orders.unread:
        return None
    return SessionWarning(
        what="The worker could not decode a message about orders or positions, so their lists are incomplete.",
        remedy="The worker reads them again by itself. If this persists, restart the gateway.",
    )


# In the order of the status.
RULES: tuple[Callable[[Session], SessionWarning | None], ...] = (
    _data_loss,
    durability_concern,
    _read_only,
    _competing_session,
    _broken_farms,
    _unknown_zones,
    _unread_messages,
)


def _announced(session: Session, now: datetime) -> Iterator[SessionWarning]:
    for each in session.announcements.current(now):
        what, remedy = announcements.announcement_text(each, now), announcements.remedy(each)
        yield SessionWarning(what=what, remedy=remedy, due=each.due)


def _contradicted(session: Session) -> Iterator[SessionWarning]:
    for entry in session.orders.tracker.open():
        if entry.state.contradicted is not None:
            account, what = entry.state.terms.account, _contradiction(entry.state)
            yield SessionWarning(what=what, remedy=LISTED_OPEN, account=account)


def _weekly_login(now: datetime) -> Iterator[SessionWarning]:
    if (due := weekly_login(now)) - now < NEAR:
        yield SessionWarning(
            what=f"IBKR's weekly login is due {due.astimezone(NEW_YORK):%A %H:%M} New York time.",
            remedy="Have the second factor at hand then, or restart the gateway when somebody has.",
        )
