"""The Protocols between the gateway, its connections and its quote feeds, so that none of them imports another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from ibgateway.simulator.gateway.limits import GatewayLimits
from ibgateway.simulator.gateway.quote_feeds import QuoteFeeds
from ibgateway.simulator.model.config import Identity
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.events import Event, OrderEvent
from ibgateway.simulator.model.orders import Execution
from ibgateway.simulator.world.world import World

Client = TypeVar("Client")
ClientIn = TypeVar("ClientIn", contravariant=True)


class Tap(Protocol[ClientIn]):
    """A listener to every frame that a client sends; False swallows the frame."""

    def incoming(self, connection: ClientIn, payload: bytes) -> bool: ...


class GatewayPort(Protocol[Client]):
    """The operations of a gateway that a connection and its handlers use."""

    world: World
    strict: bool
    identity: Identity
    tap: Tap[Client]
    feeds: QuoteFeeds
    limits: GatewayLimits
    display_groups: dict[int, str]
    connections: list[Client]

    @property
    def taken(self) -> set[int]: ...
    def start(self, connection: Client, clientId: int) -> bool: ...
    def handshake(self, version: int) -> bytes: ...
    def next_order_id(self, clientId: int) -> int: ...
    def route(self, events: Iterable[Event]) -> None: ...
    def encode(self, connection: Client, event: OrderEvent, reqId: int = -1) -> bytes: ...
    def corrected(self, execution: Execution) -> Execution: ...
    def minTick(self, contract: Contract) -> float: ...  # noqa: N802 - TWS's own word
    def decimals(self, contract: Contract) -> int: ...
    def data_kind(self, connection: Client, reqId: int, contract: Contract) -> int: ...
    def last_open(self, contract: Contract) -> float | None: ...
    def require_line(self, contract: Contract, delayed: bool) -> None: ...
    def require_depth(self, connection: Client) -> None: ...
    def require_tick_by_tick(self, connection: Client) -> None: ...
