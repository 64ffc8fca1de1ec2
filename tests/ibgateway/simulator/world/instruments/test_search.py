"""Symbols are found by their beginning and by names."""

from __future__ import annotations

from ibgateway.simulator.world.world import World


def test_searching_finds_symbols_and_names(quiet: World) -> None:
    assert quiet.matching_symbols("AAPL")[0].contract.conId == 265598
    assert "MSFT" in [each.contract.symbol for each in quiet.matching_symbols("micro")]
    assert quiet.matching_symbols("qqqqqq") == []
    assert 0 < len(quiet.matching_symbols("a")) <= 16
