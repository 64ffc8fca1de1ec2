"""Short runs of the measurements beside this file."""

from pathlib import Path

import pytest

from tests.promises import limits, previews, switch, worth


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


@pytest.mark.trial("A1", "A4", "A5")
def test_random_orders_are_worth_what_is_worked_out_and_none_over_a_limit_passes() -> None:
    seen = worth.play(2_000, seed=13)

    assert seen.wrong == []
    assert seen.compared > 800
    assert min(seen.told[each] for each in ("passed", "max_order_value", "no_exchange_rate", "no_fresh_quote")) > 100


@pytest.mark.trial("A4", "A5", "A6")
async def test_every_sec_type_is_worth_what_the_simulators_instruments_say(redis_url: str, session: str) -> None:
    seen = await worth.sweep(redis_url, session, ("MKT", "LMT"), ("DAY",))

    assert seen.wrong == []
    assert seen.compared > 15
    assert seen.told["max_order_value"] > 15


@pytest.mark.fault(105)
async def test_the_switch_stops_every_replica_and_outlives_a_restart(tmp_path: Path) -> None:
    seen = await switch.play_all(tmp_path, rounds=1, seed=105)

    assert seen.held, seen
    assert seen.told["placed"] > 5
