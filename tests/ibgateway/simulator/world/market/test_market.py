"""The market at any time: quotes, prints, closes and halts; a day that is drawn is kept."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

import ibgateway.simulator
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.market import Market, venues
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import START, at

DIRECTORY = Directory()

INSTRUMENTS = Path(ibgateway.simulator.__file__).parent / "world" / "data" / "instruments.csv"
OPTIONS = Contract(symbol="SPY", secType="OPT", right="C", exchange="SMART", currency="USD")
EXCHANGES = {"STK": "SMART", "CASH": "IDEALPRO"}
LINES = 100


def watched(world: World) -> list[Contract]:
    with INSTRUMENTS.open(encoding="utf-8") as file:
        found = [
            Contract(conId=int(row["conId"]), exchange=EXCHANGES.get(row["secType"], row["primaryExchange"]))
            for row in csv.DictReader(file)
        ]
    expiration = world.option_chains("SPY", "", "STK", 756733)[0].expirations[3]
    options = replace(OPTIONS, lastTradeDateOrContractMonth=expiration)
    return (found + [each.contract for each in world.contract_details(options)])[:LINES]


def test_a_hundred_contracts_that_are_watched_are_drawn_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    contracts = [world.contract_details(each)[0].contract for each in watched(world)]
    for each in contracts:
        world.snapshot(each)

    def draw(*_: object) -> None:
        raise AssertionError("a day is drawn again")

    monkeypatch.setattr(Market, "_make_tape", draw)
    for each in contracts:
        world.snapshot(each)

    assert len(contracts) == LINES


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(1, START, DIRECTORY)


def instrument(conId: int) -> Instrument:
    found = DIRECTORY.get(conId)
    assert found is not None
    return found


def test_quotes_and_prints_are_those_after_one_time_up_to_another(market: Market) -> None:
    aapl = instrument(265598)
    times = [trade.time for trade in market.trades(aapl, START, START + 60)]
    first, last = times[3], times[7]

    assert [trade.time for trade in market.trades(aapl, first, last)] == [
        each for each in times if first < each <= last
    ]
    assert all(START < quote.time <= START + 60 for quote in market.quotes(aapl, START, START + 60))


def test_the_last_print_is_the_day_befores_until_the_first_of_today(market: Market) -> None:
    aapl = instrument(265598)
    before = market.last_print(aapl, at(3))

    assert before is not None
    assert at(19, day=10) < before.time <= at(20, day=10)
    assert market.price(aapl, at(3)) == before.price


def test_a_position_without_prints_is_valued_at_the_middle_of_the_quote(market: Market) -> None:
    euro = instrument(12087792)
    quote = market.quote(euro, START)

    assert quote.bid is not None
    assert quote.ask is not None
    assert market.price(euro, START) == round((quote.bid + quote.ask) / 2, 8)


def test_a_snapshots_day_is_that_of_liquid_hours_and_its_close_the_day_befores(market: Market) -> None:
    aapl = instrument(265598)
    today = aapl.calendar.index_at(START)
    look = market.snapshot(aapl, at(15, 59))
    prints = [trade.price for trade in market.trades(aapl, at(9, 30) - 0.001, at(15, 59))]

    assert (look.open, look.high, look.low) == (prints[0], max(prints), min(prints))
    assert look.close == aapl.price(market.liquid_row(aapl, today - 1).close) == market.previous_close(aapl, START)
    assert market.snapshot(aapl, at(5)).open is None  # liquid hours have not begun


def test_a_halt_lasts_from_its_start_up_to_its_end() -> None:
    market, ibm = Market(1, START, DIRECTORY), instrument(8314)
    market.halt(ibm, START, START + 60)

    assert market.halted_until(ibm, START) == START + 60
    assert market.halted_until(ibm, START + 60) is None
    assert market.resumed_at(ibm, START + 59) is None
    assert market.resumed_at(ibm, START + 60) == START + 60
    assert market.snapshot(ibm, START + 30).halted > 0
    assert market.trades(ibm, START, START + 59) == []


def test_an_expired_contract_trades_up_to_its_expiry(market: Market) -> None:
    future = DIRECTORY.derivatives.future(1_870_000_308)
    assert future is not None
    assert future.expiry is not None

    assert future.calendar.day(market.last_day(future)) == future.expiry
    assert market.first_day(future) < market.last_day(future)


def test_the_venues_are_those_that_an_instrument_is_routed_to() -> None:
    assert "ARCA" in venues(instrument(265598))
    assert venues(instrument(12087792)) == ("IDEALPRO",)
