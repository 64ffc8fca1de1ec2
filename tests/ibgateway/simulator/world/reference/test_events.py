"""Corporate events are within the dates that were asked for."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.reference.events import events
from ibgateway.simulator.world.world import World

DIRECTORY = Directory()
TODAY = date(2025, 6, 11)


def test_corporate_events_are_within_the_dates(quiet: World) -> None:
    meta = json.loads(quiet.wsh_meta())["data"]["meta_data"]["event_types"]
    events = json.loads(quiet.wsh_events(265598, start="20250101", end="20251231"))

    assert {each["event_type"] for each in events} == {each["tag"] for each in meta}
    assert len(events) == 8
    assert all("20250101" <= each["index_date"] <= "20251231" for each in events)
    watched = json.loads(quiet.wsh_events(filter='{"watchlist":["8314"],"wshe_div":"false"}'))
    assert {each["ticker"] for each in watched} == {"IBM"}
    assert {each["event_type"] for each in watched} == {"wshe_ed"}


@pytest.mark.parametrize("filter", ["", "nonsense", '{"watchlist":["x"]}', "[1]"])
def test_events_of_nobody_are_refused(quiet: World, filter: str) -> None:
    with pytest.raises(Refusal):
        quiet.wsh_events(filter=filter)


def found(
    conId: int = 265598, asked: str = "", start: str = "", end: str = "", total: int = 100
) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(events(DIRECTORY, conId, asked, start, end, total, TODAY))
    return told


def test_without_dates_it_is_the_next_ninety_days() -> None:
    days = [each["index_date"] for each in found()]

    assert days == sorted(days)
    assert days
    assert "20250611" <= days[0] <= days[-1] <= "20250909"


def test_events_are_told_up_to_a_number_soonest_first() -> None:
    every = found(start="20250101", end="20261231")

    assert found(start="20250101", end="20261231", total=3) == every[:3]
    assert len(found(start="20250101", end="20261231", total=0)) == 1


def test_a_kind_of_event_can_be_left_out() -> None:
    asked = '{"watchlist":["8314"],"wshe_ed":"false"}'

    assert {each["event_type"] for each in found(0, asked, "20250101", "20251231")} == {"wshe_div"}


def test_a_dividend_is_paid_two_weeks_after_its_ex_date() -> None:
    each = next(each for each in found(start="20250101", end="20251231") if each["event_type"] == "wshe_div")
    ex_date, paid = (datetime.strptime(each["data"][name], "%Y%m%d").date() for name in ("ex_date", "pay_date"))

    assert (paid - ex_date).days == 14
    assert each["index_date"] == each["data"]["ex_date"]


@pytest.mark.parametrize(("conId", "start"), [(756733, ""), (42, ""), (265598, "soon")])
def test_a_fund_a_stranger_and_a_bad_date_have_no_events(conId: int, start: str) -> None:
    with pytest.raises(Refusal) as refused:
        found(conId, start=start)

    assert refused.value.code == 10278
