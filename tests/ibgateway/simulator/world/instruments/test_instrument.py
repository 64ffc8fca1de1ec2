"""One tradable thing: its price grid is exact, and its contract is complete."""

from __future__ import annotations

from datetime import date

import pytest

from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument

DIRECTORY = Directory()


def made(secType: str = "STK", step: int = 1, scale: int = 100, **more: object) -> Instrument:
    fields = {"primaryExchange": "NASDAQ", "exchanges": ("SMART", "NASDAQ"), "hours": "US_STOCK", "series": "X"} | more
    return Instrument(1, secType, "X", "USD", step=step, scale=scale, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("step", "scale", "price", "ticks", "minTick"),
    [(1, 100, 425.37, 42_537, 0.01), (25, 100, 6001.25, 24_005, 0.25), (5, 100_000, 1.14235, 22_847, 0.00005)],
)
def test_prices_are_whole_ticks_and_exact(step: int, scale: int, price: float, ticks: int, minTick: float) -> None:
    instrument = made(step=step, scale=scale)

    assert (instrument.ticks(price), instrument.price(ticks)) == (ticks, price)
    assert instrument.minTick == minTick


def test_a_price_between_two_ticks_is_off_the_grid() -> None:
    future = made("FUT", step=25)

    assert future.on_grid(6001.25)
    assert not future.on_grid(6001.30)
    assert made().on_grid(0.1 + 0.2)  # 0.30000000000000004 is the float of a price on it


def test_an_index_has_no_quotes_and_forex_and_bonds_no_prints() -> None:
    found = {kind: (made(kind).quoted, made(kind).prints) for kind in ("STK", "IND", "CASH", "BOND")}

    assert found == {"STK": (True, True), "IND": (False, True), "CASH": (True, False), "BOND": (True, False)}


def test_money_is_price_times_multiplier() -> None:
    assert (made().units, made(multiplier="50").units) == (1.0, 50.0)


def test_a_contract_has_the_exchange_that_was_asked_for_and_all_else_filled_in() -> None:
    contract = made(expiry=date(2025, 9, 19), multiplier="50").contract("NASDAQ")

    assert (contract.exchange, made().contract().exchange) == ("NASDAQ", "SMART")
    assert (contract.localSymbol, contract.tradingClass) == ("X", "X")
    assert (contract.lastTradeDateOrContractMonth, contract.multiplier) == ("20250919", "50")
    assert contract.primaryExchange == "NASDAQ"


def test_only_stocks_and_bonds_name_a_primary_exchange_and_bonds_no_multiplier() -> None:
    assert made("FUT").contract().primaryExchange == ""
    assert made("BOND", multiplier="10").contract().multiplier == ""
