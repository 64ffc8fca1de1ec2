"""Windows' names of time zones, each with the zone of tzdata that has its rules."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ib_worker.tws.values.windows_zones import WINDOWS


def test_every_zone_is_one_of_tzdata() -> None:
    assert {ZoneInfo(each).key for each in WINDOWS.values()} == set(WINDOWS.values())


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("Eastern Standard Time", -4),
        ("Pacific Standard Time", -7),
        ("GMT Standard Time", 1),
        ("W. Europe Standard Time", 2),
        ("Tokyo Standard Time", 9),
        ("India Standard Time", 5.5),
    ],
)
def test_a_name_has_the_summer_time_of_its_place(name: str, hours: float) -> None:
    assert datetime(2025, 7, 1, tzinfo=ZoneInfo(WINDOWS[name])).utcoffset() == timedelta(hours=hours)


def test_every_name_is_spelt_as_windows_spells_it() -> None:
    others = {name for name in WINDOWS if not name.endswith((" Standard Time", " Standard Time (Mexico)"))}

    assert others == {"Russia Time Zone 3", "Russia Time Zone 10", "Russia Time Zone 11", "UTC"}


@pytest.mark.parametrize("name", ["Arabian Standard Time", "UTC-11"])
def test_what_means_several_places_or_a_bare_offset_is_left_out(name: str) -> None:
    assert name not in WINDOWS
