"""The legs of a payoff, from the account's position and from quotes."""

from typing import Any

import pytest

from bridge.tool import ToolError, ToolRequest
from bridge.tools.market.charts import GetChart
from bridge.tools.market.options import GetOptionQuotes
from mcp_front.charts.legs import mark_of, merged, quoted_legs
from mcp_front.charts.source import Read

PUT = {"symbol": "SPY", "secType": "OPT", "lastTradeDateOrContractMonth": "20250718", "strike": 400, "right": "P"}
HELD = [
    {"account": "DU1", "contract": PUT, "position": -1.0, "avgPrice": 5.0},
    {"account": "DU2", "contract": PUT, "position": -3.0, "avgPrice": 3.0},
    {"account": "DU1", "contract": {"symbol": "SPY", "secType": "STK"}, "position": 100.0, "avgPrice": 395.0},
    {"account": "DU1", "contract": {"symbol": "SPY", "secType": "CFD"}, "position": 7.0, "avgPrice": 1.0},
]
ROW = [400, "P", 3.0, 4.0, 0.2]
QUOTES = {
    "simulated": True,
    "underPrice": 405.0,
    "same": {"currency": "USD", "multiplier": "100", "expiry": "20250718", "days": 30},
    "columns": ["strike", "right", "bid", "ask", "impliedVol"],
    "rows": [ROW],
}


class Source:
    """The worker's answers, and what it was asked."""

    def __init__(self, positions: Any = (), **quotes: Any) -> None:
        self._answers = {"get_positions": list(positions), "get_option_quotes": QUOTES | quotes}
        self.asked: list[ToolRequest] = []

    async def read(self, operation: str, request: ToolRequest) -> Read:
        self.asked.append(request)
        return Read(self._answers[operation], simulated=True)


def source(**answers: Any) -> Any:
    return Source(**answers)


async def test_a_held_position_has_its_options_of_all_accounts_and_its_shares() -> None:
    asked = source(positions=HELD)
    found = await quoted_legs(GetChart(kind="payoff", symbol="spy"), asked)

    assert [(each.name, each.price, each.mark) for each in found.legs] == [
        ("-4 18JUL25 400 P", 3.5, 3.5),
        ("+100 shares", 395.0, 405.0),
    ]
    assert (found.under, found.currency, found.simulated) == (405.0, "USD", True)
    assert isinstance(asked.asked[1], GetOptionQuotes)
    assert (asked.asked[1].expiry, asked.asked[1].strikes) == ("20250718", "400")


async def test_given_legs_have_their_own_price_or_the_middle_of_the_quote() -> None:
    request = GetChart(kind="payoff", legs=["-1 SPY 18JUL25 400 P @ 9", "-1 SPY 18JUL25 400 P"])

    assert [each.price for each in (await quoted_legs(request, source())).legs] == [9, 3.5]


@pytest.mark.parametrize(
    ("request_", "answers", "told"),
    [
        ({"symbol": "SPY"}, {"positions": HELD[2:]}, "no position in options of SPY"),
        ({"legs": ["1 SPY 18JUL25 300 P"]}, {}, "no quote of SPY"),
        ({"legs": ["1 SPY 18JUL25 400 P"]}, {"rows": [[400, "P", None, 4.0, 0.2]]}, "Nobody quotes SPY"),
        ({"legs": ["1 SPY 18JUL25 400 P"]}, {"underPrice": None}, "no price of SPY"),
    ],
)
async def test_what_is_missing_is_named(request_: dict[str, Any], answers: dict[str, Any], told: str) -> None:
    with pytest.raises(ToolError, match=told) as error:
        await quoted_legs(GetChart(kind="payoff", **request_), source(**answers))

    assert error.value.code == "no_data"


async def test_a_position_of_too_many_legs_is_refused() -> None:
    held = [{**HELD[0], "contract": PUT | {"strike": 300 + each}} for each in range(13)]
    with pytest.raises(ToolError, match="13 legs; the limit is 12"):
        await quoted_legs(GetChart(kind="payoff", symbol="SPY"), source(positions=held))


def test_legs_that_cancel_out_are_no_leg() -> None:
    request = GetChart(kind="payoff", legs=["1 SPY 18JUL25 400 P @ 1", "-1 SPY 18JUL25 400 P @ 1"])

    assert merged(request.read_legs()) == []


def test_without_bid_and_ask_the_model_price_is_the_mark() -> None:
    assert mark_of({"bid": None, "ask": 4.0, "optPrice": 3.1}) == 3.1
