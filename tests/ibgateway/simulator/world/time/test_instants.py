"""The spellings of an instant that TWS accepts, and its error for any other."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.time.instants import instant
from tests.stacks.ibgateway.world_and_trader import START, at

EASTERN = "US/Eastern"


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("20250612 09:30:00 US/Eastern", at(9, 30, day=12)),
        ("20250612  09:30:00  US/Eastern", at(9, 30, day=12)),
        ("20250612 15:30:00 Europe/Berlin", at(9, 30, day=12)),
        ("20250612 09:30:00", at(9, 30, day=12)),
        ("20250612 9:30", at(9, 30, day=12)),
        ("20250612-13:30:00", at(9, 30, day=12)),  # a dash: UTC
        ("11:15:00", at(11, 15)),  # today
        ("20250612", at(0, day=12)),
        ("2025-06-12 13:30:00.0", at(9, 30, day=12)),  # as historical news have it: UTC
    ],
)
def test_an_instant_is_read_in_every_spelling(text: str, time: float) -> None:
    assert instant(text, EASTERN, START) == time


def test_no_text_is_no_instant() -> None:
    assert instant("", EASTERN, START) is None


def test_today_is_the_day_of_the_named_zone() -> None:
    assert instant("01:00:00 Asia/Tokyo", EASTERN, at(20)) == at(12)  # it is the 12th in Tokyo, where one is noon here


@pytest.mark.parametrize(
    "text", ["yesterday", "20250631 10:00:00", "20250612 25:00:00", "20250612 10:00:00 Nowhere/City", "2025-06-12"]
)
def test_what_tws_can_not_read_is_10314(text: str) -> None:
    with pytest.raises(Refusal, match="invalid") as refused:
        instant(text, EASTERN, START)

    assert refused.value.code == 10314
