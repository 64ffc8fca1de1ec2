"""One term of leadership: the session, what serves it and what it tells of itself, from the lease to its end."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import structlog

from bridge.bus.controls.audit_log import AuditLog
from bridge.bus.controls.connection_target import read_connection_target, store_connection_target
from bridge.bus.events.event import ReadEvent
from bridge.bus.events.event_log import log_events
from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.records.client_orders import ClientOrders
from bridge.bus.server.request import retry_until_answered
from bridge.bus.server.server import BusServer, Reconcile
from bridge.bus.transport.connection import BusError
from bridge.tasks import restart_on_error, run_until_first_ends
from bridge.tools.session import SessionStatus
from ib_worker.account_history.archive import HistoryArchive
from ib_worker.account_history.recorder import USUAL_HISTORY, HistoryRecorder, HistoryTiming
from ib_worker.account_snapshots.equity import EquitySampler
from ib_worker.account_snapshots.snapshots import SnapshotTaker
from ib_worker.alerts.engine import WatchEngine
from ib_worker.alerts.figures import FigureSources
from ib_worker.alerts.session_events import log_session_states
from ib_worker.audit.kill_switch import KillSwitch, log_kill_switch_changes
from ib_worker.audit.order_history import OrderHistoryReader
from ib_worker.audit.refusals import log_refusals
from ib_worker.audit.refused_calls import RefusedCalls
from ib_worker.audit.trail import AuditTrail
from ib_worker.client_rights.admission import ClientAdmission
from ib_worker.client_rights.ended import EndedClients
from ib_worker.earlier_release.answers import answer
from ib_worker.earlier_release.records import EarlierRecords
from ib_worker.events.order_events import order_drafts
from ib_worker.handlers.account import get_account_summary, get_pnl_single
from ib_worker.handlers.dispatch import dispatch
from ib_worker.oidc.provider_keys import ProviderKeys
from ib_worker.oidc.provider_tokens import ProviderTokens
from ib_worker.order_entry.data_loss import reconcile
from ib_worker.order_entry.reconciliation import Reconciliation
from ib_worker.order_groups.resting_exits import exit_warnings
from ib_worker.orders.timing import USUAL, OrderTiming
from ib_worker.pre_trade.admission_rules import day_from_ms
from ib_worker.pushes.channels import send as send_push
from ib_worker.pushes.delivery import PushDelivery
from ib_worker.pushes.target import AlertTarget
from ib_worker.risk.approvals import Approvals, end_overdue_approvals
from ib_worker.risk.circuit_breakers import CircuitBreakers, watch_breakers
from ib_worker.risk.confirmation_tokens import ConfirmationTokens
from ib_worker.risk.limit_settings import limits_in_force
from ib_worker.session import alerts as alarm
from ib_worker.session.connection_loop import ConnectionLoop, Timing
from ib_worker.session.failover import GatewayFailover
from ib_worker.session.redis_durability import watch_durability
from ib_worker.session.session import Services, Session, utcnow
from ib_worker.session.sync import resync_for_missing
from ib_worker.session.warnings import session_warnings
from ib_worker.session_state import state as standing
from ib_worker.session_state.gateway_login import weekly_login
from ib_worker.settings import WorkerSettings
from ib_worker.streams.kept_streams import keep_streams
from ib_worker.tws.fencing import ConnectionFence
from ib_worker.watches.table import WatchTable

BEAT_S = 1.0
RELEASE_S = 2.0

Duty = Callable[[], Coroutine[Any, Any, None]]
Begin = Callable[[Session], None]

log = structlog.get_logger("ib_worker.leader")


@dataclass(frozen=True)
class TermTiming:
    """The waits of a term. `connection`: None for the usual ones, with the settings' timeout of the handshake."""

    connection: Timing | None = None
    orders: OrderTiming = USUAL
    history: HistoryTiming = USUAL_HISTORY


async def run_term(
    bus: BusServer,
    settings: WorkerSettings,
    stopping: asyncio.Event,
    relieving: GatewayFailover | None = None,
    begin: Begin | None = None,
    timing: TermTiming = TermTiming(),  # frozen
) -> None:
    """Serve until `stopping` is set. Raises LeaseLost when another may lead, and HandOver when another is to; the
    gateway is given up in any case.

    The bus holds the lease already. Requests are answered from the first moment, if only by saying what is missing.
    """
    waits = timing.connection or Timing(connect_s=settings.connect_timeout_s)
    guard = ConnectionFence()
    store_target = partial(store_connection_target, bus.pipe, bus.keys, bus.watermark)
    services = services_of(bus, settings, timing.history, waits)
    session = Session(settings, bus.worker_id, bus, bus.order_ids, services, guard, store_target, timing.orders)
    if begin is not None:
        begin(session)
    reconciliation = Reconciliation(session, bus.records, bus.lease.token)
    earlier = EarlierRecords(bus.pipe, bus.keys, answer)
    bus.lease.on_renewed(guard.held_until)
    _listen(bus, session, reconciliation, earlier)
    try:
        await retry_until_answered(earlier.read_accounts)
        await _remembered(bus, session)
        await run_until_first_ends(
            ConnectionLoop(session, waits).run(),
            *(restart_on_error(name, run) for name, run in _duties(bus, session).items()),
            *([relieving.seek(session)] if relieving else []),
            _serve(bus, session, partial(reconcile, bus, session, reconciliation), stopping, waits.grace_s),
        )
    finally:
        await reconciliation.close()
        await session.close()
        await guard.close()


def _listen(bus: BusServer, session: Session, reconciliation: Reconciliation, earlier: EarlierRecords) -> None:
    """Give each kind of the bus's news to the part that acts on it."""
    bus.on_abandoned(session.abandoned)
    clients = session.services.clients.clients
    bus.on_clients_changed(clients.changed)
    clients.changed()
    bus.on_unfinished(reconciliation.settle)
    bus.on_unowned(earlier.judge)


def services_of(
    bus: BusServer,
    settings: WorkerSettings,
    history_timing: HistoryTiming = USUAL_HISTORY,
    timing: Timing | None = None,
) -> Services:
    folder = settings.history_folder
    archive = HistoryArchive(folder, settings.ibkr_session) if folder else None
    unlisted = settings.oidc is not None and not settings.oidc.listed
    directory = ClientDirectory(bus.pipe, bus.keys, settings.clients_file, unlisted)
    clients = ClientAdmission(directory, provider_tokens(settings, timing or Timing()))
    return Services(
        audit=AuditTrail(AuditLog(bus.pipe, bus.keys, bus.lease.token, bus.watermark), order_drafts),
        approvals=Approvals(bus.pipe, bus.keys, settings.live_approval == "client"),
        tokens=ConfirmationTokens(bus.pipe, bus.keys),
        history=OrderHistoryReader(bus.pipe, bus.keys),
        refusals=RefusedCalls(bus.pipe, bus.keys),
        breakers=CircuitBreakers(settings.breakers.in_force(settings.trading_mode)),
        kill_switch=KillSwitch(bus.pipe, bus.keys),
        watches=WatchTable(bus.pipe, bus.keys, bus.lease.token, clients.may_see),
        past=HistoryRecorder(bus.pipe, bus.keys, bus.lease.token, archive, history_timing),
        clients=clients,
        client_orders=ClientOrders(bus.pipe, bus.keys),
    )


def provider_tokens(settings: WorkerSettings, timing: Timing) -> ProviderTokens | None:
    """The check of an OpenID Connect provider's tokens; None without a provider."""
    if settings.oidc is None:
        return None
    return ProviderTokens(
        settings.oidc, ProviderKeys(settings.oidc_issuer, settings.oidc_jwks_file, timing.keys_again_s)
    )


async def _remembered(bus: BusServer, session: Session) -> None:
    """Begin with what Redis has of earlier terms: how far order ids were counted, and who connected or disconnected."""

    async def read() -> None:
        session.redis.counted_ids = await bus.records.counted_ids()
        steered = await read_connection_target(bus.pipe, bus.keys, bus.watermark)
        if steered is not None:
            session.connection.begin_as(steered, session.settings.allowed)

    await retry_until_answered(read)


def _duties(bus: BusServer, session: Session) -> dict[str, Duty]:
    """Return the tasks that run beside the answering of requests."""
    provider = session.services.clients.provider
    return {
        "the market-data lines": session.quotes.run,
        "the kept streams": lambda: keep_streams(session, bus),
        "the live feeds": session.feeds.run,
        "the account's updates": session.account_updates.run,
        "the live portfolio": session.live_portfolio.run,
        "the live candles": session.live_candles.run,
        "the audit log": session.services.audit.run,
        "Redis' durability": lambda: watch_durability(bus.pipe, session),
        "the approvals": lambda: end_overdue_approvals(bus.pipe, bus.keys),
        "the refusals' log": lambda: log_refusals(bus.pipe, bus.keys, session.services.audit),
        "the kill switch's log": lambda: log_kill_switch_changes(bus.pipe, bus.keys, session.services.audit),
        "the clients that are no more": EndedClients(
            bus.pipe,
            bus.keys,
            session.services.clients.clients,
            session.services.watches,
            session.services.audit.client_ended,
        ).run,
        "the circuit breakers": lambda: watch_breakers(
            bus.halt, session.services.breakers, partial(_look_for_unknown, session)
        ),
        "the look for missing orders": lambda: resync_for_missing(session),
        "the alarm": lambda: alarm.run_alerts(session),
        "the event log": lambda: log_session_states(session, partial(log_events, bus.pipe, bus.keys, bus.lease.token)),
        "the watches": WatchEngine(session, FigureSources(get_pnl_single, get_account_summary)).run,
        "the account's history": session.services.past.run,
        "the account's snapshots": SnapshotTaker(session, get_account_summary).run,
        "the account's equity": EquitySampler(session).run,
        "the heartbeat": lambda: _beat(bus, session),
        **({"the provider's keys": provider.keys.run} if provider else {}),
        **_deliveries(session),
    }


def _deliveries(session: Session) -> dict[str, Duty]:
    """Return a delivery for each of the operator's targets."""
    settings = session.settings
    secret = settings.alert_secret.get_secret_value() if settings.alert_secret else ""

    def send(target: AlertTarget, events: Sequence[ReadEvent], lost: bool) -> None:
        send_push(target, events, settings.ibkr_session, secret, lost, settings.console_url or "")

    table = session.services.watches
    return {
        f"the pushes to {each.name}": PushDelivery(
            each, table, settings.alert_events, send, counted=session.telemetry.pushes
        ).run
        for each in settings.alert_targets
    }


def _look_for_unknown(session: Session) -> None:
    session.services.breakers.look((each.state for each in session.orders.tracker.open()), utcnow())


async def _serve(
    bus: BusServer, session: Session, reconcile: Reconcile, stopping: asyncio.Event, grace_s: float
) -> None:
    await run_until_first_ends(
        bus.serve(partial(dispatch, session), reconcile),
        _stop(bus, stopping, grace_s),
    )
    log.info("stopping")
    with suppress(TimeoutError):
        async with asyncio.timeout(RELEASE_S):
            await session.quotes.release()
            await session.services.audit.flush()
            with suppress(BusError):  # TWS tells the day's executions again
                await session.services.past.flush()
    session.state.set(standing.STOPPED)
    await bus.write_heartbeat(session_status(session))


async def _stop(bus: BusServer, stopping: asyncio.Event, grace_s: float) -> NoReturn:
    """An order that is still without an answer after the grace is settled by the next leader."""
    await stopping.wait()
    await bus.stop(grace_s)
    while True:  # serving ends by itself, when what is in hand is answered
        await asyncio.Event().wait()


def session_status(session: Session, orders_today: int = 0) -> SessionStatus:
    """The status as fronts read it. `orders_today`: the orders accepted on this day of the exchange."""
    now, limits = utcnow(), session.settings.effective_limits
    per_day, most_open = limits.max_orders_per_day, limits.max_open_orders
    left = {"orders_today": per_day - orders_today} if isinstance(per_day, int) else {}
    if isinstance(most_open, int) and session.orders.tracker.known:
        own = sum(each.state.clientId == session.clientId for each in session.orders.tracker.open())
        left["open_orders"] = most_open - own
    more = {
        "limits": limits_in_force(limits),
        "left": {name: max(count, 0) for name, count in left.items()},
        "concerns": session_warnings(session, now, exit_warnings(session)),
        "weekly_login_due": weekly_login(now + session.clock.ahead),
    }
    return session.status().model_copy(update=more)


async def _beat(bus: BusServer, session: Session) -> NoReturn:
    """Write the status every second, and soon after every change and write."""
    while True:
        session.state_changes.heartbeat_due.clear()
        if session.redis.halted_for_loss and bus.watermark.known.halt is None:  # the operator has compared, and resumed
            session.redis.data_loss, session.redis.halted_for_loss = None, False
        await bus.write_heartbeat(session_status(session, bus.watermark.known.orders_of(day_from_ms(utcnow()))))
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT_S):
                await session.state_changes.heartbeat_due.wait()
