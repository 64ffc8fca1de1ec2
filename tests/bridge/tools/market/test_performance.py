"""Arguments of ibkr_get_performance."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.tool import TOOLS
from bridge.tools.market.performance import GetPerformance


def test_contracts_are_symbols_conids_or_arguments() -> None:
    asked = GetPerformance.model_validate({"contracts": ["AAPL", 265598, {"symbol": "SPX", "secType": "IND"}]})

    assert (asked.contracts[0].symbol, asked.contracts[0].secType) == ("AAPL", "STK")
    assert asked.contracts[1].conId == 265598
    assert asked.contracts[2].secType == "IND"
    assert asked.benchmark.symbol == "SPY"
    assert GetPerformance.model_validate_json(asked.model_dump_json(exclude_unset=True)) == asked


@pytest.mark.parametrize(
    ("written", "period"), [("ytd", "YTD"), ("Year to date", "YTD"), ("6 months", "6 M"), ("10 D", "10 D")]
)
def test_periods_are_written_in_several_ways(written: str, period: str) -> None:
    assert GetPerformance.model_validate({"contracts": ["AAPL"], "period": written}).period == period


@pytest.mark.parametrize(
    "arguments",
    [
        {"contracts": []}, {"contracts": ["AAPL"], "period": "always"}, {"contracts": ["AAPL"] * 21},
        {"contracts": ["AAPL"], "period": "999 D", "endDate": "0001-01-01"},
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GetPerformance.model_validate(arguments)


def test_the_schema_is_short() -> None:
    properties = TOOLS["ibkr_get_performance"].input_schema()["properties"]

    assert properties["contracts"]["items"] == {"type": "string"}
    assert properties["benchmark"] == {"default": "SPY", "type": "string"}
