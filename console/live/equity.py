"""The equity curve: each account's net liquidation at the closes on record, and over the last day.

The worker records the day once a minute; while somebody watches, the console has a figure every few seconds beside.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.bus.client.client import BusClient
from bridge.bus.history.store import (
    EQUITY,
    SNAPSHOTS,
    equity_of,
    read_records,
    seconds,
    snapshots_of,
)
from console.live.live_state import LiveState

EVERY_S = 5.0  # between two samples, and between two readings of the record
MOST = 6_000  # samples of one account: more than eight hours
CLOSES = 400  # of all accounts
DAY_S = 86_400.0
RECORDED = 8_000  # samples of all accounts in a day

Point = tuple[float, float]  # seconds since 1970, amount in the base currency


@dataclass(frozen=True)
class EquityCurve:
    """One account's curve, oldest first: its closes, and its last day."""

    account: str
    currency: str
    closes: list[Point]
    day: list[Point]


class EquitySamples:
    """Net liquidation while somebody watches; nothing of it is stored."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[Point]] = {}
        self._currency: dict[str, str] = {}
        self.until = float("inf")  # the time of the live state that was taken last

    def note(self, live_state: LiveState) -> None:
        """Take the live state's figures, if they are of now and the last sample is old enough."""
        if live_state.known is None or live_state.stale:
            return
        at = self.until = live_state.known.time.timestamp()  # of the gateway's clock, as the closes are
        for each in live_state.known.accounts:
            taken = self._samples.setdefault(each.account, deque(maxlen=MOST))
            if each.netLiquidation is not None and (not taken or at - taken[-1][0] >= EVERY_S):
                taken.append((at, each.netLiquidation))
                self._currency[each.account] = each.currency or ""

    def of(self, account: str) -> list[Point]:
        return list(self._samples.get(account, ()))

    def accounts(self) -> dict[str, str]:
        """Return the base currency of each account that was seen."""
        return dict(self._currency)


class EquityReader:
    """The curves for all viewers: the record is read once for those who ask at about the same time."""

    def __init__(self, bus: BusClient, samples: EquitySamples) -> None:
        self._bus = bus
        self._samples = samples
        self._curves: list[EquityCurve] = []
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def curves(self) -> list[EquityCurve]:
        """Return every account's curve. Raises BusError."""
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if now - self._read_at >= EVERY_S:
                self._curves = await equity_curves(self._bus, self._samples)
                self._read_at = now
        return self._curves


async def equity_curves(bus: BusClient, samples: EquitySamples) -> list[EquityCurve]:
    """Return every account's curve. Raises BusError."""
    closed, _ = await read_records(bus.pipe, bus.keys, SNAPSHOTS, most=CLOSES)
    recorded, _ = await read_records(bus.pipe, bus.keys, EQUITY, last=samples.until + EVERY_S, most=RECORDED)
    closes, day, currency = dict[str, list[Point]](), dict[str, list[Point]](), samples.accounts()
    for close in snapshots_of(closed):
        closes.setdefault(close.account, []).append((seconds(close.time), close.netLiquidation))
        currency.setdefault(close.account, close.base)
    for each in equity_of(recorded):
        day.setdefault(each.account, []).append((seconds(each.time), each.netLiquidation))
        currency.setdefault(each.account, each.base)
    return [
        EquityCurve(
            account,
            currency[account],
            sorted(closes.get(account, [])),
            _last_day(day.get(account, []), samples.of(account)),
        )
        for account in sorted(currency)
    ]


def _last_day(recorded: Iterable[Point], watched: Iterable[Point]) -> list[Point]:
    """Return both together, as far back as a day before the newest."""
    points = sorted({*recorded, *watched})
    return [each for each in points if each[0] >= points[-1][0] - DAY_S]
