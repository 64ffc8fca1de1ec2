"""The equity curve: each account's net liquidation at the closes on record, and as watched since the console began."""

from collections import deque
from dataclasses import dataclass

from bridge.bus.client.client import BusClient
from bridge.bus.history.store import SNAPSHOTS, read_records, seconds, snapshots_of
from console.live.picture import Picture

EVERY_S = 5.0  # between two samples
MOST = 6_000  # samples of one account: more than eight hours
CLOSES = 400  # of all accounts

Point = tuple[float, float]  # seconds since 1970, amount in the base currency


@dataclass(frozen=True)
class EquityCurve:
    """One account's curve, oldest first."""

    account: str
    currency: str
    closes: list[Point]
    watched: list[Point]


class EquitySamples:
    """Net liquidation while somebody watches; nothing of it is stored."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[Point]] = {}
        self._currency: dict[str, str] = {}

    def note(self, picture: Picture) -> None:
        """Take the picture's figures, if they are of now and the last sample is old enough."""
        if picture.known is None or picture.stale:
            return
        at = picture.known.time.timestamp()  # of the gateway's clock, as the closes are
        for each in picture.known.accounts:
            taken = self._samples.setdefault(each.account, deque(maxlen=MOST))
            if each.netLiquidation is not None and (not taken or at - taken[-1][0] >= EVERY_S):
                taken.append((at, each.netLiquidation))
                self._currency[each.account] = each.currency or ""

    def of(self, account: str) -> list[Point]:
        return list(self._samples.get(account, ()))

    def accounts(self) -> dict[str, str]:
        """Return the base currency of each account that was seen."""
        return dict(self._currency)


async def equity_curves(bus: BusClient, samples: EquitySamples) -> list[EquityCurve]:
    """Return every account's curve. Raises BusError."""
    rows, _ = await read_records(bus.pipe, bus.keys, SNAPSHOTS, most=CLOSES)
    closes: dict[str, list[Point]] = {}
    currency = samples.accounts()
    for each in snapshots_of(rows):
        closes.setdefault(each.account, []).append((seconds(each.time), each.netLiquidation))
        currency.setdefault(each.account, each.base)
    return [
        EquityCurve(account, currency[account], sorted(closes.get(account, [])), samples.of(account))
        for account in sorted(currency)
    ]
