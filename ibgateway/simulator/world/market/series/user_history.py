"""The user's own daily history: a folder with a CSV file for each symbol.

`SYMBOL.csv` has the columns date, open, high, low, close, volume, and optionally adjClose; dates are yyyy-mm-dd or
yyyymmdd. Rows keep their dates: a day that the file misses repeats the close before it, and days after its end are
drawn from the seed. A symbol that the catalogue knows gets this history, any other becomes a US stock of its own.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np

from ibgateway.simulator.world.instruments.guess import Guess
from ibgateway.simulator.world.market.series.daily_series import OWN, Floats, Source
from ibgateway.simulator.world.time.calendar import Calendar

COLUMNS = ("open", "high", "low", "close", "volume")
YEAR = 252
LEAST_ROWS = 2


@dataclass(frozen=True)
class UserHistory:
    """One file, read."""

    symbol: str
    path: Path
    days: tuple[date, ...]
    rows: Floats  # open, high, low, close, volume, dividend factor

    @property
    def guess(self) -> Guess:
        """Return the file's price, volatility and volume."""
        closes = self.rows[:, 3]
        volatility = float(np.std(np.diff(np.log(closes)))) * YEAR**0.5
        return Guess(float(closes[-1]), max(volatility, 0.01), max(float(self.rows[:, 4].mean()), 1.0))

    def source(self, calendar: Calendar) -> tuple[Source, int]:
        """Rows for each trading day from the first to the last, and the number of the day after the last."""
        first, last = calendar.index_of(self.days[0]), calendar.index_of(self.days[-1])
        known = dict(zip(self.days, self.rows, strict=True))
        filled: list[Floats] = []
        for index in range(first, last + 1):
            row = known.get(calendar.day(index))
            filled.append(_quiet(filled[-1]) if row is None else row)
        return Source(OWN, f"{self.path.name} of --data", np.array(filled)), last + 1


def load(folder: Path) -> dict[str, UserHistory]:
    """Every CSV file of the folder, by symbol; ValueError names the file and line that can't be read."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    return {path.stem.upper(): _read(path) for path in sorted(folder.glob("*.csv"))}


def _read(path: Path) -> UserHistory:
    with path.open(newline="") as lines:
        reader = csv.DictReader(lines)
        names = {name.strip().lower(): name for name in reader.fieldnames or ()}
        missing = [name for name in ("date", *COLUMNS) if name not in names]
        if missing:
            raise ValueError(f"{path}: no column {', '.join(missing)}")
        found = [_row(path, number, row, names) for number, row in enumerate(reader, start=2)]
    if len(found) < LEAST_ROWS:
        raise ValueError(f"{path}: days found: {len(found)}; at least {LEAST_ROWS} are needed")
    found.sort(key=lambda pair: pair[0])
    days = tuple(day for day, _ in found)
    if len(set(days)) < len(days):
        raise ValueError(f"{path}: a date comes twice")
    return UserHistory(path.stem.upper(), path, days, np.array([row for _, row in found]))


def _row(path: Path, number: int, row: dict[str, str], names: dict[str, str]) -> tuple[date, list[float]]:
    try:
        day = datetime.strptime(row[names["date"]].strip().replace("-", ""), "%Y%m%d").date()
        opening, high, low, close, volume = (float(row[names[name]]) for name in COLUMNS)
        adjusted = row.get(names.get("adjclose", ""), "")
        factor = float(adjusted) / close if adjusted else 1.0
    except (ValueError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise ValueError(f"{path}, line {number}: {error}") from error
    values = (opening, high, low, close, volume, factor)
    if not np.isfinite(values).all() or not 0 < low <= min(opening, close) <= max(opening, close) <= high or volume < 0:
        raise ValueError(f"{path}, line {number}: prices must be positive, low lowest and high highest")
    return day, list(values)


def _quiet(before: Floats) -> Floats:
    close = before[3]
    return np.array([close, close, close, close, 0.0, before[5]])
