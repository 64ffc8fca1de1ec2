"""The worker's metrics: one row each, read at a scrape. A row of the session has no sample while another leads."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar, get_args

from bridge.bus.figures import SessionFigures
from bridge.bus.halt import Level
from bridge.metrics.table import MetricRow, MetricSamples, one_of, read_rows
from bridge.tools.session import State
from ib_worker import __version__
from ib_worker.metrics.parts import Scrape, WorkerParts
from ib_worker.pacing.history_pacer import HISTORY_IN_WINDOW
from ib_worker.pacing.message_pacer import Priority
from ib_worker.pre_trade.admission_rules import day_from_ms
from ib_worker.session.session import Session, utcnow

REJECTED = "rejected"  # beside TWS's own words for an order's status
FRONTS_OWN = frozenset({"no_worker", "bus_down"})  # states that a worker cannot be in

Row = MetricRow[Scrape]
T = TypeVar("T")


def _led(read: Callable[[Session], T]) -> Callable[[Scrape], T | None]:
    """Read from the session that this worker leads."""
    return lambda scrape: None if scrape.session is None else read(scrape.session)


def _kept(read: Callable[[SessionFigures], T]) -> Callable[[Scrape], T | None]:
    """Read from the figures that Redis has. Every worker of a session has the same."""
    return lambda scrape: None if scrape.figures is None else read(scrape.figures)


def _by_lane(counts: Callable[[Session, Priority], float]) -> Callable[[Scrape], dict[str, float] | None]:
    return _led(lambda session: {lane.name.lower(): counts(session, lane) for lane in Priority})


def _orders(session: Session) -> dict[str, float] | None:
    """Count the known orders by status; None while they are not known."""
    if not session.orders.tracker.known:
        return None
    states = (each.state for each in session.orders.tracker.all())
    return dict(Counter(REJECTED if state.rejected is not None else state.status for state in states))


def _kill_switch(scrape: Scrape) -> dict[str, float]:
    halt = scrape.bus.watermark.known.halt
    return one_of(halt.level if halt is not None else "", get_args(Level))


def _in_hand(scrape: Scrape) -> dict[str, float]:
    reads, writes = scrape.bus.in_hand()
    return {"read": reads, "write": writes}


def _limits_used(scrape: Scrape) -> dict[str, float] | None:
    """Return the used share of each limit that adds up. A limit of one order, such as its worth, has none."""
    session, figures = scrape.session, scrape.figures
    if session is None:
        return None
    limits, tracker = session.settings.effective_limits, session.orders.tracker
    used: dict[str, tuple[float | None, object]] = {
        "max_open_orders": (
            sum(each.state.clientId == session.clientId for each in tracker.open()) if tracker.known else None,
            limits.max_open_orders,
        ),
        "max_orders_per_minute": (figures.orders_last_minute if figures else None, limits.max_orders_per_minute),
        "max_orders_per_day": (scrape.bus.watermark.known.orders_of(day_from_ms(utcnow())), limits.max_orders_per_day),
        "max_daily_loss": (_daily_loss(session), limits.max_daily_loss),
    }
    return {
        name: amount / most
        for name, (amount, most) in used.items()
        if amount is not None and isinstance(most, int | float) and most > 0
    }


def _daily_loss(session: Session) -> float | None:
    """Return the largest loss of an account today, as of the last order that was checked; None before one."""
    known = [-figure for _, figure in session.caches.daily_pnl.values() if figure is not None]
    return max((*known, 0.0)) if known else None


ROWS: tuple[Row, ...] = (
    Row("gauge", "ibkr_worker_info", "The worker's release", lambda _: {__version__: 1.0}, ("version",)),
    Row(
        "gauge", "ibkr_worker_leader", "1 where this worker holds the session's lease, 0 where it stands by",
        lambda scrape: float(scrape.bus.lease.held()),
    ),
    Row(
        "gauge", "ibkr_worker_lease_left_seconds", "Time until the lease must have been renewed",
        lambda scrape: scrape.bus.lease.left_s(),
    ),
    Row(
        "gauge", "ibkr_worker_session_state", "1 for the session's state, 0 for the others",
        _led(lambda session: one_of(session.state.standing.state, set(get_args(State)) - FRONTS_OWN)), ("state",),
    ),
    Row(
        "gauge", "ibkr_worker_session_state_since_seconds", "Time when the session entered its state, since the epoch",
        _led(lambda session: session.state.standing.since.timestamp()),
    ),
    Row(
        "counter", "ibkr_worker_tws_connects_total", "Connections to the gateway in this term; all but one reconnected",
        _led(lambda session: session.tws.connects),
    ),
    Row(
        "counter", "ibkr_worker_tws_messages_total", "Messages sent to TWS on turns of the pacer",
        _by_lane(lambda session, lane: session.tws.pacer.sent[lane]), ("lane",),
    ),
    Row(
        "gauge", "ibkr_worker_tws_messages_waiting", "Messages that wait for their turn",
        _by_lane(lambda session, lane: session.tws.pacer.waiting(lane)), ("lane",),
    ),
    Row(
        "gauge", "ibkr_worker_tws_messages_limit", "Messages a second that TWS accepts (GATEWAY_MESSAGES_PER_S)",
        _led(lambda session: session.tws.pacer.per_s),
    ),
    Row(
        "gauge", "ibkr_worker_history_requests_used", "Historical requests that count for TWS's ten minutes now",
        _led(lambda session: session.history_pacer.spent()),
    ),
    Row(
        "gauge", "ibkr_worker_history_requests_limit", "Historical requests that the worker makes in ten minutes",
        _led(lambda _: HISTORY_IN_WINDOW),
    ),
    Row(
        "gauge", "ibkr_worker_market_data_lines_used", "Market-data lines that TWS counts now",
        _led(lambda session: len(session.quotes)),
    ),
    Row(
        "gauge", "ibkr_worker_market_data_lines_limit", "Market-data lines of the account (MARKET_DATA_LINES)",
        _led(lambda session: session.quotes.most),
    ),
    Row("counter", "ibkr_worker_ticks_received_total", "Ticks from TWS", _led(lambda session: session.quotes.ticks)),
    Row(
        "counter", "ibkr_worker_updates_published_total", "Updates of streams, each with all ticks of one packet",
        lambda scrape: scrape.bus.ticks.published,
    ),
    Row(
        "counter", "ibkr_worker_updates_dropped_total", "Updates that did not wait for Redis any longer",
        lambda scrape: scrape.bus.ticks.dropped,
    ),
    Row(
        "gauge", "ibkr_worker_streams_read", "Streams that fronts listen to",
        lambda scrape: scrape.bus.ticks.listened_to(),
    ),
    Row("gauge", "ibkr_worker_orders", "Orders that the worker knows, by TWS's status", _led(_orders), ("status",)),
    Row("gauge", "ibkr_worker_limit_used_ratio", "Used share of an operator's limit", _limits_used, ("limit",)),
    Row(
        "gauge", "ibkr_worker_approvals_waiting", "Orders that wait for a person's approval",
        _kept(lambda figures: figures.approvals_waiting),
    ),
    Row(
        "gauge", "ibkr_worker_kill_switch", "1 for the level of the kill switch, if it is set",
        _kill_switch, ("level",),
    ),
    Row(
        "gauge", "ibkr_worker_data_lost", "1 from a loss of Redis's data until the operator resumes",
        _led(lambda session: float(session.redis.data_loss is not None)),
    ),
    Row("gauge", "ibkr_worker_event_log_entries", "Entries of the event log", _kept(lambda figures: figures.events)),
    Row(
        "counter", "ibkr_worker_events_total", "Events of the session so far",
        _kept(lambda figures: figures.newest_event),
    ),
    Row(
        "gauge", "ibkr_worker_event_reader_lag", "Events that a reader of the log has not read yet",
        _kept(lambda figures: dict(figures.lags)), ("reader",),
    ),
    Row(
        "counter", "ibkr_worker_pushes_total", "Pushes by outcome: sent, failed, given_up",
        _led(lambda session: dict(session.telemetry.pushes)), ("target", "outcome"),
    ),
    Row(
        "gauge", "ibkr_worker_watches", "Conditions of alerts and waits that are looked out for",
        _led(lambda session: len(session.services.watches.all())),
    ),
    Row("gauge", "ibkr_worker_requests_running", "Requests in progress, by effect", _in_hand, ("effect",)),
    Row(
        "counter", "ibkr_worker_requests_total", "Requests answered by outcome: ok or the error's code",
        lambda scrape: dict(scrape.calls.outcomes), ("operation", "outcome"),
    ),
    Row(
        "histogram", "ibkr_worker_request_duration_seconds", "Durations of requests by operation",
        lambda scrape: dict(scrape.calls.by_tool), ("operation",),
    ),
    Row(
        "histogram", "ibkr_worker_redis_round_trip_seconds", "Durations of round trips to Redis",
        lambda scrape: scrape.round_trips,
    ),
    Row(
        "gauge", "ibkr_worker_redis_up", "1 where Redis has answered this scrape within a second",
        lambda scrape: float(scrape.figures is not None),
    ),
)  # fmt: skip


async def worker_samples(parts: WorkerParts) -> Iterable[MetricSamples]:
    """Return the samples of a scrape."""
    return read_rows(ROWS, await parts.scrape())
