"""Symbols are found by their beginning and by names."""

from __future__ import annotations

from datetime import date

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.search import bbo_exchange, matching_symbols, option_chains, smart_components
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL

DIRECTORY = Directory()


def test_searching_finds_symbols_and_names(quiet: World) -> None:
    assert quiet.matching_symbols("AAPL")[0].contract.conId == 265598
    assert "MSFT" in [each.contract.symbol for each in quiet.matching_symbols("micro")]
    assert quiet.matching_symbols("qqqqqq") == []
    assert 0 < len(quiet.matching_symbols("a")) <= 16


def test_smart_components_belong_to_a_contracts_exchange_map(quiet: World) -> None:
    components = quiet.smart_components(quiet.bbo_exchange(quiet.resolve(AAPL)))

    assert len({each.exchangeLetter for each in components}) == len(components) > 10
    assert quiet.depth_exchanges()


def test_the_symbol_itself_comes_before_those_that_begin_with_it_and_names() -> None:
    found = [each.contract.symbol for each in matching_symbols(DIRECTORY, " a ")]
    names = [each.description for each in matching_symbols(DIRECTORY, "apple")]

    starting = [symbol.startswith("A") for symbol in found]
    assert starting == sorted(starting, reverse=True)
    assert names[0] == "APPLE INC"
    assert matching_symbols(DIRECTORY, "  ") == []


def test_a_match_names_its_listing_and_no_exchange() -> None:
    contract = matching_symbols(DIRECTORY, "AAPL")[0].contract

    assert (contract.exchange, contract.primaryExchange, contract.tradingClass) == ("", "NASDAQ", "")


def test_a_chain_can_be_asked_of_one_exchange() -> None:
    every = option_chains(DIRECTORY, date(2025, 6, 11), "aapl", "", "STK", 265598)
    one = option_chains(DIRECTORY, date(2025, 6, 11), "AAPL", "CBOE", "STK", 265598)

    assert len(every) > len(one) == 1
    assert one[0] == next(each for each in every if each.exchange == "CBOE")
    assert option_chains(DIRECTORY, date(2025, 6, 11), "AAPL", "", "STK", 8314) == []


def test_letters_are_those_of_us_stocks() -> None:
    aapl, euro = DIRECTORY.get(265598), DIRECTORY.get(12087792)
    assert aapl is not None
    assert euro is not None

    assert (bbo_exchange(aapl), bbo_exchange(euro)) == ("9c0001", "")
    with pytest.raises(Refusal):
        smart_components("a6")
