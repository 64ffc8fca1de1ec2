"""Margin of short options: shares and long options that cover them count against it."""

from __future__ import annotations

from dataclasses import dataclass

from ibgateway.simulator.world.instruments.instrument import Instrument

NAKED_SHARE, NAKED_LEAST = 0.2, 0.1  # of the underlying's value


@dataclass
class OptionPosition:
    """An option position, of which parts may be spoken for. Amounts are of one contract, in its currency."""

    instrument: Instrument
    left: float
    premium: float
    under: float
    rate: float  # of the currency

    @property
    def strike(self) -> float:
        return (self.instrument.strike or 0.0) * self.instrument.units

    @property
    def naked(self) -> float:
        """Return the premium plus a fifth of the underlying less the amount out of the money, at least a tenth."""
        out = self.strike - self.under if self.instrument.right == "C" else self.under - self.strike
        return self.premium + max(NAKED_SHARE * self.under - max(out, 0.0), NAKED_LEAST * self.under)

    def covers(self, short: OptionPosition) -> bool:
        """Report if it is long, of the same kind, and expires no earlier."""
        mine, other = self.instrument, short.instrument
        same = (mine.underConId, mine.right) == (other.underConId, other.right)
        return self.left > 0 and same and (mine.expiry or other.expiry) >= other.expiry  # type: ignore[operator]

    def loss(self, short: OptionPosition) -> float:
        """Return the largest loss of one short contract that this one covers."""
        away = self.strike - short.strike
        return max(away if self.instrument.right == "C" else -away, 0.0)


def margin(held: list[OptionPosition], shares: dict[int, float]) -> float:
    """Return the margin of all short options in the base currency; `shares` are stocks held, by contract id."""
    free = dict(shares)
    total = 0.0
    for short in (each for each in held if each.left < 0):
        left = -short.left - _covered_by_shares(short, free)
        for long in sorted((each for each in held if each.covers(short)), key=lambda each: each.loss(short)):
            paired = min(left, long.left)
            long.left -= paired
            left -= paired
            total += paired * min(long.loss(short), short.naked) * short.rate
        total += left * short.naked * short.rate
    return total


def _covered_by_shares(short: OptionPosition, free: dict[int, float]) -> float:
    """Return the contracts covered by shares: long shares cover calls, short shares puts."""
    conId, units = short.instrument.underConId, short.instrument.units
    shares = free.get(conId, 0.0) * (1 if short.instrument.right == "C" else -1)
    covered = min(-short.left, max(shares // units, 0.0))
    free[conId] = free.get(conId, 0.0) - covered * units * (1 if short.instrument.right == "C" else -1)
    return covered
