"""The engine of faults: it applies script lines when they are due, holds frames back, and cuts clients off. Pure."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from ibgateway.simulator.faults.filters import FrameFilter, Sending, msg_id
from ibgateway.simulator.faults.script import (
    CONNECT,
    ORDER,
    VERBS,
    WHAT_IF,
    After,
    Argument,
    At,
    On,
    ScriptError,
    Step,
    parse,
)
from ibgateway.simulator.gateway.connection import Connection
from ibgateway.simulator.gateway.gateway import Gateway
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.names import CLIENT
from ibgateway.simulator.world.time.instants import instant

log = logging.getLogger("ibgateway.simulator.faults")

FOREVER = float("inf")
PLACE_ORDER = CLIENT["placeOrder"]
TO_IB = frozenset({CLIENT["placeOrder"], CLIENT["cancelOrder"], CLIENT["reqGlobalCancel"]})


class SocketControl(Protocol):
    """The operations on sockets that faults need; the server implements them."""

    def reset(self, connection: Connection) -> None: ...
    def close(self, connection: Connection) -> None: ...
    def pause(self, connection: Connection, paused: bool) -> None: ...
    def write(self, connection: Connection, data: bytes) -> None: ...
    def fragment(self, size: int | None) -> None: ...
    def hung_up(self, connection: Connection) -> bool: ...
    def listen(self, listening: bool) -> None: ...


@dataclass
class FaultContext:
    """One application of a fault: its script line, and the frame and client that set it off, if any."""

    step: Step
    connection: Connection | None = None
    payload: bytes = b""
    swallowed: bool = False  # the frame is not handled any more

    def concerned(self, gateway: Gateway) -> list[Connection]:
        """The connections that the line means."""
        if self.step.client is not None:
            return [one for one in gateway.connections if one.clientId == self.step.client]
        return [self.connection] if self.connection is not None else list(gateway.connections)

    def frame(self) -> tuple[Connection, bytes]:
        """Return the client and frame; ScriptError for a line without `on`."""
        if self.connection is None or not self.payload:
            raise ScriptError(f"{self.step.line!r}: {self.step.verb} needs a frame; put `on MESSAGE` before it")
        return self.connection, self.payload


Action = Callable[..., None]
ACTIONS: dict[str, Action] = {}


def verb(name: str, *arguments: Argument | str) -> Callable[[Action], Action]:
    """Register a function as a verb of the script: it gets the engine, the context and the arguments."""

    def register(action: Action) -> Action:
        VERBS[name] = arguments
        ACTIONS[name] = action
        return action

    return register


@dataclass
class _Rule:
    step: Step
    due: float = FOREVER
    seen: int = 0


class FaultEngine:
    """The faults of one gateway, between its connections and its sockets."""

    def __init__(self, gateway: Gateway, sockets: SocketControl) -> None:
        self.gateway = gateway
        self.sockets = sockets
        self.filters: list[FrameFilter] = []
        self.door = "open"
        self.door_until = FOREVER
        self.on_reopening: Callable[[], None] | None = None
        self.link_down = False
        self.entered_by_hand = 0  # orders; each needs an id of its own
        self._rules: list[_Rule] = []
        self.frozen_until = 0.0
        self._stalled: dict[Connection, float] = {}
        self._half_open: set[Connection] = set()
        self._waiting: dict[Connection, list[tuple[float, int, bytes]]] = {}
        self._held: list[tuple[float, int, Connection, bytes]] = []
        self._numbers = count()

    # --- the script ----------------------------------------------------------------------------------------------

    def run(self, line: str) -> None:
        """Take one line of a script: now, or when it is due. ScriptError when it can't be understood."""
        step = parse(line)
        if step is None:
            return
        match step.when:
            case At(text):
                self._rules.append(_Rule(step, self._instant(text, step.line)))
            case After(seconds):
                self._rules.append(_Rule(step, self.now + seconds))
            case On():
                self._rules.append(_Rule(step))
            case _:
                self.strike(FaultContext(step))

    def load(self, script: str) -> None:
        for line in script.splitlines():
            self.run(line)

    @property
    def now(self) -> float:
        return self.gateway.world.now

    def _instant(self, text: str, line: str) -> float:
        try:
            at = instant(text, self.gateway.identity.zone, self.now)
        except Refusal as refusal:
            raise ScriptError(f"{line!r}: {text!r} is not a time; write it as TWS does, such as 10:31:00") from refusal
        return self.now if at is None else at

    def strike(self, context: FaultContext) -> None:
        """Carry out a line; ScriptError if the present state does not allow it."""
        ACTIONS[context.step.verb](self, context, *context.step.arguments)

    def _strike(self, context: FaultContext) -> None:
        """Carry out a line at its own time; a failure is logged, since no caller waits."""
        try:
            self.strike(context)
        except ScriptError as error:
            log.warning("a fault was not carried out: %s", error)

    def clear(self) -> None:
        """End every fault."""
        self._rules.clear()
        self.frozen_until = 0.0
        self.filters.clear()
        self.sockets.fragment(None)
        for connection in list(self._stalled):
            self.resume(connection)
        self.reopen()

    # --- frames in -----------------------------------------------------------------------------------------------

    def incoming(self, connection: Connection, payload: bytes) -> bool:
        """Apply the lines for a client's frame; return False if the gateway must not handle it."""
        context = None
        for rule in list(self._rules):
            when = rule.step.when
            if isinstance(when, On) and self._meets(when, rule.step, connection, payload):
                rule.seen += 1
                if when.nth in {None, rule.seen}:
                    if when.nth is not None:
                        self._rules.remove(rule)
                    context = FaultContext(rule.step, connection, payload)
                    self._strike(context)
                    if context.swallowed:
                        return False
        if self.link_down and connection.version and msg_id(payload) in TO_IB:
            self.hold(connection, payload, FOREVER)
            return False
        return True

    def _meets(self, when: On, step: Step, connection: Connection, payload: bytes) -> bool:
        if not connection.version or step.client not in {None, connection.clientId}:
            return False
        if when.message in {WHAT_IF, ORDER}:
            return msg_id(payload) == PLACE_ORDER and _is_what_if(connection, payload) == (when.message == WHAT_IF)
        return msg_id(payload) == CLIENT.get(when.message)

    def connected(self, connection: Connection) -> bool:
        """Apply the lines for a new connection; return False if it must be closed at once."""
        for rule in list(self._rules):
            when = rule.step.when
            if isinstance(when, On) and when.message == CONNECT:
                rule.seen += 1
                if when.nth in {None, rule.seen}:
                    self._strike(FaultContext(rule.step, connection))
        if self.door == "silent":
            self.stall(connection, self.door_until)
        if self.frozen_until > self.now:
            self.stall(connection, self.frozen_until)
        return self.door != "slam"

    def gone(self, connection: Connection) -> None:
        self._stalled.pop(connection, None)
        self._half_open.discard(connection)
        self._waiting.pop(connection, None)
        self._held = [one for one in self._held if one[2] is not connection or msg_id(one[3]) in TO_IB]
        heapq.heapify(self._held)

    def hold(self, connection: Connection, payload: bytes, until: float) -> None:
        """Handle a frame later; a frame on its way to IBKR arrives even if its client has gone."""
        heapq.heappush(self._held, (until, next(self._numbers), connection, payload))

    def release(self, until: float) -> None:
        """Handle the frames that were held until then."""
        while self._held and self._held[0][0] <= until:
            _, _, connection, payload = heapq.heappop(self._held)
            if not connection.closing or msg_id(payload) in TO_IB:
                connection.handle(payload)
            if self.sockets.hung_up(connection):
                connection.take()  # nobody is there to hear it

    # --- frames out ----------------------------------------------------------------------------------------------

    def outgoing(self, connection: Connection, payloads: list[bytes]) -> list[bytes]:
        """Return the payloads to send now; filters, delays and stalls hold back the others."""
        if not self.filters and not self._waiting and not self._stalled:
            return payloads
        sending: list[Sending] = [(0.0, payload) for payload in payloads]
        for one in self.filters:
            sending = one.apply(sending, connection.clientId)
        waiting = self._waiting.setdefault(connection, [])
        for wait, payload in sending:
            heapq.heappush(waiting, (self.now + wait if wait else 0.0, next(self._numbers), payload))
        if connection in self._stalled:
            return []
        ready = list(_due(waiting, self.now))
        if not waiting:
            del self._waiting[connection]
        return ready

    def waits(self, connection: Connection) -> bool:
        """Report if frames for this connection are held back."""
        return bool(self._waiting.get(connection))

    def send_waiting(self) -> None:
        """Release the frames that were held back without an end."""
        for connection, waiting in self._waiting.items():
            self._waiting[connection] = [(0.0 if due == FOREVER else due, n, frame) for due, n, frame in waiting]
            heapq.heapify(self._waiting[connection])

    # --- connections cut off -------------------------------------------------------------------------------------

    def stall(self, connection: Connection, until: float, half_open: bool = False) -> None:
        """Neither read nor write; the socket stays open. Half open, it is the network that carries nothing: what a
        client sent meanwhile arrives only if the client is still there to send it again."""
        self._stalled[connection] = until
        if half_open:
            self._half_open.add(connection)
        self.sockets.pause(connection, True)

    def resume(self, connection: Connection) -> None:
        self._stalled.pop(connection, None)
        if connection in self._half_open:
            self._half_open.discard(connection)
            if self.sockets.hung_up(connection):
                self.sockets.reset(connection)
                return
        self.sockets.pause(connection, False)

    def shut(self, door: str, until: float) -> None:
        """Set the fate of new connections: `open`, `shut` (refused), `slam` (accepted, closed), `silent` (accepted)."""
        if (door == "shut") != (self.door == "shut"):
            self.sockets.listen(door != "shut")
        self.door, self.door_until = door, until

    def reopen(self) -> None:
        self.shut("open", FOREVER)
        if self.on_reopening is not None:
            self.on_reopening()
            self.on_reopening = None

    # --- time ----------------------------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Apply the lines that are due, and end the faults whose time is over."""
        for rule in [one for one in self._rules if one.due <= now]:
            self._rules.remove(rule)
            self._strike(FaultContext(rule.step))
        for connection in [one for one, until in self._stalled.items() if until <= now]:
            self.resume(connection)
        if self.door_until <= now:
            self.reopen()
        self.release(now)

    def next_due(self) -> float:
        """The next instant at which something happens."""
        times = [rule.due for rule in self._rules]
        times += [waiting[0][0] for waiting in self._waiting.values() if waiting]
        times += [*self._stalled.values(), self.door_until]
        if self._held:
            times.append(self._held[0][0])
        return min(times)


def _due(waiting: list[tuple[float, int, bytes]], now: float) -> Iterator[bytes]:
    while waiting and waiting[0][0] <= now:
        yield heapq.heappop(waiting)[2]


def _is_what_if(connection: Connection, payload: bytes) -> bool:
    try:
        request: Any = requests.decode(payload, connection.version)
    except requests.BadFields:
        return False
    return bool(request.placed[1].whatIf)
