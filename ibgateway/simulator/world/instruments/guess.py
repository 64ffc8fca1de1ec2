"""Prices and volumes to assume for a series that has no data; the catalogue, users' files and drawn series use it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guess:
    """One series without data: its price, volatility and volume."""

    price: float
    volatility: float  # of a year, 0.2 = 20 %
    volume: float  # of a day
