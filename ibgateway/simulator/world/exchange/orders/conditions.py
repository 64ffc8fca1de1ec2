"""Conditions of an order: their evaluation, and the time of the next one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.orders import Order, OrderCondition
from ibgateway.simulator.world.account.broker import Broker
from ibgateway.simulator.world.exchange.orders.registry import OrderRegistry
from ibgateway.simulator.world.exchange.orders.working_order import WorkingOrder
from ibgateway.simulator.world.exchange.prices.order_market import LAST, OrderMarket
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.time.instants import instant

PRICE, TIME, MARGIN, EXECUTION, VOLUME, CHANGE = 1, 3, 4, 5, 6, 7
LOOK_S = 30.0  # between two looks at the margin


class Conditions:
    """Reads an order's conditions against the market, the account and the executions."""

    def __init__(self, broker: Broker, directory: Directory, registry: OrderRegistry) -> None:
        self._broker = broker
        self._directory = directory
        self._registry = registry
        self._holds: dict[int, Callable[[WorkingOrder, OrderCondition, float], bool]] = {
            PRICE: self._price_holds,
            TIME: self._time_holds,
            MARGIN: self._margin_holds,
            EXECUTION: self._execution_holds,
            VOLUME: self._volume_holds,
            CHANGE: self._change_holds,
        }

    def check(self, order: Order, now: float) -> None:
        """Check that all conditions can be read; Refusal 321 otherwise."""
        for each in order.conditions:
            if each.condType not in self._holds or (each.conId and self._directory.get(each.conId) is None):
                raise Refusal(321, "Error validating request.-'bV' : cause - Invalid order condition")
            try:
                if each.condType == TIME:
                    instant(each.value, "US/Eastern", now)
                elif each.condType != EXECUTION:
                    float(each.value)
            except ValueError as error:
                raise Refusal(321, "Error validating request.-'bV' : cause - Invalid order condition") from error

    def hold(self, order: WorkingOrder, at: float) -> bool:
        """Read from left to right; each conjunction joins its condition with the next."""
        result, joined = True, "a"
        for each in order.order.conditions:
            holds = self._holds[each.condType](order, each, at)
            result = result and holds if joined == "a" else result or holds
            joined = each.conjunction[:1].lower() or "a"
        return result

    def look_again(self, order: WorkingOrder, at: float) -> float | None:
        """Return the next instant at which a condition may begin to hold; None if that takes an execution."""
        times = [
            self._next(order, each, at)
            for each in order.order.conditions
            if not self._holds[each.condType](order, each, at)
        ]
        known = [time for time in times if time is not None]
        if not known:
            return None
        either = any(each.conjunction[:1].lower() == "o" for each in order.order.conditions[:-1])
        return min(known) if either or len(known) < len(times) else max(known)

    def _next(self, order: WorkingOrder, each: OrderCondition, at: float) -> float | None:
        if each.condType == TIME:
            time = instant(each.value, "US/Eastern", at) or at
            return time if time > at and each.isMore else None
        if each.condType == MARGIN:
            return at + LOOK_S
        if each.condType == EXECUTION:
            return None
        feed = self._feed(each)
        window = feed.window(at, outside=not order.order.conditionsIgnoreRth)
        if each.condType == VOLUME:
            return self._volume_reached(feed, float(each.value), at, window.end)
        level = float(each.value)
        if each.condType == CHANGE:
            level = self._broker.market.previous_close(feed.instrument, window.start) * (1 + level / 100)
        return feed.crosses(LAST, each.isMore, level, replace(window, start=max(at, window.start))) or window.end

    def _volume_reached(self, feed: OrderMarket, volume: float, at: float, end: float) -> float:
        """Return the time within the window at which the day's volume reaches the value, or the window's end."""
        before = float(self._broker.market.snapshot(feed.instrument, at).volume)
        for tape in self._broker.market.tapes(feed.instrument, at, end):
            start = int(np.searchsorted(tape.prints.time, at, side="right"))
            total = before + np.cumsum(tape.prints.size[start:], dtype=np.int64)
            i = int(np.searchsorted(total, volume))
            if i < len(total):
                return float(tape.prints.time[start + i])
        return end

    def _feed(self, each: OrderCondition) -> OrderMarket:
        instrument = self._directory.get(each.conId)
        if instrument is None:
            raise Refusal(321, "Error validating request.-'bV' : cause - Invalid order condition")
        return OrderMarket(self._broker.market, instrument)

    def _price_holds(self, order: WorkingOrder, each: OrderCondition, at: float) -> bool:
        return _compares(self._feed(each).price(at), each)

    def _time_holds(self, order: WorkingOrder, each: OrderCondition, at: float) -> bool:
        time = instant(each.value, "US/Eastern", at) or at
        return at >= time if each.isMore else at <= time

    def _margin_holds(self, order: WorkingOrder, each: OrderCondition, at: float) -> bool:
        return _compares(self._broker.worth(order.parts[0].account, at).cushion * 100, each)

    def _execution_holds(self, order: WorkingOrder, each: OrderCondition, at: float) -> bool:
        return any(
            report.execution.time >= order.placed
            and report.execution.contract.symbol == each.symbol
            and each.secType in ("", report.execution.contract.secType)
            and each.exch in ("", "SMART", report.execution.exchange)
            for report in self._registry.reports
        )

    def _volume_holds(self, order: WorkingOrder, each: OrderCondition, at: float) -> bool:
        return _compares(float(self._broker.market.snapshot(self._feed(each).instrument, at).volume), each)

    def _change_holds(self, order: WorkingOrder, each: OrderCondition, at: float) -> bool:
        feed = self._feed(each)
        before = self._broker.market.previous_close(feed.instrument, at)
        return _compares((feed.price(at) / before - 1) * 100, each)


def _compares(value: float, each: OrderCondition) -> bool:
    return value >= float(each.value) - 1e-9 if each.isMore else value <= float(each.value) + 1e-9
