"""The declaration of ibkr_get_chart."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.tool import TOOLS
from bridge.tools.market.charts import GetChart

LEG = "-1 SPY 18JUL25 400 P"


def test_a_picture_has_no_output_schema() -> None:
    assert TOOLS["ibkr_get_chart"].output_schema() == {}


@pytest.mark.parametrize(
    "arguments",
    [
        {"symbol": "SPY 18JUL25 400 P"},
        {"kind": "equity"},
        {"kind": "Payoff", "legs": f"{LEG}, 1 SPY 18JUL25 390 P"},
        {"kind": "payoff", "symbol": "SPY", "account": "DU1"},
        {"symbol": "SPY", "movingAverages": "10, 30", "theme": "dark"},
        {"symbol": "SPY", "movingAverages": []},
    ],
)
def test_each_kind_has_its_arguments(arguments: dict[str, Any]) -> None:
    GetChart(**arguments)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "name the contract"),
        ({"kind": "payoff"}, "symbol"),
        ({"kind": "equity", "symbol": "SPY"}, "has no use for it"),
        ({"kind": "equity", "durationStr": "1 M"}, "has no use for it"),
        ({"symbol": "SPY", "legs": [LEG]}, "has no use for it"),
        ({"kind": "payoff", "legs": ["nonsense"]}, "legs: nonsense"),
        ({"kind": "payoff", "legs": [LEG] * 13}, "at most 12"),
        ({"symbol": "SPY", "movingAverages": [1]}, "greater than or equal to 2"),
        ({"symbol": "SPY", "theme": "pink"}, "'light' or 'dark'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        GetChart(**arguments)
