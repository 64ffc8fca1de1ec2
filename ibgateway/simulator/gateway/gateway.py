"""Several clients of one world: their client ids, and the routing of events to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from operator import attrgetter
from typing import TypeGuard

from ibgateway.simulator.gateway import combo_quotes as combos
from ibgateway.simulator.gateway.connection import ClientSubscription, Connection
from ibgateway.simulator.gateway.limits import GatewayLimits
from ibgateway.simulator.gateway.ports import Tap
from ibgateway.simulator.gateway.quote_feeds import QuoteFeed, QuoteFeeds
from ibgateway.simulator.model.config import Identity
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.events import AccountEvent, Event, OrderEvent
from ibgateway.simulator.model.orders import CommissionReport, Execution, OpenOrder, OrderError, OrderStatus
from ibgateway.simulator.wire.messages import order_state, orders, session
from ibgateway.simulator.world.world import World

MAX_CLIENTS = 32  # logged in at once, as IBKR's page on connecting has it
LIVE, FROZEN, DELAYED, DELAYED_FROZEN = 1, 2, 3, 4  # market data types
CLOSED_DAYS = 7  # no market is closed for longer
NO_DATA = (
    10089,
    "Requested market data requires additional subscription for API. See link in 'Market Data Connections' dialog "
    "for more details.",
)
NO_DELAYED_DATA = (10168, "Requested market data is not subscribed. Delayed market data is not enabled.")
DELAYED_ONLY = (354, "Requested market data is not subscribed.Delayed market data is available.")


class NoFaults:
    """The tap of a gateway without faults."""

    def incoming(self, connection: Connection, payload: bytes) -> bool:
        return True


def is_of_order(event: Event) -> TypeGuard[OrderEvent]:
    """Report if the event goes to the client that placed the order; others go to all followers of the account."""
    return not isinstance(event, AccountEvent)


class Gateway:
    """The clients of one world, and their shared state."""

    def __init__(self, world: World, identity: Identity | None = None, strict: bool = False) -> None:
        self.world = world
        self.strict = strict  # towards a client's frames
        self.identity = identity or Identity()
        self.tap: Tap[Connection] = NoFaults()
        self.feeds = QuoteFeeds(world)
        self.limits = GatewayLimits()
        self.display_groups: dict[int, str] = {}  # what each group of windows shows
        self.connections: list[Connection] = []
        self.clients: dict[int, Connection] = {}
        self.reserved: set[int] = set()  # client ids that somebody else has
        self.corrections: dict[str, Execution] = {}  # by the execId of what they correct
        self._numbers = 0
        self._minTicks: dict[Contract, float] = {}

    # --- clients come and go -------------------------------------------------------------------------------------

    def connect(self) -> Connection:
        """Return the connection of a new socket, which has to log in before it counts as a client."""
        self._numbers += 1
        connection = Connection(self, self._numbers)
        self.connections.append(connection)
        return connection

    def disconnect(self, connection: Connection) -> None:
        connection.lost()
        if connection in self.connections:
            self.connections.remove(connection)
        if connection.clientId is not None and self.clients.get(connection.clientId) is connection:
            del self.clients[connection.clientId]

    def start(self, connection: Connection, clientId: int) -> bool:
        """Register a client id; return False if it is in use, or if there are 32 clients already."""
        if clientId in self.taken or len(self.clients) >= MAX_CLIENTS:
            return False
        self.clients[clientId] = connection
        connection.clientId = clientId
        return True

    @property
    def taken(self) -> set[int]:
        """Return the client ids in use."""
        return self.reserved | self.clients.keys()

    def handshake(self, version: int) -> bytes:
        announced = self.identity.announcedVersion or version
        return session.handshake(announced, self.world.now, self.identity.zone, self.identity.zone_name)

    def next_order_id(self, clientId: int) -> int:
        identity = self.identity
        following = self.world.next_order_id(clientId) if identity.nextOrderId is None else identity.nextOrderId
        return max(1, following + identity.orderIdShift)

    # --- time ----------------------------------------------------------------------------------------------------

    def catch_up(self, now: float) -> None:
        """Run the world to `now`, so that a request sees its present state."""
        self.route(self.world.advance(now))

    def advance(self, now: float, enough: Callable[[], bool] = lambda: False) -> bool:
        """Run the world to `now` and send what is due until `enough`; return True if some is left."""
        self.catch_up(now)
        due: list[QuoteFeed | ClientSubscription] = [*self.feeds.due(now)]
        for connection in self.connections:
            due += connection.due(now)
        for one in sorted(due, key=attrgetter("due")):
            one.advance(now)
            if enough():
                return True
        return False

    # --- what happens to orders and accounts ---------------------------------------------------------------------

    def route(self, events: Iterable[Event]) -> None:
        """Send events: orders' to their own client and the master client, account changes to all their followers."""
        for event in events:
            if is_of_order(event):
                for connection in self._watchers(event.clientId):
                    connection.send(self.encode(connection, event))
            else:
                for connection in list(self.connections):
                    connection.on_event(event)

    def _watchers(self, clientId: int) -> list[Connection]:
        ids = {clientId} if self.identity.masterClientId is None else {clientId, self.identity.masterClientId}
        return [self.clients[one] for one in sorted(ids) if one in self.clients]

    def encode(self, connection: Connection, event: OrderEvent, reqId: int = -1) -> bytes:
        """Encode an event as a message of the connection's version."""
        version = connection.version
        match event:
            case OpenOrder():
                return order_state.open_order(version, event)
            case OrderStatus():
                return orders.order_status(event)
            case Execution():
                return orders.exec_details(version, reqId, event, self.identity.zone, self.identity.zone_name)
            case CommissionReport():
                return orders.commission_report(event)
            case OrderError():
                at, json = self.world.now, event.advancedOrderRejectJson
                return session.error(version, event.orderId, event.code, event.text, at, json)

    def corrected(self, execution: Execution) -> Execution:
        return self.corrections.get(execution.execId, execution)

    # --- contracts -----------------------------------------------------------------------------------------------

    def minTick(self, contract: Contract) -> float:  # noqa: N802 - TWS's own word
        if contract not in self._minTicks:
            if contract.secType == combos.COMBO:
                self._minTicks[contract] = 0.01
            else:
                self._minTicks[contract] = self.world.contract_details(contract)[0].minTick
        return self._minTicks[contract]

    def decimals(self, contract: Contract) -> int:
        """Return the number of decimals of a bar's prices."""
        exponent = Decimal(repr(self.minTick(contract))).normalize().as_tuple().exponent
        return max(0, -int(exponent))

    # --- market data ---------------------------------------------------------------------------------------------

    def data_kind(self, connection: Connection, reqId: int, contract: Contract) -> int:
        """Return the market data type of a new subscription: live data if it is allowed.

        Frozen is what a closed market last showed; while it is open, a client that asked for frozen gets live.
        """
        identity, wanted = self.identity, connection.marketDataType
        if identity.competing:
            raise Refusal(10197, "No market data during competing live session")
        closed = wanted in {FROZEN, DELAYED_FROZEN} and not self.trades_now(contract)
        if identity.entitlement == "live":
            return FROZEN if closed else LIVE
        if identity.entitlement == "none":
            raise Refusal(*(NO_DATA if wanted < DELAYED else NO_DELAYED_DATA))
        if wanted < DELAYED:
            raise Refusal(*DELAYED_ONLY)
        connection.error(reqId, 10167, "Requested market data is not subscribed. Displaying delayed market data.")
        return DELAYED_FROZEN if closed else DELAYED

    def trades_now(self, contract: Contract) -> bool:
        """Report if one of the contract's sessions, extended hours included, is open."""
        sessions = self.world.schedule(combos.first(self.world, contract), None, 2, False)
        return any(one.start <= self.world.now < one.end for one in sessions)

    def last_open(self, contract: Contract) -> float | None:
        """Return the last moment of the contract's last session, extended hours included: its quotes are frozen then.
        None where no session has ended lately."""
        sessions = self.world.schedule(combos.first(self.world, contract), None, CLOSED_DAYS, False)
        return max((one.end - 1 for one in sessions if one.end <= self.world.now), default=None)

    def require_line(self, contract: Contract, delayed: bool) -> None:
        """Check the limit of market-data lines; clients that watch the same contract share a line."""
        if not self.feeds.has(contract, delayed) and len(self.feeds) >= self.limits.lines:
            raise Refusal(101, "Max number of tickers has been reached")

    def require_depth(self, connection: Connection) -> None:
        """Check the permission, which only live data includes, and the limit of books."""
        if self.identity.competing:
            raise Refusal(10197, "No market data during competing live session")
        if self.identity.entitlement != "live":
            raise Refusal(*NO_DATA)
        most = self.limits.depth
        if len(list(connection.subscribed("depth"))) >= most:
            raise Refusal(309, f"Max number ({most}) of market depth requests has been reached.")

    def require_tick_by_tick(self, connection: Connection) -> None:
        if len(list(connection.subscribed("tick by tick"))) >= self.limits.tick_by_tick:
            raise Refusal(10190, "Max number of tick-by-tick requests has been reached.")
