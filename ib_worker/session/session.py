"""The session as handlers see it: whom it is connected to, what it knows, and how TWS is asked."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Protocol, TypeVar

import ib_async
import structlog

from bridge.bus.controls.connection_target import ConnectionTarget
from bridge.bus.integrity.durability import Durability
from bridge.tool import ToolError
from bridge.tools.account import PnL
from bridge.tools.session import SessionStatus
from bridge.tools.types import OrderNameArguments
from ib_worker import __version__
from ib_worker.account.positions import Positions
from ib_worker.account.updates import AccountUpdates
from ib_worker.audit.kill_switch import KillSwitch
from ib_worker.audit.order_history import OrderHistoryReader
from ib_worker.audit.trail import AuditTrail
from ib_worker.handlers.answer_bounds import LongWork
from ib_worker.market_data.contracts import ContractResolver
from ib_worker.market_data.subscriptions import Publisher, QuoteSubscriptions
from ib_worker.order_identity.order_name import order_named
from ib_worker.orders.events import Terms
from ib_worker.orders.messages import OrderMessageHandler
from ib_worker.orders.tracker import OrderTracker, TrackedOrder
from ib_worker.pacing.caller import SESSION, acting_for
from ib_worker.pacing.history_pacer import HistoryPacer
from ib_worker.pacing.long_lists import LongList
from ib_worker.pacing.message_pacer import MessagePacer, Priority
from ib_worker.pacing.single_flight import SingleFlight
from ib_worker.risk.approvals import Approvals
from ib_worker.risk.circuit_breakers import CircuitBreakers
from ib_worker.risk.confirmation_tokens import ConfirmationTokens
from ib_worker.risk.exchange_rates import AccountRates
from ib_worker.risk.trading_mode import may_trade, require_tradable_account
from ib_worker.session.announcements import Announcements
from ib_worker.session.broker_link import BrokerLink
from ib_worker.session.state import SessionState, StateTracker
from ib_worker.settings import Endpoint, WorkerSettings
from ib_worker.tws.connection import TwsConnection
from ib_worker.tws.errors import ConnectionLost
from ib_worker.tws.fencing import ConnectionFence
from ib_worker.tws.requests import PATIENCE_S, Keep, PendingRequests
from ib_worker.tws.values import convert

REQUEST_S = 15.0  # of a request that several share; a caller's own deadline is usually shorter
FIGURE_S = 2.0  # TWS may tell a profit and loss before it has computed one, and the figures a second later
RECENT_S = 60.0  # who has called within this time is using the session

log = structlog.get_logger("ib_worker.session.session")

T = TypeVar("T")
Send = Callable[[Any, int], None]  # the wire (ib_async's client is not annotated) and the request's id
SendKind = Callable[[Any], None]
OrderIds = Callable[[int], Awaitable[int]]  # a fresh orderId, not below the one given


def utcnow() -> datetime:
    return datetime.now(UTC)


class ConnectionControl(Protocol):
    """The owner of the connection, which opens and closes it."""

    async def connect(self, target: Endpoint) -> None:
        """Want this gateway, and return when the session is ready or the attempt has failed."""

    def disconnect(self, caller: str) -> None: ...


SIMULATOR = "simulator"  # the farm that the simulator names beside those of a real gateway
KeepSteered = Callable[[ConnectionTarget], Awaitable[None]]  # raises BusError


class Session:
    """One login. `wire` is None while there is no connection; `lifecycle` alone sets it."""

    def __init__(self, settings: WorkerSettings, worker: str, publisher: Publisher, order_ids: OrderIds) -> None:
        self.settings = settings
        self.worker = worker
        self.order_ids = order_ids
        self.target = settings.gateway
        self.record = StateTracker(*self.target, settings.gateway_client_id, utcnow)
        self.record.changed = self._standing_changed
        self.news = asyncio.Event()  # the standing has changed; the heartbeat clears it
        self._ready = asyncio.Event()
        self.link = BrokerLink()
        self.announcements = Announcements()
        self.wire: TwsConnection | None = None
        self.guard: ConnectionFence | None = None  # without a lease there is nothing to guard
        self.steering: ConnectionControl
        self.audit: AuditTrail  # these come with a term of leadership
        self.approvals: Approvals
        self.tokens: ConfirmationTokens
        self.switch: KillSwitch
        self.lives: OrderHistoryReader
        self.wires = CircuitBreakers(settings.wires.in_force(settings.trading_mode))
        self.keep_steered: KeepSteered | None = None  # without a bus nothing is remembered
        self.counted_ids: int | None = None  # the highest orderId that Redis knew of when this term began
        self.durability: Durability | None = None  # what Redis keeps, as last looked at
        self.data_loss: str | None = None  # what Redis was found to lack, until the operator resumes
        self.halted_for_loss = False
        self.accounts: list[str] = []
        self.nextValidId = 0  # as the gateway told it when this connection was made
        self.as_of: dict[str, datetime] = {}  # when TWS has last told all of something
        self.orders_readable = True  # False: the gateway's API is read-only, and tells of no orders
        self.unread: set[str] = set()  # types of messages that could not be decoded since the state was last read
        self.misread = 0  # messages that could not be decoded, and would have shown an order
        self.looked_at = float("-inf")  # when the latest look ended, by a clock that nobody sets
        self.looked_from: datetime | None = None  # when the latest look that counts began
        self.read_whole = False  # the look of the latest synchronization counts
        self.requests = PendingRequests()
        self.pacer = MessagePacer(time.monotonic, settings.gateway_messages_per_s)
        self.history: HistoryPacer[list[str]] = HistoryPacer(time.monotonic)
        self.numbering = asyncio.Lock()  # held from a fresh orderId to its frame: TWS wants them in order
        self.ledger = OrderTracker(settings.gateway_client_id)
        self.unsettled: set[str] = set()  # orderRefs that an earlier leader may have sent: neither found nor not yet
        self.order_messages = OrderMessageHandler(self.ledger, utcnow)
        self.holdings = Positions()
        self.ledger.filled = self._filled
        self.lines = QuoteSubscriptions(self.pacer, publisher, settings.market_data_lines, self.now)
        self.account_updates = AccountUpdates(self.pacer, publisher, self.now)
        self.account_rates: dict[str, tuple[float, AccountRates]] = {}  # by account, and when they were read
        self.ahead = timedelta(0)  # of this machine's clock, where the gateway lives at another date
        self.gateway_clock = (float("-inf"), 0.0)  # when it was read, and how many seconds it is ahead
        self.market_rules: dict[int, tuple[float, tuple[tuple[float, float], ...]]] = {}  # until when, and what
        self.contracts = ContractResolver(
            self._fetch_details, time.monotonic, lambda: not self.pacer.waiting(Priority.READS)
        )
        self.daily_pnl: dict[
            str, tuple[float, float | None]
        ] = {}  # by account: when asked for an order, and the figure
        self.long_work = LongWork()
        self.executions: LongList[Any] = LongList(time.monotonic, self._told_so_far)
        self.completed_orders: LongList[Any] = LongList(time.monotonic, self._told_so_far)
        self._flights = SingleFlight()
        self._locks: defaultdict[Hashable, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._callers: dict[str, float] = {}

    async def close(self) -> None:
        for each in (self._flights, self.contracts, self.history):
            await each.close()
        self.long_work.close()

    # who and where

    @property
    def clientId(self) -> int:  # noqa: N802  # TWS's own spelling
        return self.settings.gateway_client_id

    def require_ready(self) -> None:
        if not self.record.standing.ready:
            raise self.record.standing.error()

    def require_whole(self, what: str, types: frozenset[str]) -> None:
        """Refuse to answer as if the data were complete while a message of theirs could not be decoded."""
        if self.unread & types:
            raise ToolError(
                "not_ready",
                f"A message of the gateway about {what} could not be decoded, so they are not known in full. The "
                "worker reads them again by itself. If this persists, restart the gateway.",
            )

    async def until_ready(self) -> None:
        await self._ready.wait()

    def require_connection(self) -> TwsConnection:
        """The gateway, though it may have lost IBKR's servers. Raises ToolError, or LinkLost if it broke just now."""
        if self.wire is None:
            raise self.record.standing.error()
        if self.wire.lost.done():
            raise ConnectionLost(self.wire.lost.result())
        return self.wire

    async def fresh_order_id(self) -> int:
        """Above each that TWS has named or refused, that an earlier worker has used, and that a request has. Raises
        ToolError or LinkLost."""
        wire = self.require_connection()
        wire.skip_ids(self.order_messages.highest)
        orderId = await self.order_ids(wire.getReqId())
        self.require_connection().skip_ids(orderId)  # it may be another connection by now
        return orderId

    def account(self, named: str | None) -> str:
        """The account a call is about: the one it names, or the only one."""
        if named is not None and named not in self.accounts:
            raise ToolError(
                "wrong_account", f"account: this login has no {named}. It has {_either(self.accounts)}.",
                accounts=self.accounts,
            )  # fmt: skip
        if named is None and len(self.accounts) != 1:
            raise ToolError(
                "account_required", f"account: this login has several. Name one: {_either(self.accounts)}.",
                accounts=self.accounts,
            )  # fmt: skip
        return named or self.accounts[0]

    def tradable(self, account: str | None) -> str:
        """The account, if this worker's mode lets orders go there. Raises ToolError read_only or wrong_account."""
        return require_tradable_account(self.settings.trading_mode, self.settings.live_accounts, account)

    def may_trade(self, account: str | None) -> bool:
        return may_trade(self.settings.trading_mode, self.settings.live_accounts, account)

    def find_order(self, orderId: int, named: OrderNameArguments) -> TrackedOrder | None:
        """The order that a call names, wherever it was placed; an orderId is this session's own. Raises ToolError
        not_ready while it is not settled whether IBKR has the order, or invalid_arguments where it names several."""
        return order_named(self.ledger, self.unsettled, orderId, named)

    def placing(self, account: str) -> asyncio.Lock:
        """Held from the moment in which an order is checked until it is written or refused: orders that are checked at
        the same time would each pass the limit that they break together."""
        return self._locks["placing", account]

    def called(self, caller: str) -> None:
        self._callers.pop(caller, None)
        self._callers[caller] = time.monotonic()

    def recent_clients(self, beside: str | None = None) -> list[str]:
        since = time.monotonic() - RECENT_S
        self._callers = {name: at for name, at in self._callers.items() if at >= since}
        return [name for name in self._callers if name != beside]

    def now(self) -> datetime:
        """Return the time for what is told to callers: all times of an answer are of one clock, the gateway's own where
        that lives at another date, as a simulator does."""
        return utcnow() + self.ahead

    @property
    def simulated(self) -> bool:
        return SIMULATOR in self.link.farms

    def status(self) -> SessionStatus:
        """Without what `concerns` adds."""
        standing = self.record.standing
        return SessionStatus(
            is_connected=standing.ready,
            state=standing.state,
            cause=standing.cause,
            remedy=standing.remedy,
            since=standing.since + self.ahead,
            simulated=self.simulated,
            gateway_time=self.now() if self.wire else None,
            host=self.target.host,
            port=self.target.port,
            clientId=self.clientId,
            serverVersion=self.wire.serverVersion() or None if self.wire else None,
            accounts=self.accounts,
            mode=self.settings.trading_mode,
            worker=self.worker,
            worker_version=__version__,
            market_data_lines=len(self.lines),
            farms=self.link.farms,
            recent_clients=self.recent_clients(),
            as_of=dict(self.as_of),
            waiting={lane.name.lower(): count for lane in Priority if (count := self.pacer.waiting(lane))},
        )

    def abandoned(self, stream: str) -> None:
        """Nobody listens to a stream any more."""
        self.lines.abandoned(stream)
        self.account_updates.abandoned(stream)

    def _told_so_far(self) -> Hashable:
        """Changes when a list of orders or executions may lack something that came over this connection or another."""
        return self.wire, self.link.losses, self.misread, self.holdings.moved_by_others

    def _filled(self, terms: Terms, more: Decimal) -> None:
        signed = more if terms.action == "BUY" else -more
        self.holdings.filled(terms.account or "", terms.contract.conId, signed)

    def _standing_changed(self, standing: SessionState) -> None:
        self.news.set()
        if standing.ready:
            self._ready.set()
        else:
            self._ready.clear()

    # asking TWS

    async def ask(
        self,
        send: Send,
        *,
        lane: Priority = Priority.READS,
        cancel: Send | None = None,
        subscription: bool = False,
        patience_s: float = PATIENCE_S,
        settled_s: float | None = None,
    ) -> Any:
        """Send a request and wait for its whole answer; the caller keeps the deadline.

        `patience_s` is how long an answer is awaited after a warning: less than the caller's own deadline. `settled_s`:
        after so long the latest part is the answer, if one has come.

        `cancel` goes out if the answer is given up, and always for a subscription, of which only the first is wanted.
        Raises RequestRefused, LinkLost, or ToolError if there is no connection.
        """
        await self.pacer.turn(lane)
        wire = self.require_connection()
        reqId = self._free_id(wire)
        with self.requests.expect(reqId, patience_s=patience_s) as pending:
            send(wire, reqId)
            log.debug("request_sent", request=reqId)
            try:
                return await (pending.answer if settled_s is None else pending.settled(settled_s))
            finally:
                answered = pending.answer.done() and not pending.answer.cancelled()
                if cancel is not None and (subscription or not answered):
                    self.pacer.post(lane, partial(_cancel, wire, reqId, cancel))

    def _free_id(self, wire: TwsConnection) -> int:
        """The next request id that nobody waits on: a what-if waits under an order's id, which Redis gives out."""
        while (reqId := wire.getReqId()) in self.requests:
            pass
        return reqId

    async def ask_kind(
        self,
        kind: str,
        send: SendKind,
        version: Hashable = None,
        silence_s: float = REQUEST_S,
        keep: Keep | None = None,
    ) -> Any:
        """The same for what TWS answers without an id: one under way, shared by all who want the same version of it.

        Raises TimeoutError when nothing has come for `silence_s`. `keep` says what is kept of each part, for who needs
        little of an answer that may be long.
        """
        return await self.share_at_length((kind, version, keep), lambda: self._ask_kind(kind, send, silence_s, keep))

    async def _ask_kind(self, kind: str, send: SendKind, silence_s: float, keep: Keep | None) -> Any:
        async with self._locks[kind]:
            await self.requests.none_late(kind)
            await self.pacer.turn(Priority.READS)
            wire = self.require_connection()
            with self.requests.expect(kind, keep) as pending:
                send(wire)
                log.debug("request_sent", request=kind)
                try:
                    return await pending.whole(silence_s)
                except TimeoutError:
                    self.requests.given_up(kind)
                    raise

    async def tell(self, send: SendKind, lane: Priority = Priority.READS) -> None:
        """Send what has no answer of its own."""
        await self.pacer.turn(lane)
        send(self.require_connection())

    async def ask_executions(self, silence_s: float = REQUEST_S, keep: Keep | None = None) -> list[Any]:
        """Every fill since midnight, of every client: of each a Listed, or what `keep` makes of it. Raises TimeoutError
        when nothing has come for `silence_s`."""
        await self.pacer.turn(Priority.READS)
        wire = self.require_connection()
        reqId = self._free_id(wire)
        with self.requests.expect(reqId, keep) as pending:
            wire.reqExecutions(reqId, ib_async.ExecutionFilter())  # type: ignore[no-untyped-call]
            found: list[Any] = await pending.whole(silence_s)
        return found

    async def ask_pnl(self, account: str, modelCode: str) -> PnL:
        """TWS allows one such subscription per account and model, so callers share one."""
        figures = await self.share(
            ("pnl", account, modelCode),
            lambda: self.ask(
                lambda wire, reqId: wire.reqPnL(reqId, account, modelCode),
                cancel=lambda wire, reqId: wire.cancelPnL(reqId),
                subscription=True,
                settled_s=FIGURE_S,
            ),
        )
        return convert.pnl(account, modelCode, figures)

    async def share(self, key: Hashable, ask: Callable[[], Any], caller: str = SESSION) -> Any:
        """One answer for all who ask the same at the same time. It waits for its turn in the session's own line; where
        the keys are many, in the first caller's."""
        return await self.share_at_length(key, lambda: _within(REQUEST_S, ask), caller)

    async def share_at_length(
        self, key: Hashable, fly: Callable[[], Coroutine[Any, Any, Any]], caller: str = SESSION
    ) -> Any:
        """The same for what keeps its own time, such as by how long nothing comes."""
        with acting_for(caller):
            return await self._flights.share(key, fly)

    async def while_connected(self, awaited: Awaitable[T]) -> T:
        """Wait for something that comes over the present connection. Raises LinkLost when that ends first."""
        wire = self.require_connection()
        task = asyncio.ensure_future(awaited)
        try:
            either: set[asyncio.Future[Any]] = {task, wire.lost}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ConnectionLost(wire.lost.result())
            return task.result()
        finally:
            task.cancel()

    async def _fetch_details(self, contract: ib_async.Contract, lane: Priority) -> list[ib_async.ContractDetails]:
        async with asyncio.timeout(REQUEST_S):
            found: list[ib_async.ContractDetails] = await self.ask(
                lambda wire, reqId: wire.reqContractDetails(reqId, contract), lane=lane
            )
        return found


def _cancel(wire: TwsConnection, reqId: int, cancel: Send) -> None:
    if not wire.lost.done():
        cancel(wire, reqId)


async def _within(seconds: float, ask: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(seconds):
        return await ask()


def _either(names: list[str]) -> str:
    return ", ".join(names) or "none"
