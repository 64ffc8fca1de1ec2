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
