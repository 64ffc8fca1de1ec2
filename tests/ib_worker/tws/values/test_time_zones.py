"""What a gateway means by the name behind a time: resolved, or unknown and said to be, and never a wrong instant."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ib_worker.orders.report import execution
from ib_worker.session.session import utcnow
from ib_worker.session.warnings import session_warnings
from ib_worker.tws.values.time_zones import LONG_NAMES, OTHER_LANGUAGES, instant, utc_time, zone
from ib_worker.tws.values.windows_zones import WINDOWS
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import ready_session
from tests.waiting import until

SUMMER, WINTER = datetime(2026, 7, 13, 15, 27, 4), datetime(2026, 1, 13, 15, 27, 4)  # as TWS writes


@pytest.mark.trial("C2")
@pytest.mark.parametrize(
    ("name", "summer_h", "winter_h"),
    [
        ("US/Eastern", -4, -5), ("us/eastern", -4, -5), ("America/New_York", -4, -5), ("GB-Eire", 1, 0), ("MET", 2, 1),
        ("JST", 9, 9), ("Japan Standard Time", 9, 9), ("Tokyo Standard Time", 9, 9), ("日本標準時", 9, 9),
        ("China Standard Time", 8, 8), ("中国标准时间", 8, 8), ("Singapore Standard Time", 8, 8),
        ("Central European Standard Time", 2, 1), ("Central European Summer Time", 2, 1), ("CEST", 2, 2),
        ("W. Europe Standard Time", 2, 1), ("Mitteleuropäische Zeit", 2, 1), ("GMT Standard Time", 1, 0),
        ("British Summer Time", 1, 0), ("Eastern Daylight Time", -4, -5), ("EST", -5, -5), ("EDT", -4, -4),
        ("GMT+2", 2, 2), ("GMT-05:00", -5, -5), ("UTC+08:00", 8, 8), ("+0900", 9, 9), ("Etc/GMT+2", -2, -2),
        ("UTC", 0, 0), ("GMT", 0, 0), ("Coordinated Universal Time", 0, 0), ("E. Australia Standard Time", 10, 10),
    ],
)  # fmt: skip
def test_a_zone_is_known_by_every_name_that_a_gateway_writes(name: str, summer_h: int, winter_h: int) -> None:
    for local, hours in ((SUMMER, summer_h), (WINTER, winter_h)):
        assert instant(local, name) == (local - timedelta(hours=hours)).replace(tzinfo=UTC)


@pytest.mark.trial("C2")
@pytest.mark.parametrize(
    "name",
    [
        "Nowhere Time",
        "../etc/passwd",
        "Europe",
        "",
        "CST",
        "IST",
        "BST",
        "Arabian Standard Time",
        "GMT+25",
        "\\xd6\\xd0",
    ],
)
def test_a_name_of_no_zone_or_of_several_is_none(name: str) -> None:
    assert zone(name) is None
    assert instant(SUMMER, name) is None


@pytest.mark.trial("C2")
def test_a_name_of_several_zones_counts_while_they_agree() -> None:
    assert instant(WINTER, "Greenwich Mean Time") == WINTER.replace(tzinfo=UTC)
    assert instant(SUMMER, "Greenwich Mean Time") is None


@pytest.mark.trial("C2")
def test_an_hour_that_the_clock_shows_twice_is_none() -> None:
    twice = datetime(2026, 11, 1, 1, 30)  # as TWS writes it

    assert instant(twice, "US/Eastern") is None
    assert instant(twice + timedelta(hours=1), "US/Eastern") == datetime(2026, 11, 1, 7, 30, tzinfo=UTC)


def test_every_zone_of_the_tables_is_one_of_tzdata() -> None:
    named = {*WINDOWS.values(), *OTHER_LANGUAGES.values(), *(each for zones in LONG_NAMES.values() for each in zones)}

    assert {ZoneInfo(each).key for each in named} == named


@pytest.mark.trial("C2")
@pytest.mark.parametrize(
    ("written", "gateway", "told"),
    [
        ("20260413 15:27:04 US/Eastern", "", "20260413 19:27:04 UTC"),
        ("20260113 15:27:04 US/Eastern", "", "20260113 20:27:04 UTC"),
        ("20260413 15:27:04 Central European Standard Time", "", "20260413 13:27:04 UTC"),
        ("20260413 15:27:04 Nowhere Time", "US/Eastern", None),
        ("20230224  12:04:56", "Asia/Tokyo", "20230224 03:04:56 UTC"),
        ("20230224  12:04:56", "", None),
        ("20260413-15:27:04", "Asia/Tokyo", "20260413-15:27:04"),
        ("1749652200", "Asia/Tokyo", "1749652200"),
    ],
)
def test_an_executions_time_is_told_in_utc_or_not_at_all(written: str, gateway: str, told: str | None) -> None:
    assert utc_time(written, gateway) == told


@pytest.mark.trial("C2")
@pytest.mark.parametrize(("name", "hour"), [("JST", 1), ("Tokyo Standard Time", 1), ("Nowhere Time", None)])
async def test_an_execution_of_another_zone_has_its_time_or_none_and_a_warning(name: str, hour: int | None) -> None:
    async with Simulator() as sim:
        sim.fault(f'zone "{name}"')
        async with ready_session(sim) as stand:
            sim.fault("liquidate BUY 1 AAPL")
            await until(lambda: sim.journal.entries("out", 11), "the execution is told")
            fill = (await stand.session.tws.ask_executions())[-1].execution
            told = execution(fill, (await stand.session.tws.ask_executions())[-1].contract, None)
            warned = [each.what for each in session_warnings(stand.session, utcnow()) if name in each.what]

    assert (told.time.astimezone(UTC).hour if told.time else None) == hour
    assert bool(warned) is (hour is None)
