"""A drawn day is kept, for as many contracts as an account may watch."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

import ibgateway.simulator
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.world.market.market import Market
from ibgateway.simulator.world.world import World

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
