"""Trading days and their sessions: which spans of a day an instrument trades in, and which of them are liquid hours."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from ibgateway.simulator.model.market_data import TradingSession

DATA = Path(__file__).parents[1] / "data"
DAY_S = 86_400
LATER_S = 3_600  # after the opening, and before the close
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class TradingSpan:
    """One uninterrupted stretch of a trading day. `kind` names it within the day: pre, rth or post."""

    kind: str
    start: float
    end: float

    @property
    def liquid(self) -> bool:
        return self.kind == "rth"


@dataclass(frozen=True)
class TradingHours:
    """A kind of trading day: its spans in local minutes from midnight (negative: the evening before)."""

    exchange: str  # whose holidays: the name of a calendar extract, or "" for forex
    zone: str  # as TWS names it
    spans: tuple[tuple[str, int, int], ...]
    early_post: int = 0  # how long extended hours last after an early close


def _at(clock: str) -> int:
    return int(clock[:-2]) * 60 + int(clock[-2:])


HOURS = {
    "US_STOCK": TradingHours(
        "XNYS",
        "US/Eastern",
        (("pre", _at("0400"), _at("0930")), ("rth", _at("0930"), _at("1600")), ("post", _at("1600"), _at("2000"))),
        early_post=240,
    ),
    "US_OPTION": TradingHours("XNYS", "US/Eastern", (("rth", _at("0930"), _at("1600")),)),
    "US_INDEX": TradingHours("XNYS", "US/Central", (("rth", _at("0830"), _at("1500")),)),
    "CME": TradingHours("CMES", "US/Central", (("pre", -7 * 60, _at("0830")), ("rth", _at("0830"), _at("1600")))),
    "XETRA": TradingHours("XETR", "MET", (("rth", _at("0900"), _at("1730")),)),
    "LSE": TradingHours("XLON", "GB-Eire", (("rth", _at("0800"), _at("1630")),)),
    "FOREX": TradingHours("", "US/Eastern", (("rth", -(6 * 60 + 45), _at("1700")),)),
}


class Calendar:
    """The trading days of one kind of hours, numbered from 2000 on."""

    def __init__(self, hours: TradingHours) -> None:
        self.hours = hours
        self.zone = ZoneInfo(hours.zone)
        raw = _extract(hours.exchange)
        first, last = date.fromisoformat(raw["first"]), date.fromisoformat(raw["last"])
        self._early = {_ordinal(_date(day)): _at(clock) for day, clock in raw["earlyCloses"].items()}
        every = np.arange(_ordinal(first), _ordinal(last) + 1)
        weekdays = every[(every + 3) % 7 < 5]  # 1970-01-01 was a Thursday
        holidays = [_ordinal(_date(day)) for day in raw["holidays"]]
        self.days = weekdays[~np.isin(weekdays, holidays)]
        self._spans: dict[int, tuple[TradingSpan, ...]] = {}
        self._latest = (math.inf, -math.inf, 0)  # a day's start, the next day's, and its number: most ask for now
        self.index_of = lru_cache(maxsize=1024)(self._find_index)

    def __len__(self) -> int:
        return len(self.days)

    def day(self, index: int) -> date:
        return EPOCH + timedelta(days=int(self.days[index]))

    def midnight(self, index: int) -> float:
        """Midnight UTC of the trading day, which is how daily bars are stamped."""
        return float(self.days[index]) * DAY_S

    def spans(self, index: int) -> tuple[TradingSpan, ...]:
        """The day's spans, in order."""
        found = self._spans.get(index)
        if found is None:
            found = self._spans[index] = self._make_spans(index)
        return found

    def _make_spans(self, index: int) -> tuple[TradingSpan, ...]:
        day = self.day(index)
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=self.zone)
        early = self._early.get(int(self.days[index]))
        spans = []
        for kind, start, end in self.hours.spans:
            if early is not None and kind == "rth":
                end = min(end, early + self._early_shift())
            if early is not None and kind == "post":
                start, end = early, early + self.hours.early_post
            spans.append(TradingSpan(kind, self._instant(noon, start), self._instant(noon, end)))
        return tuple(spans)

    def _early_shift(self) -> int:
        """An extract's early closes are in its exchange's zone; the index's hours are an hour behind it."""
        return -60 if self.hours.exchange == "XNYS" and self.hours.zone == "US/Central" else 0

    def _instant(self, noon: datetime, minutes: int) -> float:
        local = noon.replace(tzinfo=None) + timedelta(minutes=minutes - 12 * 60)
        return local.replace(tzinfo=self.zone).timestamp()

    def open_of(self, index: int) -> float:
        return self.spans(index)[0].start

    def close_of(self, index: int) -> float:
        return self.spans(index)[-1].end

    def index_at(self, time: float) -> int:
        """The last trading day that has begun at `time` (its first span's start); -1 before the first."""
        start, end, index = self._latest
        if start <= time < end:
            return index
        index = int(np.searchsorted(self.days, time // DAY_S + 1, side="right"))
        while index >= 0 and (index >= len(self.days) or self.open_of(index) > time):
            index -= 1
        if 0 <= index < len(self.days) - 1:
            self._latest = self.open_of(index), self.open_of(index + 1), index
        return index

    def _find_index(self, day: date) -> int:
        """Return the first trading day on or after a date."""
        return int(np.searchsorted(self.days, _ordinal(day)))

    def span_at(self, time: float) -> tuple[int, TradingSpan] | None:
        """The trading day and span that `time` is in; None when closed. A span holds its start and not its end."""
        index = self.index_at(time)
        if index >= 0:
            for span in self.spans(index):
                if span.start <= time < span.end:
                    return index, span
        return None

    def next_span(self, time: float, liquid: bool) -> tuple[int, TradingSpan]:
        """The span that `time` is in, or else the next one; only liquid hours if asked."""
        index = max(self.index_at(time), 0)
        while True:
            for span in self.spans(index):
                if span.end > time and (span.liquid or not liquid):
                    return index, span
            index += 1

    def sessions(self, end: float, days: int, liquid: bool) -> list[TradingSession]:
        """The sessions of the last `days` calendar days that begin before `end`, oldest first."""
        found: list[TradingSession] = []
        index = self.index_at(end)
        first = self.local(end).date() - timedelta(days=days)
        while index >= 0 and self.day(index) > first:
            spans = [span for span in self.spans(index) if span.liquid or not liquid]
            if spans[0].start < end:
                found.append(TradingSession(spans[0].start, spans[-1].end, f"{self.day(index):%Y%m%d}"))
            index -= 1
        return found[::-1]

    def local(self, time: float) -> datetime:
        return datetime.fromtimestamp(time, self.zone)

    def hours_text(self, time: float, liquid: bool, days: int = 6) -> str:
        """TWS's tradingHours or liquidHours: "20260405:CLOSED;20260406:0400-20260406:2000;…"."""
        today = self.local(time).date()
        return ";".join(self._day_text(today + timedelta(days=n), liquid) for n in range(days))

    def _day_text(self, day: date, liquid: bool) -> str:
        index = self.index_of(day)
        if index >= len(self.days) or self.day(index) != day:
            return f"{day:%Y%m%d}:CLOSED"
        spans = [span for span in self.spans(index) if span.liquid or not liquid]
        return f"{self.local(spans[0].start):%Y%m%d:%H%M}-{self.local(spans[-1].end):%Y%m%d:%H%M}"


@cache
def calendar(name: str) -> Calendar:
    """The calendar of a kind of hours; read once."""
    return Calendar(HOURS[name])


def last_open_session(now: float) -> float:
    """Return `now` where US stocks trade for at least another hour, else 10:30 in New York of the last day on which
    they did: a time at which everything trades."""
    days = calendar("US_STOCK")
    index = days.index_at(now)
    while True:
        regular = next(span for span in days.spans(index) if span.liquid)
        if regular.start + LATER_S <= now:
            return now if now < regular.end - LATER_S else regular.start + LATER_S
        index -= 1


def _extract(exchange: str) -> dict[str, Any]:
    if exchange:
        loaded: dict[str, Any] = json.loads((DATA / f"calendar_{exchange}.json").read_text())
        return loaded
    # Forex closes for New Year's Day and Christmas only.
    closed = [f"{year}{day}" for year in range(2000, 2031) for day in ("0101", "1225")]
    return {"first": "2000-01-01", "last": "2030-12-31", "holidays": closed, "earlyCloses": {}}


def _date(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()


def _ordinal(day: date) -> int:
    return (day - EPOCH).days
