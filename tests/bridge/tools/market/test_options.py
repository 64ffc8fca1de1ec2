"""The declarations of the option tools."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.tool import TOOLS
from bridge.tools.market.options import CalculateOptionPrice, GetOptionChain, GetOptionQuotes

OPTION: dict[str, Any] = {
    "symbol": "SPY", "lastTradeDateOrContractMonth": "2025-07-18", "strike": "400", "right": "put", "underPrice": 390,
}  # fmt: skip


def test_what_people_write_has_one_spelling() -> None:
    asked = GetOptionQuotes.model_validate(
        {
            "symbol": "spy",
            "expiry": "Next Month",
            "strikes": [410, 400],
            "delta": 30,
            "right": "calls",
            "secType": "stock",
        }
    )

    assert (asked.symbol, asked.expiry, asked.strikes, asked.delta, asked.right, asked.secType) == (
        "SPY", "next month", "410, 400", "0.3", "C", "STK",
    )  # fmt: skip
    assert CalculateOptionPrice(**OPTION, volatility=0.2).lastTradeDateOrContractMonth == "20250718"


def test_what_is_left_out_has_its_default() -> None:
    asked = GetOptionQuotes.model_validate({"symbol": "SPY", "delta": "", "strikes": None, "tradingClass": ""})

    assert (asked.expiry, asked.strikes, asked.delta, asked.right, asked.tradingClass) == (
        "nearest", "atm 10", "", "both", "",
    )  # fmt: skip
    assert "strikes" not in asked.model_fields_set
    assert GetOptionChain(symbol="SPY").expiry == ""


def test_a_call_has_at_most_a_hundred_options() -> None:
    largest = GetOptionQuotes(symbol="SPY", strikes=", ".join(["123.45"] * 100), limit=100)

    assert (largest.limit, GetOptionQuotes(symbol="SPY").limit) == (100, 60)
    for limit in (0, 101):
        with pytest.raises(ValidationError):
            GetOptionQuotes(symbol="SPY", limit=limit)
    with pytest.raises(ValidationError, match="800"):
        GetOptionQuotes(symbol="SPY", strikes=", ".join(["123.45"] * 101))


@pytest.mark.parametrize(("written", "sec_type"), [("index", "IND"), ("future", "FUT"), ("FUT", "FUT")])
def test_options_may_be_of_an_index_or_a_future(written: str, sec_type: str) -> None:
    assert GetOptionChain.model_validate({"symbol": "ES", "secType": written}).secType == sec_type


@pytest.mark.parametrize("volatility", [0, -0.2, 20, True])
def test_a_volatility_in_percent_is_refused(volatility: float) -> None:
    with pytest.raises(ValidationError):
        CalculateOptionPrice(**OPTION, volatility=volatility)


@pytest.mark.parametrize(
    ("tool", "most"),
    [
        ("ibkr_get_option_chain", 800),
        ("ibkr_get_option_quotes", 1000),
        ("ibkr_calculate_option_price", 850),
        ("ibkr_calculate_implied_volatility", 850),
    ],
)
def test_a_model_pays_little_for_them(tool: str, most: int) -> None:
    declared = TOOLS[tool]

    assert len(tool + declared.doc + json.dumps(declared.input_schema(), separators=(",", ":"))) <= most
