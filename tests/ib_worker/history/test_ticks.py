"""Pages of ticks: none is lost and none comes twice, though many have the same second."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ib_async import HistoricalTick, HistoricalTickBidAsk, HistoricalTickLast, TickAttribBidAsk, TickAttribLast

from ib_worker.history.ticks import MOST_TICKS, TickPosition, page, table

T0 = 1_749_650_400  # 2025-06-11 10:00:00 in New York
NEW_YORK = ZoneInfo("US/Eastern")


@dataclass(frozen=True)
class Tick:
    """A tick with a number, so that a repeated one shows."""

    time: datetime
    number: int


def series(*seconds: int) -> list[Tick]:
    return [Tick(datetime.fromtimestamp(T0 + second, UTC), number) for number, second in enumerate(seconds)]


def answer(ticks: Sequence[Tick], place: TickPosition, whole: bool = True) -> list[Tick]:
    """Return what TWS answers: from a second on, or up to one; the second at which it cuts is whole."""
    if place.forward:
        found = [tick for tick in ticks if tick.time.timestamp() >= place.second]
        kept = found[:MOST_TICKS]
        more = [tick for tick in found[MOST_TICKS:] if tick.time == kept[-1].time]
        return kept + (more if whole else [])
    found = [tick for tick in ticks if tick.time.timestamp() <= place.second + 1]
    kept = found[-MOST_TICKS:]
    return [tick for tick in found[:-MOST_TICKS] if tick.time == kept[0].time] * whole + kept


def read(ticks: Sequence[Tick], place: TickPosition | None, limit: int, until: int | None = None) -> list[int]:
    """Return the numbers of all pages' ticks, oldest first."""
    numbers: list[int] = []
    while place is not None:
        found = page(answer(ticks, place), TickPosition.of(place.cursor), limit, until)
        taken = [tick.number for tick in found.ticks]
        numbers = numbers + taken if place.forward else taken + numbers
        assert len(taken) <= limit
        place = found.following
    return numbers


BURSTS = [second // 3 for second in range(3_000)] + [1_100] * 1_500 + [1_100 + second // 7 for second in range(2_000)]


@pytest.mark.parametrize("limit", [1, 7, 100, 1_000])
@pytest.mark.parametrize("forward", [True, False])
def test_all_pages_together_have_each_tick_once(limit: int, forward: bool) -> None:
    ticks = series(*(BURSTS if limit > 1 else BURSTS[:300]))
    place = TickPosition(True, T0) if forward else TickPosition(False, T0 + 5_000)

    assert read(ticks, place, limit) == [tick.number for tick in ticks]


def test_a_short_series_has_no_following_page() -> None:
    ticks = series(0, 0, 1)

    assert page(ticks, TickPosition(True, T0), 3).following is None
    assert page(ticks, TickPosition(False, T0 + 9), 3).following is None
    assert page(ticks, TickPosition(True, T0), 2).following == TickPosition(True, T0, 2)
    assert [tick.number for tick in page(ticks, TickPosition(False, T0 + 9), 2).ticks] == [1, 2]


def test_a_series_ends_with_its_last_second() -> None:
    ticks = series(*range(2_000))

    assert read(ticks, TickPosition(True, T0), 100, until=T0 + 149) == list(range(150))
    assert read(ticks, TickPosition(False, T0 + 149), 100) == list(range(150))
    assert read(ticks, TickPosition(True, T0), 100, until=T0 + 1_499) == list(range(1_500))


def test_ticks_that_come_after_a_page_do_not_shift_the_next() -> None:
    ticks = series(*[second // 4 for second in range(400)])
    first = page(answer(ticks, TickPosition(True, T0)), TickPosition(True, T0), 50)
    assert first.following is not None
    more = [*ticks, *series(*[500] * 900)]
    second = page(answer(more, first.following), first.following, 50)

    assert [tick.number for tick in second.ticks] == list(range(50, 100))


def test_what_tws_cuts_inside_a_second_ends_after_it() -> None:
    ticks = series(*[0] * 1_500, 1, 2)
    found = page(answer(ticks, TickPosition(True, T0), whole=False), TickPosition(True, T0, 1_000), 100)

    assert (found.ticks, found.following) == ([], TickPosition(True, T0 + 1))


def test_a_place_names_tws_start_or_end_in_utc() -> None:
    assert (TickPosition(True, T0).start, TickPosition(True, T0).end) == ("20250611-14:00:00", "")
    assert (TickPosition(False, T0).start, TickPosition(False, T0).end) == ("", "20250611-14:00:01")
    assert TickPosition.of(TickPosition(False, T0, 17).cursor) == TickPosition(False, T0, 17)


def at(second: int) -> datetime:
    return datetime.fromtimestamp(T0 + second, UTC)


def test_what_is_equal_in_all_trades_is_told_once() -> None:
    def trade(second: int, price: float) -> Any:
        return HistoricalTickLast(at(second), TickAttribLast(), price, 100.0, "ARCA", "")

    same, columns, rows = table([trade(0, 370.5), trade(1, 371.0)], "TRADES", NEW_YORK)

    assert same == {
        "date": "2025-06-11", "utcOffset": "-04:00", "size": 100, "exchange": "ARCA", "specialConditions": None,
        "pastLimit": False, "unreported": False,
    }  # fmt: skip
    assert columns == ["time", "price"]
    assert rows == [["10:00:00", 370.5], ["10:00:01", 371]]


def test_a_missing_side_is_null() -> None:
    tick = HistoricalTickBidAsk(at(0), TickAttribBidAsk(), -1.0, 370.5, 0.0, 200.0)
    _, columns, rows = table([tick], "BID_ASK", NEW_YORK)

    assert dict(zip(columns, rows[0], strict=True)) == {
        "date": "2025-06-11", "time": "10:00:00", "utcOffset": "-04:00", "bid": None, "bidSize": 0, "ask": 370.5,
        "askSize": 200,
    }  # fmt: skip


def test_the_hour_that_the_clock_shows_twice_is_told_apart() -> None:
    changes = [datetime(2025, 11, 2, hour, 30, tzinfo=UTC) for hour in (5, 6)]
    same, columns, rows = table([HistoricalTick(each, 1.1, 0.0) for each in changes], "MIDPOINT", NEW_YORK)

    assert same == {"date": "2025-11-02", "time": "01:30:00", "price": 1.1}
    assert (columns, rows) == (["utcOffset"], [["-04:00"], ["-05:00"]])


def test_a_page_without_ticks_has_columns() -> None:
    assert table([], "TRADES", NEW_YORK) == ({}, ["time", "price", "size"], [])
