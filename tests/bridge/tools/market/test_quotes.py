"""The arguments of a call for quotes."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.tools.market.quotes import MOST_QUOTES, GetQuotes


def test_a_symbol_is_enough_for_a_quote_of_a_stock() -> None:
    asked = GetQuotes.model_validate({"contracts": ["spy", {"symbol": "EUR", "secType": "forex", "currency": "USD"}]})

    assert [(each.symbol, each.secType) for each in asked.contracts] == [("SPY", "STK"), ("EUR", "CASH")]


@pytest.mark.parametrize(
    ("contracts", "complaint"),
    [
        ([], "at least 1 item"), (["SPY"] * (MOST_QUOTES + 1), "at most 50 items"), (5, "valid list"),
        ([{"symbol": "SPY", "strike": 400}], "secType STK has no strike"), ([{"secType": "STK"}], "symbol"),
    ],
)  # fmt: skip
def test_contracts_that_are_none_too_many_or_wrong_are_refused(contracts: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        GetQuotes.model_validate({"contracts": contracts})
