"""The one object behind a gateway answers what no other file does."""

from __future__ import annotations

from datetime import datetime

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, ACCOUNT, NEW_YORK, START, Trader, at, new_world, option


def test_the_rest_of_the_reference_answers(quiet: World) -> None:
    assert quiet.family_codes() == [("DU1234567", "")]
    assert quiet.soft_dollar_tiers() == []
    assert quiet.user_info() == ""
    with pytest.raises(Refusal):
        quiet.fa_config(2)


@pytest.mark.parametrize("year", [1999, 2031])
def test_a_start_without_a_calendar_is_an_error(year: int) -> None:
    with pytest.raises(ValueError, match="2000"):
        new_world(start=datetime(year, 6, 11, 10, tzinfo=NEW_YORK).timestamp())


def test_a_run_is_repeated_to_the_event() -> None:
    def run() -> list[Event]:
        trader, events = Trader(new_world(seed=7)), []
        for orderType, price in (("MKT", None), ("LMT", 424.0), ("REL", None)):
            trader.place("BUY", 300, orderType, lmtPrice=price, auxPrice=0.01)
            events += trader.told
        trader.wait(START + 3600)
        return events + trader.told

    assert run() == run()


def test_time_does_not_go_back(world: World) -> None:
    world.advance(START + 60)
    world.advance(START + 30)

    assert world.now == START + 60


def test_the_next_due_is_when_an_order_or_an_expiry_may_happen(trader: Trader) -> None:
    world = trader.world
    assert world.next_due() is None

    trader.place("BUY", 1, "MKT", goodAfterTime="20250611 11:00:00 US/Eastern")

    assert world.next_due() == at(11)
    trader.wait(at(11))
    assert trader.statuses()[-1] == "Filled"


def test_a_new_day_begins_the_books_again(trader: Trader) -> None:
    trader.place("BUY", 10, "MKT")
    trader.place("SELL", 10, "MKT")
    assert trader.world.pnl(ACCOUNT, "").realizedPnL != 0

    trader.wait(at(4, day=12))

    assert trader.world.pnl(ACCOUNT, "").realizedPnL == 0


def test_there_is_no_future_to_be_had(quiet: World) -> None:
    contract = quiet.resolve(AAPL)

    late = quiet.historical_trades(contract, START - 5, START + 3600, 1000, True)

    assert late
    assert late[-1].time <= START


@pytest.mark.parametrize(("volatility", "under"), [(0.0, 430.0), (-1.0, 430.0), (0.3, 0.0)])
def test_an_option_is_not_priced_without_a_volatility_and_an_underlying(
    quiet: World, volatility: float, under: float
) -> None:
    with pytest.raises(Refusal) as refused:
        quiet.option_price(quiet.resolve(option(430.0)), volatility, under)

    assert refused.value.code == 321
