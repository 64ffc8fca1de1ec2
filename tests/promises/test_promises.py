"""Short runs of the measurements beside this file."""

from pathlib import Path

import pytest

from tests.promises import limits, previews, switch


@pytest.mark.fault(58)
async def test_no_preview_sends_an_order(redis_url: str, session: str) -> None:
    seen = await previews.play(redis_url, session, count=120, seed=58)

    assert (seen.told.total(), seen.orders) == (120, 0)
    assert seen.frames > 40
    assert seen.told["token"] > 20
    assert seen.told["refused at the edge"] > 5


@pytest.mark.fault(106)
async def test_no_flood_gets_an_order_past_a_limit_a_mode_or_the_switch(redis_url: str, session: str) -> None:
    seen = await limits.play_all(redis_url, session, rounds=3, orders=30, seed=4)

    assert seen.wrong == []
    assert seen.frames > 3
    assert seen.told["max_quantity"] > 0


@pytest.mark.fault(105)
async def test_the_switch_stops_every_replica_and_outlives_a_restart(tmp_path: Path) -> None:
    seen = await switch.play_all(tmp_path, rounds=1, seed=105)

    assert seen.held, seen
    assert seen.told["placed"] > 5
