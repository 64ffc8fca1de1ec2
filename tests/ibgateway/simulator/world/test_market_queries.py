"""Queries about the market know no future, and no option without its numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ibgateway.simulator.model.chunks import at_once
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, START, option, stock


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


def test_a_contract_without_an_exchange_is_told_once_for_each(quiet: World) -> None:
    every = quiet.contract_details(Contract(symbol="AAPL", secType="STK", currency="USD"))
    one = quiet.contract_details(AAPL)

    assert [each.contract.exchange for each in every] == one[0].validExchanges.split(",")
    assert [each.contract.exchange for each in one] == ["SMART"]
    assert len(quiet.contract_details(Contract(conId=265598))) == 1


def test_a_look_is_at_now_where_no_time_is_named(quiet: World) -> None:
    contract, call = quiet.resolve(AAPL), quiet.resolve(option(430.0))

    assert quiet.snapshot(contract) == quiet.snapshot(contract, START)
    assert quiet.snapshot(contract, START - 600).time == START - 600
    assert quiet.depth(contract, 3) == quiet.depth(contract, 3, START)
    assert quiet.option_computation(call) == quiet.option_computation(call, START)
    assert quiet.option_computation(call, START - 600) != quiet.option_computation(call)
    assert quiet.schedule(contract, None, 3, True) == quiet.schedule(contract, START, 3, True)


def test_an_options_snapshot_is_the_same_until_its_next_quote_or_print(quiet: World) -> None:
    call, at = quiet.resolve(option(430.0)), START
    for _ in range(40):
        until = quiet.unchanged_until(call, at)

        assert until > at
        assert replace(quiet.snapshot(call, until - 1e-4), time=at) == quiet.snapshot(call, at)
        assert quiet.quotes(call, at, until) or quiet.trades(call, at, until)
        at = until


def test_a_closed_contracts_snapshot_is_not_promised(quiet: World) -> None:
    call, night = quiet.resolve(option(430.0)), START - 12 * 3600

    assert quiet.snapshot(call, night).quote.bid is None
    assert quiet.unchanged_until(call, night) == night


def test_quotes_prints_and_ticks_are_the_contracts_own(quiet: World) -> None:
    contract = quiet.resolve(AAPL)

    assert quiet.quotes(contract, START - 10, START)
    assert quiet.trades(contract, START - 10, START)
    assert quiet.generic_ticks(contract, START - 600) != quiet.generic_ticks(contract)
    assert quiet.time_zone(contract) == "US/Eastern"
    assert quiet.bbo_exchange(contract) == "9c0001"
    assert [each.exchange for each in quiet.smart_components("9c0001")][:1] == ["AMEX"]


def test_history_is_answered_at_once_or_in_pieces_alike(quiet: World) -> None:
    asked = (quiet.resolve(AAPL), None, "2 D", "1 hour", "TRADES", True)

    assert quiet.bars(*asked) == at_once(quiet.bars_in_pieces(*asked))
    assert quiet.histogram(asked[0], True, "1 day") == at_once(quiet.histogram_in_pieces(asked[0], True, "1 day"))


def test_a_halt_is_of_one_contract_from_now_on(world: World) -> None:
    world.halt(world.resolve(AAPL), START + 60)

    assert world.snapshot(world.resolve(AAPL)).halted > 0
    assert world.snapshot(world.resolve(stock("IBM"))).halted == 0
    assert [text for _, _, text, _ in world.bulletins(START - 1, START + 1) if "AAPL" in text]
