"""A trading schedule of a contract's hours: its sessions as rows, and when it opens and closes next. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

import ib_async

from bridge.tools.market.history import Moment, NextChange
from bridge.tools.types import Cell
from ib_worker.tws.values.hours import Day

COLUMNS = ("date", "weekday", "day", "hours", "opens", "closes", "opensUtc", "closesUtc")
UNKNOWN = NextChange(open=None, opens=None, closes=None)
SESSION_FORMAT = "%Y%m%d-%H:%M:%S"
MINUTE_S = 60

Span = tuple[datetime, datetime]  # local, without a zone


@dataclass(frozen=True)
class Listed:
    """The days that TWS lists, with regular hours and with all hours. `zone` None: TWS's name for it is unknown."""

    regular: Sequence[Day]
    all_hours: Sequence[Day]
    zone: tzinfo | None

    @property
    def extended(self) -> bool:
        """Return whether it trades outside regular hours, too."""
        return _spans(self.regular) != _spans(self.all_hours)


def next_change(listed: Sequence[Day], zone: tzinfo | None, now: datetime) -> NextChange:
    """Return whether it is open at `now`, and its next opening and close; unknown where the days do not reach `now`."""
    if zone is None or not _reach(listed, now.astimezone(zone)):
        return UNKNOWN
    joined = _joined([_instants(span, zone) for span in _spans(listed)])
    current = next((each for each in joined if each.start <= now < each.end), None)
    later = next((each for each in joined if each.start > now), None)
    ending = current or later
    return NextChange(
        open=current is not None,
        opens=later and _moment(later.start, zone, now),
        closes=None
        if ending is None or (ending.parts > 1 and ending is joined[-1])
        else _moment(ending.end, zone, now),
    )


def rows(listed: Listed, past: Sequence[Day] = ()) -> list[list[Cell]]:
    """Return a row for each span of regular hours, one for all hours where they are longer, and one for a closed
    day."""
    every = {day.date: day for day in listed.all_hours}
    usual = _usual([*past, *listed.regular])
    told: list[list[Cell]] = []
    for day in [*past, *listed.regular]:
        whole = every.get(day.date)
        told += _told(day, "shortened" if day.spans and _minutes(day) < usual else "open", "regular", listed.zone)
        if whole is not None and whole.spans and whole.spans != day.spans:
            told += _told(whole, "open", "all", listed.zone)
    return told


def past_days(sessions: Iterable[ib_async.HistoricalSession], first: date, before: date) -> list[Day]:
    """Return each day from `first` to the one before `before`, with its session if it had one. Raises ValueError for a
    session that is none."""
    spans: dict[str, list[Span]] = {}
    for each in sessions:
        start, end = (datetime.strptime(at, SESSION_FORMAT) for at in (each.startDateTime, each.endDateTime))
        spans.setdefault(each.refDate, []).append((start, end))
    dates = [f"{first + timedelta(days=number):%Y%m%d}" for number in range((before - first).days)]
    return [Day(each, tuple(spans.get(each, ()))) for each in dates]


def first_date(listed: Sequence[Day]) -> date | None:
    return min(map(_trading_date, listed), default=None)


def _trading_date(day: Day) -> date:
    """Return the date on which the day's last session ends: TWS lists a session that begins the evening before under
    the date of its beginning. A session that ends at midnight is of the day before."""
    if not day.spans:
        return datetime.strptime(day.date, "%Y%m%d").date()
    return (day.spans[-1][1] - timedelta(minutes=1)).date()


@dataclass(frozen=True)
class _Joined:
    """Spans that follow one another without a pause, as those of a market that never closes."""

    start: datetime
    end: datetime
    parts: int


def _joined(spans: Iterable[Span]) -> list[_Joined]:
    joined: list[_Joined] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1].end:
            last = joined[-1]
            joined[-1] = _Joined(last.start, max(end, last.end), last.parts + 1)
        else:
            joined.append(_Joined(start, end, 1))
    return joined


def _reach(listed: Sequence[Day], local: datetime) -> bool:
    """Return whether the days speak of that time: from the first one on, to the end of the last."""
    spans = _spans(listed)
    dates = [day.date for day in listed]
    if not dates:
        return False
    last = max([f"{end:%Y%m%d}" for _, end in spans] + dates)
    first = min([f"{start:%Y%m%d}" for start, _ in spans] + dates)
    return first <= f"{local:%Y%m%d}" <= last


def _spans(listed: Sequence[Day]) -> list[Span]:
    return [span for day in listed for span in day.spans]


def _instants(span: Span, zone: tzinfo) -> Span:
    """Return a span in UTC. Of a time that the clock shows twice it begins with the first, and ends with the second."""
    start, end = span
    return start.replace(tzinfo=zone).astimezone(UTC), end.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _moment(at: datetime, zone: tzinfo, now: datetime) -> Moment:
    minutes = int((at - now).total_seconds() // MINUTE_S)
    return Moment(local=at.astimezone(zone), utc=at, inMinutes=minutes)


def _minutes(day: Day) -> int:
    return sum(int((end - start).total_seconds()) // MINUTE_S for start, end in day.spans)


def _usual(listed: Sequence[Day]) -> int:
    """Return the minutes of most days; where two lengths are as frequent, the longer one."""
    lengths = Counter(_minutes(day) for day in listed if day.spans)
    return max(lengths, key=lambda length: (lengths[length], length), default=0)


def _told(day: Day, name: str, hours: str, zone: tzinfo | None) -> list[list[Cell]]:
    if not day.spans:
        closed = datetime.strptime(day.date, "%Y%m%d")
        return [[closed.date().isoformat(), f"{closed:%a}", "closed", *[None] * 5]]
    return [_row(span, _trading_date(day), name, hours, zone) for span in day.spans]


def _row(span: Span, of: date, name: str, hours: str, zone: tzinfo | None) -> list[Cell]:
    told: list[Cell] = [of.isoformat(), f"{of:%a}", name, hours]
    if zone is None:
        return [*told, *(each.isoformat(timespec="minutes") for each in span), None, None]
    instants = _instants(span, zone)
    local = [each.astimezone(zone).isoformat(timespec="minutes") for each in instants]
    return [*told, *local, *(f"{each:%Y-%m-%dT%H:%MZ}" for each in instants)]
