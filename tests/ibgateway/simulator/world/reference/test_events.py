"""Corporate events are within the dates that were asked for."""

from __future__ import annotations

import json

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.world import World


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
