"""The symbols there are, each with a history of its own kind."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.world import World, WorldConfig
from tests.stacks.ibgateway.world_and_trader import START, at, stock

DEFAULTS = ("AAPL", "MSFT", "IBM", "GOOG", "META", "SPY", "VTI", "QQQ", "NVDA", "JPM", "TSLA", "AMZN")


@pytest.mark.parametrize("symbol", DEFAULTS)
def test_well_known_symbols_are_one_contract(quiet: World, symbol: str) -> None:
    (details,) = quiet.contract_details(stock(symbol))

    assert details.contract == quiet.resolve(stock(symbol))
    assert details.contract.symbol == symbol
    assert details.contract.exchange == "SMART"
    assert details.minTick == 0.01
    assert len(details.validExchanges.split(",")) == len(details.marketRuleIds.split(","))


def test_every_contract_id_is_one_instrument() -> None:
    fixed = Directory().fixed()

    assert len({each.conId for each in fixed}) == len(fixed)
    assert all(0 < each.conId < 2**31 for each in fixed)


@pytest.mark.parametrize(
    ("symbol", "kind"),
    [
        ("AAPL", "recorded"),
        ("META", "recorded"),
        ("JPM", "close only"),
        ("SPY", "derived"),
        ("VTI", "derived"),
        ("NVDA", "synthetic"),
        ("EUR.USD", "synthetic"),
    ],
)
def test_each_symbol_says_what_its_history_is(quiet: World, symbol: str, kind: str) -> None:
    assert quiet.history_of(symbol).split(":")[0] == kind


def _closes(world: World, contract: Contract, end: float) -> list[float]:
    return [bar.close for bar in world.bars(world.resolve(contract), end, "2 W", "1 day", "TRADES", True).bars]


@pytest.mark.trial("C9")
def test_price_levels_of_2025_are_plausible_with_strikes_to_match() -> None:
    world = World(WorldConfig(1, START, price_levels="2025"))
    closes = {
        symbol: _closes(world, Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD"), at(16, day=10))
        for symbol in ("AAPL", "MSFT", "SPY", "KO", "NVDA")
    }
    chain = world.option_chains("MSFT", "", "STK", 272093)[0]

    assert {symbol: round(each[-1]) for symbol, each in closes.items()} == {
        "AAPL": 203, "MSFT": 471, "SPY": 604, "KO": 71, "NVDA": 142,
    }  # fmt: skip
    assert 20 < len(chain.strikes) < 200
    assert min(chain.strikes) < 471 < max(chain.strikes)
