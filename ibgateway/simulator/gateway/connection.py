"""One client of the simulator, sans I/O: bytes in, requests answered by a dict of handlers, payloads out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from ibgateway.simulator.gateway.limits import ClientPacing
from ibgateway.simulator.gateway.ports import GatewayPort
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.frames import BadFrame, FrameReader, VersionOffer, parse_offer
from ibgateway.simulator.wire.messages import session as messages

LOWEST_VERSION = 157  # no client in use speaks less, and every layout below it is different
HIGHEST_VERSION = 200  # from 201 on message ids are binary and bodies protobuf

Request = TypeVar("Request")
Handler = Callable[["Connection", Any], None]
HANDLERS: dict[type, Handler] = {}


def handles(kind: type[Request]) -> Callable[[Callable[[Connection, Request], None]], Handler]:
    """Register a function as the handler of a request; there is no other registration."""

    def register(handler: Callable[[Connection, Request], None]) -> Handler:
        HANDLERS[kind] = handler
        return handler

    return register


class ClientSubscription:
    """A client's request that is answered again and again until it is cancelled."""

    due = float("inf")  # when `advance` has something to do next

    def advance(self, now: float) -> None:
        """Send what is due at `now`."""

    def on_event(self, event: Event) -> None:
        """Take an event of an account."""

    def cancel(self) -> None:
        """Free its resources: the client has cancelled it or has gone."""


class Connection:
    """The state of one client: version, client id, subscriptions, and payloads to send."""

    def __init__(self, gateway: GatewayPort[Connection], number: int) -> None:
        self.gateway = gateway
        self.world = gateway.world
        self.number = number
        self.version = 0
        self.clientId: int | None = None
        self.marketDataType = 1
        self.subscriptions: dict[tuple[str, int], ClientSubscription] = {}
        self.foreign_orders: dict[int, int] = {}  # orderId → clientId, as shown by reqAllOpenOrders
        self.pacing = ClientPacing(gateway.limits)
        self.closing = False
        self.offered = False  # a whole frame has come, so that a silence is the gateway's and not the client's
        self.answering = -1  # the request id of what is being handled
        self._reader = FrameReader()
        self._arrived: deque[bytes | BadFrame] = deque()
        self._work: deque[tuple[int, Iterator[None]]] = deque()
        self._out: list[bytes] = []

    # --- bytes ---------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take received bytes; `step` handles them, `take` returns payloads to send, `closing` ends the connection."""
        if self.closing:
            return
        try:
            self._arrived.extend(self._reader.feed(data))
        except BadFrame as error:
            self._arrived.append(error)

    def step(self) -> bool:
        """Handle one received frame, or compute one piece of a long answer; return True if there is more to do."""
        if self._work:
            self._go_on()
        elif self._arrived:
            self._take_in(self._arrived.popleft())
        return self.busy

    @property
    def busy(self) -> bool:
        return bool(self._work or self._arrived) and not self.closing

    def finish(self) -> None:
        """Handle all received frames."""
        while self.step():
            pass

    def later(self, reqId: int, work: Iterator[None]) -> None:
        """Answer piece by piece: other clients need not wait, while this client's next frames do."""
        self._work.append((reqId, work))

    def _go_on(self) -> None:
        self.answering, work = self._work[0]
        try:
            next(work)
        except StopIteration:
            self._work.popleft()
        except Refusal as refusal:
            self._work.popleft()
            self.error(self.answering, refusal.code, refusal.text)
        except Exception:
            self._work.popleft()
            raise

    def _take_in(self, payload: bytes | BadFrame) -> None:
        self.offered = True
        try:
            if isinstance(payload, BadFrame):
                raise payload
            if self.gateway.tap.incoming(self, payload):
                self.handle(payload)
        except BadFrame as error:
            self.error(-1, 507, f"Bad Message Length {error}")
            self.closing = True

    @property
    def logged_in(self) -> bool:
        """Report if the client has sent its client id; only then does it count as a client of the gateway."""
        return self.clientId is not None

    @property
    def waits_for_login(self) -> bool:
        """Report if the client must send its version or startApi next; False if the gateway itself keeps silent."""
        return not self.logged_in and (not self.offered or bool(self.version))

    @property
    def unfinished(self) -> bool:
        """Report if a frame has been received only in part."""
        return self._reader.unfinished

    def take(self) -> list[bytes]:
        """Take the payloads that wait to be sent."""
        out, self._out = self._out, []
        return out

    def send(self, payload: bytes) -> None:
        self._out.append(payload)

    def send_all(self, payloads: Iterable[bytes]) -> None:
        self._out.extend(payloads)

    def error(self, reqId: int, code: int, text: str, advancedOrderRejectJson: str = "") -> None:
        version = self.version or LOWEST_VERSION
        self.send(messages.error(version, reqId, code, text, self.world.now, advancedOrderRejectJson))

    # --- requests ------------------------------------------------------------------------------------------------

    def handle(self, payload: bytes) -> None:
        """Handle one frame of the client."""
        if not self.version:
            self._agree(parse_offer(payload))
            return
        try:
            self._answer(requests.decode(payload, self.version, self.gateway.strict))
        except requests.UnknownMessage as unknown:
            self.error(-1, 321, f"Error validating request.-'bW' : cause - Unknown message id {unknown.msgId}")
        except requests.BadFields as bad:
            self.error(bad.reqId, 320, f"Error reading request.-'bW' : cause - Message {bad.msgId}: {bad.reason}")
            self.closing = self.gateway.strict

    def _agree(self, offer: VersionOffer) -> None:
        self.version = min(HIGHEST_VERSION, offer.maxVersion)
        if self.version < max(LOWEST_VERSION, offer.minVersion):
            self.error(
                -1,
                506,
                f"Unsupported Version: this gateway speaks {LOWEST_VERSION} to {HIGHEST_VERSION}, "
                f"the client {offer.minVersion} to {offer.maxVersion}",
            )
            self.closing = True
            return
        self.send(self.gateway.handshake(self.version))

    def _answer(self, request: Any) -> None:
        if self.clientId is None and not isinstance(request, requests.session.StartApi):
            self.error(-1, 321, "Error validating request.-'bW' : cause - startApi must come first")
            return
        self.answering = getattr(request, "reqId", getattr(request, "orderId", -1))
        if too_fast := self.pacing.message(self.world.now):
            self.error(-1, too_fast.code, too_fast.text)
        try:
            HANDLERS[type(request)](self, request)
        except Refusal as refusal:
            self.error(self.answering, refusal.code, refusal.text)

    # --- subscriptions -------------------------------------------------------------------------------------------

    def subscribe(self, kind: str, reqId: int, subscription: ClientSubscription) -> None:
        """Add a subscription; Refusal 322 if the id is in use."""
        self.require_free(kind, reqId)
        self.subscriptions[kind, reqId] = subscription

    def require_free(self, kind: str, reqId: int) -> None:
        if (kind, reqId) in self.subscriptions:
            raise Refusal(322, "Error processing request.-'bW' : cause - Duplicate ticker id")

    def unsubscribe(self, kind: str, reqId: int) -> bool:
        """Cancel a subscription; return False if there is none."""
        subscription = self.subscriptions.pop((kind, reqId), None)
        if subscription is None:
            return False
        subscription.cancel()
        return True

    def subscribed(self, kind: str) -> Iterator[ClientSubscription]:
        return (subscription for (of, _), subscription in self.subscriptions.items() if of == kind)

    def due(self, now: float) -> list[ClientSubscription]:
        return [one for one in self.subscriptions.values() if one.due <= now]

    def on_event(self, event: Event) -> None:
        for subscription in self.subscriptions.values():
            subscription.on_event(event)

    def lost(self) -> None:
        """Free the resources of a client that has gone."""
        for subscription in self.subscriptions.values():
            subscription.cancel()
        self.subscriptions.clear()
        self._work.clear()
        self._arrived.clear()
        self.closing = True
