"""Makes the shipped extracts from installed packages.

`python -m ibgateway.simulator.world.data.extract` refreshes them.

Needs bokeh-sampledata, skfolio and exchange_calendars, none of which the simulator imports at run time.
`SOURCES.md` gives each source and its licence.
"""

from __future__ import annotations

import csv
import gzip
import importlib
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
CALENDARS = ("XNYS", "CMES", "XETR", "XLON")
FIRST, LAST = "2000-01-01", "2030-12-31"
CLOSES_KEPT = 3270  # as many days as the recorded symbols have
SCALE = 10_000  # prices are stored as integers of 1/10,000
SPLIT = 1.3  # a jump of close/adj_close above this is a split; dividends stay far below
RENAMED = {"FB": "META"}


def main() -> None:
    recorded = dict(_recorded())
    np.savez_compressed(HERE / "recorded.npz", **recorded)  # type: ignore[arg-type]
    np.savez_compressed(HERE / "closes.npz", **dict(_closes(set(recorded))))  # type: ignore[arg-type]
    for name in CALENDARS:
        (HERE / f"calendar_{name}.json").write_text(json.dumps(_calendar(name), separators=(",", ":")) + "\n")


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{name} is not installed; install it, then run this again")
    return Path(spec.origin).parent


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as lines:
        return list(csv.DictReader(lines))


def _recorded() -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Open, high, low, close (splits undone), volume, and the dividend factor in millionths, a row for each day."""
    rows = _rows(_package("bokeh_sampledata") / "_data" / "stocks.csv.gz")
    for symbol in sorted({row["Ticker"] for row in rows}):
        mine = sorted((row for row in rows if row["Ticker"] == symbol), key=lambda row: row["Date"])
        prices = np.array([[float(row[c]) for c in ("Open", "High", "Low", "Close")] for row in mine])
        adjusted = np.array([float(row["Adj Close"]) for row in mine])
        volume = np.array([int(row["Volume"]) for row in mine])
        split = _split_factor(adjusted / prices[:, 3])
        total = adjusted / prices[:, 3]
        dividend = (total / total[-1]) * split  # what is left of the adjustment once splits are undone
        prices = np.rint(prices / split[:, None] * 100) * (SCALE // 100)
        prices[:, 1] = prices.max(axis=1)
        prices[:, 2] = prices.min(axis=1)
        columns = [*prices.T, np.rint(volume * split), np.rint(dividend * 1_000_000)]
        yield RENAMED.get(symbol, symbol), np.stack(columns, axis=1).astype(np.int64)


def _split_factor(ratio: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the number of the last day's shares that one share of each day has become."""
    jumps = ratio[1:] / ratio[:-1]
    splits = np.where(jumps > SPLIT, np.rint(jumps * 2) / 2, 1.0)
    return np.append(np.cumprod(splits[::-1])[::-1], 1.0)


def _closes(recorded: set[str]) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    folder = _package("skfolio") / "datasets" / "data"
    for name in ("sp500_dataset.csv.gz", "sp500_index.csv.gz"):
        rows = _rows(folder / name)[-CLOSES_KEPT:]
        for symbol in rows[0]:
            if symbol != "Date" and symbol not in recorded:
                yield symbol, np.rint(np.array([float(row[symbol]) for row in rows]) * SCALE).astype(np.int64)


def _calendar(name: str) -> dict[str, Any]:
    """Weekdays without a session, and the sessions that end early (local time)."""
    exchange_calendars = importlib.import_module("exchange_calendars")
    pandas = importlib.import_module("pandas")
    calendar = exchange_calendars.get_calendar(name, start=FIRST, end=LAST)
    weekdays = pandas.bdate_range(FIRST, LAST)
    early = {
        day.strftime("%Y%m%d"): calendar.closes[day].tz_convert(calendar.tz).strftime("%H%M")
        for day in calendar.early_closes
    }
    holidays = [day.strftime("%Y%m%d") for day in weekdays.difference(calendar.sessions)]
    return {"first": FIRST, "last": LAST, "holidays": holidays, "earlyCloses": early}


if __name__ == "__main__":
    main()
