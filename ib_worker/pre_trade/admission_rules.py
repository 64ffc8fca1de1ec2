"""The rules of the step that accepts an order, from the limits in force."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from bridge.bus.records.admission import AdmissionRules
from bridge.bus.records.scripts import HOLD_MS
from bridge.bus.server.request import RequestContext
from ib_worker.order_identity.equal_orders import own_terms
from ib_worker.risk.limit_settings import Limits
from ib_worker.session.session import utcnow

EXCHANGE_DAY = ZoneInfo("America/New_York")  # where a new trading day begins for the daily count


def admission_rules(
    context: RequestContext,
    terms: str,
    limits: Limits,
    orders: int,
    closing: bool,
    window_s: int,
    duplicate_of: str,
) -> AdmissionRules:
    """Return the rules of the step that accepts the order. `window_s`: the time in which an equal order is held."""
    return AdmissionRules(
        terms=own_terms(context.caller, terms),
        shared=terms,
        hold_ms=HOLD_MS if context.request.keyless else 0,
        orders=orders,
        closing=closing,
        per_minute=counted(limits.max_orders_per_minute),
        per_day=counted(limits.max_orders_per_day),
        day_from_ms=day_from_ms(utcnow()),
        duplicate_window_ms=window_s * 1000,
        duplicate_of=duplicate_of,
    )


def counted(limit: int | str | None) -> int:
    """Return the limit as a number; 0 stands for none."""
    return limit if isinstance(limit, int) else 0


def day_from_ms(now: datetime) -> int:
    """Return when the day of the daily count of orders began."""
    midnight = datetime.combine(now.astimezone(EXCHANGE_DAY).date(), time(), EXCHANGE_DAY)
    return int(midnight.astimezone(UTC).timestamp() * 1000)
