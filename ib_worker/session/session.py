"""Contains the session that handlers use: its accounts, the known state, and the requests to TWS."""

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.bus.controls.connection_target import ConnectionTarget
from bridge.bus.integrity.durability import Durability
from bridge.bus.records.client_orders import ClientOrders
from bridge.metrics.figures import CallFigures
from bridge.tool import ToolError
from bridge.tools.session import SessionStatus
from bridge.tracing.spans import Tracer
from ib_worker import __version__
from ib_worker.account.exchange_rates import AccountRates
from ib_worker.account.live_portfolio import LivePortfolio
from ib_worker.account.position_profits import PositionProfits
from ib_worker.account.positions import Positions
from ib_worker.account.updates import AccountUpdates
from ib_worker.account_history.recorder import HistoryRecorder
from ib_worker.answers.kept_answers import KeptAnswers
from ib_worker.audit.kill_switch import KillSwitch
from ib_worker.audit.order_history import OrderHistoryReader
from ib_worker.audit.trail import AuditTrail
from ib_worker.client_rights.accounts import AccountSet, own_accounts, require_own_account
from ib_worker.client_rights.admission import ClientAdmission
from ib_worker.client_rights.current import current_rights
from ib_worker.client_rights.limits import limits_of_client
from ib_worker.market_data.contracts import ContractResolver
from ib_worker.market_data.depth_book import depth_lines
from ib_worker.market_data.live_feeds import LiveFeeds
from ib_worker.market_data.option_chains import OptionChains
from ib_worker.market_data.subscriptions import QuoteSubscriptions
from ib_worker.orders.timing import USUAL, OrderTiming
from ib_worker.orders.tracker import OrderTracker
from ib_worker.orders.view import OrderView
from ib_worker.pacing.history_pacer import HistoryPacer
from ib_worker.pacing.long_lists import LongList
from ib_worker.pacing.long_work import LongWork
from ib_worker.pacing.message_pacer import Priority
from ib_worker.pacing.reference_data import ReferenceData
from ib_worker.pacing.subscription_places import SubscriptionPlaces
from ib_worker.pacing.symbol_search import SymbolSearch
from ib_worker.publisher import Publisher
from ib_worker.risk.approvals import Approvals
from ib_worker.risk.circuit_breakers import CircuitBreakers
from ib_worker.risk.confirmation_tokens import ConfirmationTokens
from ib_worker.risk.limit_settings import Limits
from ib_worker.risk.trading_mode import may_trade, require_tradable_account
from ib_worker.session import state as standing
from ib_worker.session.announcements import Announcements
from ib_worker.session.broker_link import BrokerLink
from ib_worker.session.state import SessionState, StateReason, StateTracker
from ib_worker.settings import WorkerSettings
from ib_worker.tws.client import OrderIds, TwsClient
from ib_worker.tws.endpoint import Endpoint
from ib_worker.tws.fencing import ConnectionFence
from ib_worker.tws.requests import PendingRequests
from ib_worker.watches.table import WatchTable

KEPT_STATES = 200  # that wait to be written into the event log while Redis is away
MOST_SCANNERS = 5  # of the ten that TWS allows each client, since it counts one until its cancel arrives
RECENT_S = 60.0  # who has called within this time is using the session
MOST_CALLERS = 100  # whose last call is remembered


def utcnow() -> datetime:
    return datetime.now(UTC)


ALL_ACCOUNTS = "ALL"  # as TWS's own requests call every account, with or without capitals
SIMULATOR = "simulator"  # the farm that the simulator names beside those of a real gateway
StoreTarget = Callable[[ConnectionTarget], Awaitable[None]]  # raises BusError


@dataclass(frozen=True)
class CallerActivity:
    """A caller's last call, by a clock that nobody sets, and the number of its calls."""

    at: float
    operation: str
    calls: int


@dataclass(frozen=True)
class Services:
    """The services of one term of leadership, which the leader builds over the term's bus."""

    audit: AuditTrail
    approvals: Approvals
    tokens: ConfirmationTokens
    history: OrderHistoryReader
    breakers: CircuitBreakers
    kill_switch: KillSwitch
    watches: WatchTable
    past: HistoryRecorder
    clients: ClientAdmission
    client_orders: ClientOrders


class ConnectionControl:
    """The wanted gateway, and whether a connection is wanted: ibkr_connect and ibkr_disconnect set both, and
    ConnectionLoop acts on them."""

    def __init__(
        self,
        target: Endpoint,
        state: StateTracker,
        is_connected: Callable[[], bool],
        target_changed: Callable[[], None],
    ) -> None:
        self.target = target
        self.wanted = asyncio.Event()
        self.wanted.set()
        self.stop = asyncio.Event()  # the present connection is to end
        self.wake = asyncio.Event()  # the pause between attempts is to end
        self._state = state
        self._is_connected = is_connected
        self._target_changed = target_changed
        self._waiting: list[asyncio.Future[None]] = []  # for the present attempt to end
        self.lent_until: datetime | None = None  # to a person, who uses the login elsewhere
        self._returns: asyncio.TimerHandle | None = None

    async def connect(self, target: Endpoint) -> None:
        """Want this gateway, start an attempt if none is in progress, and return when the attempt has succeeded or
        failed."""
        same = target == self.target
        if same and self._is_connected() and self._state.standing.state in ("ready", "link_down"):
            return
        if not same:
            self._point_at(target)
            self._target_changed()
            self.stop.set()
        if not same or not self.wanted.is_set():
            self._state.set(standing.STARTING)
        self.wanted.set()
        self.wake.set()
        tried = asyncio.get_running_loop().create_future()
        self._waiting.append(tried)
        await tried

    def disconnect(self, caller: str) -> None:
        self._leave(standing.ASKED, caller)

    def _leave(self, reason: StateReason, detail: str) -> None:
        self.wanted.clear()
        self.stop.set()
        self.wake.set()
        self._state.set(reason, detail)
        self.attempt_ended()

    def lend(self, by: str, until: datetime) -> None:
        """Disconnect, and connect again at that time."""
        self.end_loan()
        self._leave(standing.LENT, f"{by}, until {until:%Y-%m-%d %H:%M} UTC")
        self.lent_until = until
        wait_s = max((until - utcnow()).total_seconds(), 0.0)
        self._returns = asyncio.get_running_loop().call_later(wait_s, self._return)

    def end_loan(self) -> None:
        """Let clients connect the session again."""
        self.lent_until = None
        if self._returns is not None:
            self._returns.cancel()
            self._returns = None

    def _return(self) -> None:
        self.end_loan()
        self._state.set(standing.STARTING)
        self.wanted.set()
        self.wake.set()

    def begin_as(self, stored: ConnectionTarget, allowed: Collection[Endpoint]) -> None:
        """Restore the target that ibkr_connect or ibkr_disconnect set, before the loop runs. Ignore a gateway that is
        no longer allowed."""
        target = Endpoint(stored.host, stored.port)
        until = datetime.fromtimestamp(stored.until_ms / 1000, UTC) if stored.until_ms else None
        if until is not None:
            if until > utcnow():
                self.lend(stored.by, until)
        elif not stored.host:
            self.disconnect(stored.by)
        elif target in allowed:
            self._point_at(target)
            self._state.set(standing.STARTING)

    def attempt_ended(self) -> None:
        """Wake the callers that wait in `connect`."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    def _point_at(self, target: Endpoint) -> None:
        self.target = target
        self._state.host, self._state.port = target


class Session:
    """One login: its state, its accounts, and the parts that keep the data of TWS."""

    def __init__(
        self,
        settings: WorkerSettings,
        worker: str,
        publisher: Publisher,
        order_ids: OrderIds,
        services: Services,
        guard: ConnectionFence | None = None,
        store_target: StoreTarget | None = None,
        order_timing: OrderTiming = USUAL,
    ) -> None:
        """Build the session. Without a lease there is no `guard`, and without a bus no `store_target`: then no target
        is stored."""
        self.settings = settings
        self.order_timing = order_timing
        self.publisher = publisher
        self.worker = worker
        self.state = StateTracker(*settings.gateway, settings.gateway_client_id, utcnow, self._standing_changed)
        self.news = asyncio.Event()  # the standing has changed; the heartbeat clears it
        self.new_states: deque[SessionState] = deque([self.state.standing], KEPT_STATES)  # not in the event log yet
        self.new_state = asyncio.Event()
        self.new_state.set()
        self._ready = asyncio.Event()
        self.link = BrokerLink()
        self.announcements = Announcements()
        self.tws = TwsClient(
            settings.gateway_messages_per_s,
            order_ids,
            lambda: self.orders.tracker.highest_id,
            lambda: self.state.standing.error(),
            PendingRequests(order_timing.request_late_s, order_timing.error_grace_s),
            order_timing.shared_request_s,
        )
        self.connection = ConnectionControl(
            settings.gateway, self.state, lambda: self.tws.wire is not None, self.announcements.forget
        )
        self.guard = guard
        self.services = services
        self.figures: CallFigures | None = None  # where metrics are served
        self.tracer: Tracer | None = None  # where traces are sent
        self.pushes: Counter[tuple[str, str]] = Counter()  # by target and outcome: sent, failed, given_up
        self.store_target = store_target
        self.counted_ids: int | None = None  # the highest orderId that Redis knew of when this term began
        self.durability: Durability | None = None  # what Redis keeps, as last looked at
        self.data_loss: str | None = None  # what Redis was found to lack, until the operator resumes
        self.halted_for_loss = False
        self.accounts: list[str] = []
        self.nextValidId = 0  # as the gateway told it when this connection was made
        self.history_pacer: HistoryPacer[Any] = HistoryPacer(  # of answers as the handler encodes them
            time.monotonic,
            lambda: self.now().timestamp(),
            lambda: (self.tws.wire, self.link.losses, self.link.breaks),
        )
        self.positions = Positions()
        listeners = (services.audit.record, services.breakers.observe)
        self.orders = OrderView(
            OrderTracker(settings.gateway_client_id, listeners, self.positions.filled, order_timing.looks_apart_s)
        )
        self.quotes = QuoteSubscriptions(
            self.tws.pacer, publisher, settings.market_data_lines, self.now, order_timing.error_grace_s
        )
        self.depth = SubscriptionPlaces(depth_lines(settings.market_data_lines), "market-depth subscriptions")
        self.feeds = LiveFeeds(
            self.tws.pacer, publisher, self.quotes.require_line, self.depth, self.now, self.history_pacer.take_turn
        )
        self.quotes.others = self.feeds.__len__
        self.account_updates = AccountUpdates(self.tws.pacer, publisher, self.now)
        self.position_profits = PositionProfits(self.tws.ask_pnl_single, self.now, lambda: self.tws.wire)
        self.live_portfolio = LivePortfolio(
            self.tws, self.positions, self.now, lambda: (self.tws.wire, self.link.losses)
        )
        self.account_rates: dict[str, tuple[float, AccountRates]] = {}  # by account, and when they were read
        self.ahead = timedelta(0)  # of this machine's clock, where the gateway lives at another date
        self.gateway_clock = (float("-inf"), 0.0)  # when it was read, and how many seconds it is ahead
        self.server_time = (float("-inf"), 0.0)  # the same, by TWS's last answer alone
        self.market_rules: dict[int, tuple[float, tuple[tuple[float, float], ...]]] = {}  # until when, and what
        self.contracts = ContractResolver(
            self.tws.contract_details, time.monotonic, lambda: not self.tws.pacer.waiting(Priority.READS)
        )
        self.option_chains = OptionChains(self.tws.option_parameters, time.monotonic)
        self.symbols = SymbolSearch(self.tws.matching_symbols, time.monotonic)
        self.daily_pnl: dict[
            str, tuple[float, float | None]
        ] = {}  # by account: when asked for an order, and the figure
        self.long_work = LongWork()
        self.kept_answers = KeptAnswers()
        self.executions: LongList[Any] = LongList(time.monotonic, self._told_so_far)
        self.completed_orders: LongList[Any] = LongList(time.monotonic, self._told_so_far)
        self.scanners = SubscriptionPlaces(MOST_SCANNERS, "scanner subscriptions")
        self.reference_data = ReferenceData(time.monotonic)
        self._order_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._callers: dict[str, CallerActivity] = {}

    async def close(self) -> None:
        self.connection.end_loan()
        parts = (self.tws, self.contracts, self.symbols, self.option_chains, self.history_pacer)
        for each in (*parts, self.depth, self.scanners):
            await each.close()
        self.long_work.close()

    # who and where

    @property
    def target(self) -> Endpoint:
        """Return the wanted gateway."""
        return self.connection.target

    @property
    def clientId(self) -> int:  # noqa: N802  # TWS's own spelling
        return self.settings.gateway_client_id

    def require_ready(self) -> None:
        if not self.state.standing.ready:
            raise self.state.standing.error()

    async def until_ready(self) -> None:
        await self._ready.wait()

    def account(self, named: str | None) -> str:
        """Return the account that a call names, or the only one of its client. Raises ToolError wrong_account,
        account_required, or forbidden where the client has no right to it."""
        known = own_accounts(self.accounts)
        if named is not None and named not in self.accounts:
            raise ToolError(
                "wrong_account", f"account: this login has no {named}. It has {_either(known)}.", accounts=known,
            )  # fmt: skip
        if named is not None or (self.accounts and not known):
            require_own_account(named)
        if named is None and len(known) != 1:
            raise ToolError(
                "account_required", f"account: this login has several. Name one: {_either(known)}.", accounts=known,
            )  # fmt: skip
        return named or known[0]

    def account_set(self, named: str | None) -> AccountSet:
        """Return the accounts that a call means: all of its client where it names none, or ALL. Raises ToolError
        wrong_account or forbidden."""
        whole = named is None or named.upper() == ALL_ACCOUNTS
        return AccountSet(None if whole else self.account(named), current_rights())

    @property
    def limits(self) -> Limits:
        """Return the limits in force for this call: the operator's, or its client's own where they are tighter."""
        return limits_of_client(self.settings.effective_limits)

    def require_tradable(self, account: str | None) -> str:
        """Return the account if the trading mode and the client's rights allow orders there. Raises ToolError
        read_only, wrong_account or forbidden."""
        require_own_account(account)
        return require_tradable_account(self.settings.trading_mode, self.settings.live_accounts, account)

    def may_trade(self, account: str | None) -> bool:
        is_own = current_rights().has_account(account or "")
        return is_own and may_trade(self.settings.trading_mode, self.settings.live_accounts, account)

    def order_lock(self, account: str) -> asyncio.Lock:
        """Return the lock that is held from the check of an order until its frame or its rejection: two orders checked
        at the same time would each pass a limit that both together break."""
        return self._order_locks[account]

    def note_caller(self, caller: str, operation: str) -> None:
        """Note who calls, and what."""
        before = self._callers.pop(caller, None)
        self._callers[caller] = CallerActivity(time.monotonic(), operation, before.calls + 1 if before else 1)
        while len(self._callers) > MOST_CALLERS:
            del self._callers[next(iter(self._callers))]

    def recent_clients(self, beside: str | None = None) -> list[str]:
        since = time.monotonic() - RECENT_S
        return [name for name, did in self._callers.items() if name != beside and did.at >= since]

    def client_activity(self) -> list[tuple[str, str, int, int]]:
        """Return name, last operation, seconds since, and calls of each caller of this term, the latest first."""
        now = time.monotonic()
        return [(name, did.operation, round(now - did.at), did.calls) for name, did in reversed(self._callers.items())]

    def now(self) -> datetime:
        """Return the time for answers: all times of an answer are of one clock. That is the clock of the gateway if its
        date differs from this machine's, as in a simulator."""
        return utcnow() + self.ahead

    @property
    def simulated(self) -> bool:
        return SIMULATOR in self.link.farms

    def status(self) -> SessionStatus:
        """Return the status without its `concerns`."""
        now = self.state.standing
        return SessionStatus(
            is_connected=now.ready,
            state=now.state,
            cause=now.cause,
            remedy=now.remedy,
            since=now.since + self.ahead,
            simulated=self.simulated,
            gateway_time=self.now() if self.tws.wire else None,
            host=self.target.host,
            port=self.target.port,
            clientId=self.clientId,
            serverVersion=self.tws.wire.serverVersion() or None if self.tws.wire else None,
            accounts=self.accounts,
            mode=self.settings.trading_mode,
            worker=self.worker,
            worker_version=__version__,
            market_data_lines=len(self.quotes),
            farms=self.link.farms,
            recent_clients=self.recent_clients(),
            as_of=dict(self.orders.as_of),
            waiting={lane.name.lower(): count for lane in Priority if (count := self.tws.pacer.waiting(lane))},
        )

    def abandoned(self, stream: str) -> None:
        """Close a stream that has no listener."""
        self.quotes.abandoned(stream)
        self.account_updates.abandoned(stream)
        self.feeds.abandoned(stream)

    def _told_so_far(self) -> Hashable:
        """Return a value that changes when a list of orders or executions may be incomplete, after a message of this or
        another connection."""
        return self.tws.wire, self.link.losses, self.orders.misread, self.positions.moved_by_others

    def _standing_changed(self, new: SessionState) -> None:
        self.news.set()
        self.new_states.append(new)
        self.new_state.set()
        if new.ready:
            self._ready.set()
        else:
            self._ready.clear()


def _either(names: list[str]) -> str:
    return ", ".join(names) or "none"
