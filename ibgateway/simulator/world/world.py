"""The world behind the wire: one facade over instruments, market, exchange and account, moved by `advance(now)`.

Pure: no sockets, no clock, no threads, no randomness but the seed.
Every method that takes a client's contract raises `Refusal(code, text)` with TWS's own code and text.
Every method that takes `contract` after "as resolve() returned it" trusts it to be complete.
"""

from __future__ import annotations

from collections.abc import Callable

from ibgateway.simulator.model.events import Event
from ibgateway.simulator.world.market_queries import MarketQueries
from ibgateway.simulator.world.order_operations import OrderOperations
from ibgateway.simulator.world.parts import WorldConfig
from ibgateway.simulator.world.reference_queries import ReferenceQueries

__all__ = ["World", "WorldConfig"]


class World(MarketQueries, OrderOperations, ReferenceQueries):
    """Everything behind the wire."""

    def advance(self, now: float) -> list[Event]:
        """Run the world up to `now` and return the events of orders and accounts, in TWS's order."""
        while True:
            time, happens = self._next()
            if time > now:
                self.now = max(self.now, now)
                return self._drain()
            self.now = max(self.now, time)
            happens()

    def _next(self) -> tuple[float, Callable[[], None]]:
        """Return the time of the next event: an order's, an expiry, or the start of a day."""
        candidates: list[tuple[float | None, Callable[[], None]]] = [
            (self._exchange.lifecycle.next_due(), self._exchange.lifecycle.run_next),
            (self._exchange.expiries.next_due(), lambda: self._exchange.expiries.run(self.now)),
            (self._next_day, self._begin_day),
        ]
        return min(((time, act) for time, act in candidates if time is not None), key=lambda each: each[0])

    def _begin_day(self) -> None:
        self._broker.begin_day(self.now)
        self._next_day = self._day_after(self.now)

    def next_due(self) -> float | None:
        """Return the earliest instant at which `advance` may return an event; None if nothing is scheduled."""
        times = (self._exchange.lifecycle.next_due(), self._exchange.expiries.next_due())
        return min((time for time in times if time is not None), default=None)
