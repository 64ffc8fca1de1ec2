"""The arguments of the tools about prices: periods, bar sizes, and how long a stream runs."""

from typing import Any

import pytest

from bridge.tools.market.market_data import GetHistoricalData


@pytest.mark.trial("D2")
@pytest.mark.parametrize(
    ("field", "written", "normal"),
    [
        ("durationStr", "1 year", "1 Y"), ("durationStr", "30d", "30 D"), ("durationStr", "6 months", "6 M"),
        ("durationStr", "2 hours", "7200 S"), ("durationStr", "6M", "6 M"), ("durationStr", "", "1 Y"),
        ("barSizeSetting", "5 minutes", "5 mins"), ("barSizeSetting", "1min", "1 min"),
        ("barSizeSetting", "1 sec", "1 secs"), ("barSizeSetting", "Daily", "1 day"), ("barSizeSetting", "1h", "1 hour"),
        ("barSizeSetting", None, "1 day"), ("whatToShow", "bid ask", "BID_ASK"), ("whatToShow", "trades", "TRADES"),
    ],
)  # fmt: skip
def test_a_period_in_a_human_form_with_one_meaning(field: str, written: Any, normal: str) -> None:
    assert getattr(GetHistoricalData.model_validate({"symbol": "X", field: written}), field) == normal
