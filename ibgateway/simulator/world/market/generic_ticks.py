"""The generic ticks of a contract, by tick type id; those that a day's ticks do not change are counted once a day."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

import numpy as np

from ibgateway.simulator.world.instruments.details import HARD_TO_BORROW
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.market import Market
from ibgateway.simulator.world.market.option_pricing.volatility import implied_of_day, realised_of_day

Value = float | str | Decimal

LOW_13, HIGH_13, LOW_26, HIGH_26, LOW_52, HIGH_52, AVERAGE_VOLUME = 15, 16, 17, 18, 19, 20, 21
HISTORICAL_VOLATILITY, IMPLIED_VOLATILITY, PREMIUM = 23, 24, 31
CALL_INTEREST, PUT_INTEREST, CALL_VOLUME, PUT_VOLUME, FUTURES_INTEREST = 27, 28, 29, 30, 86
AUCTION_VOLUME, AUCTION_PRICE, AUCTION_IMBALANCE, MARK = 34, 35, 36, 37
SHORTABLE, HALTED, TRADE_COUNT, TRADE_RATE, VOLUME_RATE, LAST_RTH = 46, 49, 54, 55, 56, 57
RT_VOLATILITY, DIVIDENDS, AVERAGE_OPTION_VOLUME, SHORTABLE_SHARES = 58, 59, 87, 89
WEEKS = ((LOW_13, HIGH_13, 65), (LOW_26, HIGH_26, 130), (LOW_52, HIGH_52, 252))
AVERAGE_DAYS = 90
INTEREST_LOG = 7.0  # of an option: about a thousand contracts
HARD = 2.0  # shares must be located first
EASY = 3.0  # at least a thousand shares can be borrowed


class GenericTickCounter:
    """Counts a contract's generic ticks; the daily part is kept."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._daily = lru_cache(maxsize=512)(self._count_daily)

    def ticks(self, instrument: Instrument, at: float) -> dict[int, Value]:
        """Return values by tick type id, only those that apply to the instrument."""
        index = instrument.calendar.index_at(at)
        found = dict(self._daily(instrument, index))
        found[HALTED] = 0.0 if self._market.halted_until(instrument, at) is None else 1.0
        found[MARK] = self._market.price(instrument, at)
        if instrument.secType == "STK":
            found |= self._tempo(instrument, at)
        return found

    def _count_daily(self, instrument: Instrument, index: int) -> dict[int, Value]:
        market, series = self._market, self._market.series(instrument.series)
        found: dict[int, Value] = {}
        if instrument.secType in ("STK", "IND"):
            found |= self._extremes(instrument, index)
            found[HISTORICAL_VOLATILITY] = round(realised_of_day(series, index), 6)
            found[IMPLIED_VOLATILITY] = round(implied_of_day(series, index), 6)
            found[RT_VOLATILITY] = found[HISTORICAL_VOLATILITY]
        if instrument.secType == "STK":
            days = range(max(index - AVERAGE_DAYS, market.first_day(instrument)), index)
            volumes = [market.liquid_row(instrument, day).volume for day in days] or [0]
            found[AVERAGE_VOLUME] = Decimal(round(float(np.mean(volumes))))
            found |= {
                SHORTABLE: HARD if instrument.symbol in HARD_TO_BORROW else EASY,
                SHORTABLE_SHARES: Decimal(round(instrument.volume)),
            }
            found[DIVIDENDS] = ",,,"
            found |= {AUCTION_VOLUME: Decimal(0), AUCTION_PRICE: 0.0, AUCTION_IMBALANCE: Decimal(0)}
        if instrument.strikeStep:
            scale = round(instrument.volume / 1000)
            found |= {CALL_INTEREST: Decimal(scale * 60), PUT_INTEREST: Decimal(scale * 45)}
            found |= {CALL_VOLUME: Decimal(scale * 6), PUT_VOLUME: Decimal(scale * 4)}
            found[AVERAGE_OPTION_VOLUME] = Decimal(scale * 10)
        if instrument.strike is not None:
            own, other = (PUT_INTEREST, CALL_INTEREST) if instrument.right == "P" else (CALL_INTEREST, PUT_INTEREST)
            drawn = self._market.stream("open interest", instrument.conId, index).lognormal(INTEREST_LOG, 1.0)
            found |= {own: Decimal(round(float(drawn))), other: Decimal(0)}
        if instrument.secType == "IND":
            found[PREMIUM] = 0.0
        if instrument.secType == "FUT":
            found[FUTURES_INTEREST] = Decimal(round(instrument.volume * 1.4))
        return found

    def _extremes(self, instrument: Instrument, index: int) -> dict[int, Value]:
        series = self._market.series(instrument.series)
        found: dict[int, Value] = {}
        for low, high, days in WEEKS:
            rows = series.rows(max(index - days, series.first), max(index, series.first + 1))
            found[low] = instrument.price(instrument.ticks(float(rows[:, 2].min()) * instrument.factor))
            found[high] = instrument.price(instrument.ticks(float(rows[:, 1].max()) * instrument.factor))
        return found

    def _tempo(self, instrument: Instrument, at: float) -> dict[int, Value]:
        """Return the number of trades of the day, and trades and volume of the last minute."""
        tape = self._market.tape_at(instrument, at)
        last = self._market.last_print(instrument, at)
        found: dict[int, Value] = {LAST_RTH: last.price} if last else {}
        if tape is None:
            return found
        minute, now = (int(i) for i in np.searchsorted(tape.prints.time, (at - 60, at), side="right"))
        volume = int(tape.prints.size[minute:now].sum(dtype=np.int64))
        return found | {TRADE_COUNT: float(now), TRADE_RATE: float(now - minute), VOLUME_RATE: float(volume)}
