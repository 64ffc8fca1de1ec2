"""Sets the kill switch by itself where what happens says that nobody should trade on; only the operator releases it."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, NoReturn, Self

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from bridge.bus.halt import Level
from bridge.bus.server.request import retry_until_answered
from bridge.order_references import is_ours
from bridge.tool import ToolError
from ib_worker.orders.events import ErrorReported
from ib_worker.orders.state import FILLED, UNKNOWN, WORKING, OrderState
from ib_worker.risk.trading_mode import Mode
from ib_worker.tws.values.text import tws_said

BREAKER_CHECK_S = 1.0
BY = "the worker"

log = structlog.get_logger("ib_worker.risk.circuit_breakers")

Off = Literal["off"]
Switch = Literal["on", "off"]
SetSwitch = Callable[[Level, str, str], Awaitable[None]]  # level, by, reason; raises BusError


class CircuitBreakerSettings(BaseSettings):
    """Each field is an environment variable, TRIP_ and its name in capitals; `in_force` fills in what is not set."""

    model_config = SettingsConfigDict(env_prefix="TRIP_", frozen=True, extra="ignore")

    rejects: Annotated[int, Field(gt=0)] | Off | None = None  # so many orders in a row that IBKR rejects
    unknown_s: Annotated[float, Field(gt=0)] | Off | None = None  # an order of which IBKR says nothing for so long
    doubled: Switch | None = None  # two orders at IBKR under one orderRef
    daily_loss: Switch | None = None  # LIMIT_MAX_DAILY_LOSS was reached: from then on closing orders alone
    data_loss: Switch | None = None  # Redis has lost data or went back: who asked for what, and how often

    def in_force(self, mode: Mode) -> Self:
        """All of them in live mode; on paper, where people try things, those that cost nobody a day."""
        defaults = LIVE if mode == "live" else PAPER
        return self.model_copy(update={name: each for name, each in defaults.items() if getattr(self, name) is None})


LIVE: dict[str, object] = {"rejects": 5, "unknown_s": 120.0, "doubled": "on", "daily_loss": "on", "data_loss": "on"}
PAPER: dict[str, object] = {
    "rejects": "off", "unknown_s": "off", "doubled": "on", "daily_loss": "on", "data_loss": "on",
}  # fmt: skip


@dataclass(frozen=True)
class Trip:
    level: Level
    reason: str


class CircuitBreakers:
    """Hears of orders and refusals; what trips is in `tripped` until it is carried out. Pure."""

    def __init__(self, settings: CircuitBreakerSettings) -> None:
        self._settings = settings
        self._rejected: dict[str, datetime] = {}  # orderRefs in a row, and when each order was sent
        self._told: set[tuple[str, str]] = (
            set()
        )  # a breaker and an order: what was released does not trip over it again
        self.tripped: list[Trip] = []
        self.news = asyncio.Event()

    def observe(self, state: OrderState, *_: object) -> None:
        """An order has changed to this. A listener of the OrderTracker: the key and the event do not matter here."""
        if state.sent_at is None:
            return  # not of this term: an archive's rejections are no news
        self._count_rejects(state, state.sent_at)
        split = state.changed_at is not None  # TWS may make two of a changed order
        if self._settings.doubled == "on" and len(state.permIds) > 1 and not split:
            numbers = " and ".join(map(str, state.permIds))
            self._once("doubled", state, f"IBKR has two orders under one reference, permId {numbers}")

    def refused(self, error: ToolError) -> None:
        """An order was held back here."""
        if self._settings.daily_loss == "on" and error.details.get("limit") == "max_daily_loss":
            most = f"{error.details['allowed']:g} {error.details.get('currency') or ''}".rstrip()
            self._trip("reduce_only", f"the day's loss has reached its limit of {most}")

    def lost_data(self, what: str) -> None:
        """Redis has less than was known of what was asked before."""
        if self._settings.data_loss == "on":
            self._trip("halt", f"{what}. Compare ibkr_get_open_orders and the positions with what was meant")

    def look(self, states: Iterable[OrderState], now: datetime) -> None:
        """Trip if two of these open orders share a reference of ours, or one has been unknown for too long.

        An order that IBKR does not have is not unknown.
        """
        states = list(states)
        self._find_doubled(states)
        longest_s = self._settings.unknown_s
        if not isinstance(longest_s, float):
            return
        for state in states:
            since = state.missed_at or state.sent_at
            unknown = state.sent_at is not None and state.status == UNKNOWN and not state.not_found
            if unknown and since is not None and (now - since).total_seconds() > longest_s:
                self._once(
                    "unknown", state, f"the outcome of order {state.orderId} has been unknown for {longest_s:g} s"
                )

    def _find_doubled(self, states: Iterable[OrderState]) -> None:
        """Two orders of this term, or one of this term and one that another program wrote its reference on."""
        if self._settings.doubled != "on":
            return
        named: dict[str, list[OrderState]] = defaultdict(list)
        for state in states:
            if is_ours(state.orderRef) and state.permIds and not state.not_found:
                named[state.orderRef].append(state)
        for shared in named.values():
            if len(shared) > 1 and any(each.sent_at is not None for each in shared):
                numbers = " and ".join(str(each.permId) for each in shared)
                self._once("doubled", shared[0], f"IBKR has two orders under one reference, permId {numbers}")

    def _count_rejects(self, state: OrderState, sent: datetime) -> None:
        """Count rejections in a row. An accepted order ends the row of those sent before it."""
        most = self._settings.rejects
        if state.status in WORKING or state.status == FILLED:
            self._rejected = {name: at for name, at in self._rejected.items() if at > sent}
        elif state.rejected is not None and isinstance(most, int):
            self._rejected[state.orderRef or str(state.orderId)] = sent
            if len(self._rejected) >= most:
                self._rejected.clear()
                self._trip("halt", f"IBKR rejected {most} orders in a row; of the last {_words(state.rejected)}")

    def _once(self, breaker: str, state: OrderState, reason: str) -> None:
        name = (breaker, state.orderRef or str(state.orderId))
        if name not in self._told:
            self._told.add(name)
            self._trip("halt", reason)

    def _trip(self, level: Level, reason: str) -> None:
        log.error("circuit_breaker_tripped", switch=level, reason=reason)
        self.tripped.append(Trip(level, reason))
        self.news.set()


def _words(rejected: ErrorReported) -> str:
    return tws_said(rejected.code, rejected.text).rstrip(".")


async def apply_trips(set_switch: SetSwitch, breakers: CircuitBreakers) -> None:
    """Set the switch for what has tripped; returns when Redis has it."""
    while breakers.tripped:
        trip = breakers.tripped[0]

        async def halt(trip: Trip = trip) -> None:
            await set_switch(trip.level, BY, trip.reason)

        await retry_until_answered(halt)
        if trip in breakers.tripped:  # another may have carried it out meanwhile: doing it twice is harmless
            breakers.tripped.remove(trip)


async def watch_breakers(set_switch: SetSwitch, breakers: CircuitBreakers, look: Callable[[], None]) -> NoReturn:
    """For ever: look, and carry out at once what trips."""
    while True:
        breakers.news.clear()
        look()
        await apply_trips(set_switch, breakers)
        with suppress(TimeoutError):
            async with asyncio.timeout(BREAKER_CHECK_S):
                await breakers.news.wait()
