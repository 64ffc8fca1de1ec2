"""The arguments of a call for market depth."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.tools.market.depth import GetMarketDepth


def test_a_symbol_is_enough_for_the_book_of_a_stock() -> None:
    asked = GetMarketDepth(symbol="spy")

    assert (asked.symbol, asked.secType, asked.exchange, asked.levels) == ("SPY", "STK", "SMART", 5)


@pytest.mark.parametrize("wrong", [{"levels": 0}, {"levels": 11}, {"secType": "BOOK"}, {"rows": 5}, {"symbol": ""}])
def test_arguments_that_are_wrong_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GetMarketDepth.model_validate({"symbol": "SPY"} | wrong)
