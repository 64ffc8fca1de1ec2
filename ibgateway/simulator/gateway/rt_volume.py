"""RTVolume (tick 48) and RTTrdVolume (77): each print with the day's volume and average price so far."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from ibgateway.simulator.gateway.ticks import Tick
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.market_data import Trade
from ibgateway.simulator.wire.encoding.text import minimal
from ibgateway.simulator.wire.messages.market_data import TICK_STRING, string_tail

if TYPE_CHECKING:
    from ibgateway.simulator.world.world import World


class RtVolume:
    """Counts volume and value from the day's start on, for one contract."""

    def __init__(self, world: World, contract: Contract, start: float) -> None:
        self.world = world
        self.contract = contract
        self._upto = start
        self._made: dict[int, list[Tick]] = {}
        bars = world.bars(contract, start, "1 D", "1 day", "TRADES", False).bars
        self._volume = bars[-1].volume if bars else Decimal(0)
        self._value = self._volume * Decimal(repr(float(bars[-1].wap))) if bars else Decimal(0)

    def ticks(self, tickType: int, after: float, upto: float) -> list[Tick]:
        """The prints in (after, upto], as `price;size;time;volume;vwap;single`."""
        if upto > self._upto:
            self._made = {48: [], 77: []}
            for trade in self.world.trades(self.contract, self._upto, upto):
                text = self._spell(trade)
                for kind in self._made:
                    self._made[kind].append((TICK_STRING, string_tail(kind, text)))
            self._upto = upto
        return self._made.get(tickType, [])

    def _spell(self, trade: Trade) -> str:
        self._volume += trade.size
        self._value += trade.size * Decimal(repr(float(trade.price)))
        vwap = round(self._value / self._volume, 8) if self._volume else Decimal(0)
        size, volume = minimal(trade.size), minimal(self._volume)
        return f"{float(trade.price)!r};{size};{round(trade.time * 1000)};{volume};{minimal(vwap)};true"
