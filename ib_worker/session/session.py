"""Contains the session that handlers use: its accounts, the known state, and the requests to TWS."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.bus.controls.connection_target import ConnectionTarget
from bridge.bus.records.client_orders import ClientOrders
from bridge.tool import ToolError
from bridge.tools.session import SessionStatus
from ib_worker import __version__
from ib_worker.account.live_portfolio import LivePortfolio
from ib_worker.account.position_profits import PositionProfits
from ib_worker.account.positions import Positions
from ib_worker.account.updates import AccountUpdates
from ib_worker.account_history.recorder import HistoryRecorder
from ib_worker.audit.kill_switch import KillSwitch
from ib_worker.audit.order_history import OrderHistoryReader
from ib_worker.audit.refused_calls import RefusedCalls
from ib_worker.audit.trail import AuditTrail
from ib_worker.candles.live_candles import LiveCandles
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
from ib_worker.pacing.long_work import LongWork
from ib_worker.pacing.message_pacer import Priority
from ib_worker.pacing.subscription_places import SubscriptionPlaces
from ib_worker.pacing.symbol_search import SymbolSearch
from ib_worker.publisher import Publisher
from ib_worker.risk.approvals import Approvals
from ib_worker.risk.circuit_breakers import CircuitBreakers
from ib_worker.risk.confirmation_tokens import ConfirmationTokens
from ib_worker.risk.limit_settings import Limits
from ib_worker.risk.trading_mode import may_trade, require_tradable_account
from ib_worker.session.read_caches import ReadCaches
from ib_worker.session.telemetry import Telemetry
from ib_worker.session_state.announcements import Announcements
from ib_worker.session_state.broker_link import BrokerLink
from ib_worker.session_state.connection_control import ConnectionControl
from ib_worker.session_state.gateway_clock import GatewayClock
from ib_worker.session_state.recent_callers import RecentCallers
from ib_worker.session_state.redis_condition import RedisCondition
from ib_worker.session_state.state import StateTracker
from ib_worker.session_state.state_changes import StateChanges
from ib_worker.settings import WorkerSettings
from ib_worker.tws.client import OrderIds, TwsClient
from ib_worker.tws.endpoint import Endpoint
from ib_worker.tws.fencing import ConnectionFence
from ib_worker.tws.requests import PendingRequests
from ib_worker.watches.table import WatchTable

MOST_SCANNERS = 5  # of the ten that TWS allows each client, since it counts one until its cancel arrives


def utcnow() -> datetime:
    return datetime.now(UTC)


ALL_ACCOUNTS = "ALL"  # as TWS's own requests call every account, with or without capitals
SIMULATOR = "simulator"  # the farm that the simulator names beside those of a real gateway
StoreTarget = Callable[[ConnectionTarget], Awaitable[None]]  # raises BusError


@dataclass(frozen=True)
class Services:
    """The services of one term of leadership, which the leader builds over the term's bus."""

    audit: AuditTrail
    approvals: Approvals
    tokens: ConfirmationTokens
    history: OrderHistoryReader
    refusals: RefusedCalls
    breakers: CircuitBreakers
    kill_switch: KillSwitch
    watches: WatchTable
    past: HistoryRecorder
    clients: ClientAdmission
    client_orders: ClientOrders


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
        self.guard = guard
        self.services = services
        self.store_target = store_target
        self.telemetry = Telemetry()
        self.redis = RedisCondition()
        self.callers = RecentCallers()
        self.clock = GatewayClock(utcnow)
        self.state_changes = StateChanges()
        self.state = StateTracker(*settings.gateway, settings.gateway_client_id, utcnow, self.state_changes.add)
        self.state_changes.begin(self.state.standing)
        self.link = BrokerLink()
        self.announcements = Announcements()
        self.tws = self._tws_client(order_ids)
        self.connection = self._connection_control()
        self.accounts: list[str] = []
        self.nextValidId = 0  # as the gateway told it when this connection was made
        self.history_pacer = self._history_pacer()
        self.positions = Positions()
        self.orders = self._order_view()
        self.quotes, self.depth, self.feeds = self._market_data()
        self.scanners = SubscriptionPlaces(MOST_SCANNERS, "scanner subscriptions")
        self.account_updates = AccountUpdates(self.tws.pacer, publisher, self.now)
        self.position_profits = PositionProfits(self.tws.ask_pnl_single, self.now, lambda: self.tws.wire)
        self.live_candles = self._live_candles()
        self.live_portfolio = self._live_portfolio()
        self.contracts = self._contract_resolver()
        self.option_chains = OptionChains(self.tws.option_parameters, time.monotonic)
        self.symbols = SymbolSearch(self.tws.matching_symbols, time.monotonic)
        self.caches = ReadCaches(self._told_so_far)
        self.long_work = LongWork()
        self._order_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def _tws_client(self, order_ids: OrderIds) -> TwsClient:
        timing = self.order_timing
        return TwsClient(
            self.settings.gateway_messages_per_s,
            order_ids,
            lambda: self.orders.tracker.highest_id,
            lambda: self.state.standing.error(),
            PendingRequests(timing.request_late_s, timing.error_grace_s),
            timing.shared_request_s,
        )

    def _connection_control(self) -> ConnectionControl:
        return ConnectionControl(
            self.settings.gateway, self.state, lambda: self.tws.wire is not None, self.announcements.forget, utcnow
        )

    def _history_pacer(self) -> HistoryPacer[Any]:
        """Return the pacer of answers as the handler encodes them."""
        return HistoryPacer(
            time.monotonic,
            lambda: self.now().timestamp(),
            lambda: (self.tws.wire, self.link.losses, self.link.breaks),
        )

    def _order_view(self) -> OrderView:
        listeners = (self.services.audit.record, self.services.breakers.observe)
        client_id, looks_apart_s = self.settings.gateway_client_id, self.order_timing.looks_apart_s
        return OrderView(OrderTracker(client_id, listeners, self.positions.filled, looks_apart_s))

    def _market_data(self) -> tuple[QuoteSubscriptions, SubscriptionPlaces, LiveFeeds]:
        """Return the quotes, the places of market depth, and the live feeds, which share TWS's market-data lines."""
        pacer, lines = self.tws.pacer, self.settings.market_data_lines
        quotes = QuoteSubscriptions(pacer, self.publisher, lines, self.now, self.order_timing.error_grace_s)
        depth = SubscriptionPlaces(depth_lines(lines), "market-depth subscriptions")
        take_turn = self.history_pacer.take_turn
        feeds = LiveFeeds(pacer, self.publisher, quotes.require_line, depth, self.now, take_turn)
        quotes.others = feeds.__len__
        return quotes, depth, feeds

    def _live_candles(self) -> LiveCandles:
        """Return the candles, which count as market-data lines as the live feeds do."""
        take_turn, connection = self.history_pacer.take_turn, lambda: (self.tws.wire, self.link.losses)
        candles = LiveCandles(self.tws, self.quotes.require_line, take_turn, self.now, connection)
        self.quotes.others = lambda: len(self.feeds) + len(candles)
        return candles

    def _live_portfolio(self) -> LivePortfolio:
        return LivePortfolio(self.tws, self.positions, self.now, lambda: (self.tws.wire, self.link.losses))

    def _contract_resolver(self) -> ContractResolver:
        return ContractResolver(
            self.tws.contract_details, time.monotonic, lambda: not self.tws.pacer.waiting(Priority.READS)
        )

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
        await self.state_changes.until_ready()

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

    def now(self) -> datetime:
        """Return the time for answers, as GatewayClock tells it."""
        return self.clock.now()

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
            since=now.since + self.clock.ahead,
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
            recent_clients=self.callers.names(),
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


def _either(names: list[str]) -> str:
    return ", ".join(names) or "none"
