"""Warnings that do not stop the session, each with a fix, and the date of IBKR's next weekly login."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bridge.tools.session import SessionWarning
from ib_worker.order_groups.resting_exits import exceeding
from ib_worker.orders.state import OrderState
from ib_worker.session import announcements
from ib_worker.session.redis_durability import durability_concern
from ib_worker.session.session import Session

NEW_YORK = ZoneInfo("America/New_York")
SUNDAY = 6
LOGIN_AT = time(1, 0)  # IBKR's tokens of the week end then; the gateway's next restart asks for a full login
LISTED_OPEN = "It counts as open. Compare with TWS's own window; ibkr_cancel_order cancels it."
NEAR = timedelta(hours=24)


def weekly_login(now: datetime) -> datetime:
    """The next Sunday at one in New York."""
    today = now.astimezone(NEW_YORK).date()
    sunday = today + timedelta(days=(SUNDAY - today.weekday()) % 7)
    due = datetime.combine(sunday, LOGIN_AT, NEW_YORK)
    later = datetime.combine(sunday + timedelta(days=7), LOGIN_AT, NEW_YORK)
    return (due if due > now else later).astimezone(UTC)


def is_weekly_login(now: datetime) -> bool:
    """Return whether a gateway that waits for a login probably waits for the weekly one."""
    return weekly_login(now) - timedelta(days=7) > now - NEAR


def _contradiction(state: OrderState) -> str:
    names = f"orderId {state.orderId}, permId {state.permId}"
    return (
        f"An order ({names}) was reported as {state.contradicted}, and TWS shows it open since, in status "
        f"{state.status}."
    )


def session_warnings(session: Session, now: datetime) -> list[SessionWarning]:
    found = []
    if session.data_loss is not None:
        found.append(
            SessionWarning(
                what=f"{session.data_loss}.",
                remedy="Compare ibkr_get_open_orders, ibkr_get_positions and the operator's `audit verify` with what "
                "was meant; then the operator releases the kill switch.",
            )
        )
    if (weak := durability_concern(session)) is not None:
        found.append(weak)
    if not session.orders_readable:
        found.append(
            SessionWarning(
                what="The gateway's API is in read-only mode: it accepts no orders and does not list any.",
                remedy="Switch off Read-Only API in the gateway's API settings, if orders are wanted.",
            )
        )
    if session.lines.competing:
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
    if session.wire is not None and (zones := sorted(session.wire.unknown_zones)):
        found.append(
            SessionWarning(
                what=f"The gateway writes times in a zone that is not known, or has several meanings: "
                f"{', '.join(zones)}. Executions have no time (null).",
                remedy="Set the time zone of the gateway's machine (TIME_ZONE of its container) to a name such as "
                "Etc/UTC or America/New_York.",
            )
        )
    if session.unread:
        found.append(
            SessionWarning(
                what="A message about orders or positions could not be decoded, so they are not known in full.",
                remedy="The worker reads them again by itself. If this persists, restart the gateway.",
            )
        )
    for each in session.announcements.current(now):
        found.append(
            SessionWarning(
                what=announcements.announcement_text(each, now), remedy=announcements.remedy(each), due=each.due
            )
        )
    for entry in session.ledger.open():
        if entry.state.contradicted is not None:
            found.append(SessionWarning(what=_contradiction(entry.state), remedy=LISTED_OPEN))
    found += [SessionWarning(what=each.what, remedy=each.remedy) for each in exceeding(session)]
    if (due := weekly_login(now)) - now < NEAR:
        found.append(
            SessionWarning(
                what=f"IBKR's weekly login is due {due.astimezone(NEW_YORK):%A %H:%M} New York time.",
                remedy="Have the second factor at hand then, or restart the gateway when somebody has.",
            )
        )
    return found
