"""The tools about the account: which argument may be left out, and what a stream lasts."""

from typing import Any

import pytest
from pydantic import ValidationError

import bridge.tools.portfolio  # noqa: F401  # importing it registers its tools
from bridge.tool import OPERATIONS, TOOLS, Effect, ToolRequest
from bridge.tools.account import GetAccountSummary, GetPnl, GetPnlSingle, GetPositions, StreamAccountUpdates


@pytest.mark.parametrize("request_of", [GetAccountSummary, GetPositions, GetPnl, GetPnlSingle, StreamAccountUpdates])
def test_every_argument_may_be_left_out_and_an_account_has_its_form(request_of: type[ToolRequest]) -> None:
    assert request_of.model_validate({}).model_dump(exclude_unset=True) == {}
    assert request_of.model_validate({"account": "DU1"}).model_dump(exclude_unset=True) == {"account": "DU1"}
    with pytest.raises(ValidationError):
        request_of.model_validate({"account": "DU 1"})


@pytest.mark.parametrize(
    ("field", "good", "bad"), [("conId", 1, -1), ("modelCode", "Growth", "Ä"), ("symbol", "SPY", "")]
)
def test_one_position_is_named_by_what_tws_names_it(field: str, good: Any, bad: Any) -> None:
    assert getattr(GetPnlSingle.model_validate({field: good}), field) == good
    with pytest.raises(ValidationError):
        GetPnlSingle.model_validate({field: bad if field != "symbol" else 5})


def test_a_stream_lasts_a_minute_and_at_most_an_hour() -> None:
    assert StreamAccountUpdates().duration_seconds == 60
    assert StreamAccountUpdates(duration_seconds=3600).duration_seconds == 3600
    with pytest.raises(ValidationError):
        StreamAccountUpdates(duration_seconds=3601)


def test_what_the_worker_opens_is_no_tool_and_every_tool_is_a_read() -> None:
    names = (
        "get_account_summary", "get_positions", "get_pnl", "get_pnl_single", "get_portfolio", "get_account_values",
        "stream_account_updates",
    )  # fmt: skip

    assert all(TOOLS[f"ibkr_{name}"].effect is Effect.READ for name in names)
    assert "open_account_updates" in OPERATIONS
    assert "ibkr_open_account_updates" not in TOOLS
