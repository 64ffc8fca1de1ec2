"""Trading halts: spans in which an instrument neither trades nor quotes, cut out of its tapes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ibgateway.simulator.world.market.tapes.tape import Ints, Prints, Quotes, Row, Tape

HALTED = 1  # tick 49's value for a general halt


@dataclass(frozen=True)
class TradingHalt:
    conId: int
    start: float
    end: float

    def holds(self, time: float) -> bool:
        return self.start <= time < self.end


class HaltedTape(Tape):
    """Another tape without what would have happened during halts; its row is counted from what is left."""

    def __init__(self, whole: Tape, halts: list[TradingHalt]) -> None:
        self.start = whole.start
        self.end = whole.end
        self._whole = whole
        self._halts = halts

    @cached_property
    def _kept(self) -> Ints:
        """Numbers of the prints that stay; an opening halt leaves the first, so that there is one."""
        time = self._whole.prints.time
        stays = ~self._during(time)
        if not stays.any():
            stays[0] = True
        return np.flatnonzero(stays)

    def _during(self, time: NDArray[np.float64]) -> NDArray[np.bool_]:
        during = np.zeros(len(time), dtype=np.bool_)
        for halt in self._halts:
            during |= (time >= halt.start) & (time < halt.end)
        return during

    @cached_property
    def prints(self) -> Prints:
        whole, kept = self._whole.prints, self._kept
        return Prints(whole.time[kept], whole.price[kept], whole.size[kept], whole.venue[kept])

    @cached_property
    def quotes(self) -> Quotes:
        """A quote with each print and one between two, as in every tape."""
        whole, kept = self._whole.quotes, self._kept
        which = np.empty(2 * len(kept) - 1, dtype=np.int64)
        which[0::2] = 2 * kept
        which[1::2] = 2 * kept[:-1] + 1
        time = whole.time[which]
        between = time[1::2]
        between[...] = np.where(self._during(between), time[0:-1:2], between)
        return Quotes(
            time,
            whole.bid[which],
            whole.ask[which],
            whole.bid_size[which],
            whole.ask_size[which],
            whole.bid_venue[which],
            whole.ask_venue[which],
        )

    @property
    def opens_with_auction(self) -> bool:
        return self._whole.opens_with_auction

    @cached_property
    def row(self) -> Row:  # type: ignore[override]
        return counted_row(self)


def counted_row(tape: Tape) -> Row:
    """The row that a tape's prints and quotes make."""
    prints, quotes = tape.prints, tape.quotes
    price, size = prints.price.astype(np.int64), prints.size.astype(np.int64)
    return Row(
        start=tape.start,
        end=tape.end,
        open=int(price[0]),
        high=int(price.max()),
        low=int(price.min()),
        close=int(price[-1]),
        volume=int(size.sum()),
        count=len(price),
        turnover=int(price @ size),
        spread=int((quotes.ask - quotes.bid).min()),
    )
