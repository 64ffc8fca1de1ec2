"""A gateway's limits: market-data lines, depth, tick by tick, and pacing if it is switched on."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ibgateway.simulator.model.errors import Refusal

RATE_WINDOW_S = 1.0
HISTORY_WINDOW_S = 600.0
SAME_REQUEST_S = 15.0
SAME_CONTRACT_S = 2.0
PACING_VIOLATION = "Historical Market Data Service error message:Historical data request pacing violation"


@dataclass
class GatewayLimits:
    """IBKR's numbers for an account with the usual hundred market-data lines."""

    lines: int = 100
    depth: int = 3
    tick_by_tick: int = 5
    messages_per_s: int = 50
    history_per_window: int = 60
    same_contract: int = 6
    paced: bool = False  # a client that the tests hurry would else be refused what a patient one gets


@dataclass
class ClientPacing:
    """One client's recent requests."""

    limits: GatewayLimits
    _messages: deque[float] = field(default_factory=deque)
    _history: deque[tuple[float, int]] = field(default_factory=deque)
    _same: dict[object, float] = field(default_factory=dict)
    _contracts: dict[object, deque[float]] = field(default_factory=dict)

    def message(self, now: float) -> Refusal | None:
        """Count a message; return error 100 above the limit of messages per second. The message itself is handled."""
        if not self.limits.paced:
            return None
        _forget(self._messages, now - RATE_WINDOW_S)
        self._messages.append(now)
        most, received = self.limits.messages_per_s, len(self._messages)
        if received <= most:
            return None
        return Refusal(100, f"Max rate of messages per second has been exceeded:max={most} rec={received} (1)")

    def history(self, now: float, request: object, contract: object, weight: int) -> None:
        """Count a request; Refusal 162 for the 61st in 600 s, an identical one in 15 s, a contract's sixth in 2 s."""
        if not self.limits.paced:
            return
        while self._history and self._history[0][0] <= now - HISTORY_WINDOW_S:
            self._history.popleft()
        recent = self._contracts.setdefault(contract, deque())
        _forget(recent, now - SAME_CONTRACT_S)
        used = sum(count for _, count in self._history)
        repeated = now - self._same.get(request, -SAME_REQUEST_S) < SAME_REQUEST_S
        if repeated or used + weight > self.limits.history_per_window or len(recent) + 1 >= self.limits.same_contract:
            raise Refusal(162, PACING_VIOLATION)
        self._same[request] = now
        self._history.append((now, weight))
        recent.append(now)


def _forget(times: deque[float], until: float) -> None:
    while times and times[0] <= until:
        times.popleft()
