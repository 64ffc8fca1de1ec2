"""The arguments of an account's past, and what its answer leaves out."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from bridge.tools.account_history import AccountHistoryTable, GetAccountHistory


@pytest.mark.parametrize("written", ["2025-06-11", "20250611"])
def test_a_day_is_taken_in_tws_form_too(written: str) -> None:
    assert GetAccountHistory(startDate=written).startDate == "2025-06-11"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"startDate": "2025-06-12", "endDate": "2025-06-11"}, "startDate: it is after endDate"),
        ({"symbol": "AAPL"}, "symbol: equity is of the whole account"),
        ({"startDate": "yesterday"}, "startDate"),
        ({"startDate": "0001-01-01"}, "1900 to 2199"),
        ({"endDate": "9999-12-31"}, "1900 to 2199"),
        ({"limit": 1_001}, "limit"),
        ({"table": "orders"}, "table"),
    ],
)
def test_what_does_not_fit_is_rejected(arguments: dict[str, object], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        GetAccountHistory(**arguments)


def test_a_whole_answer_has_no_message() -> None:
    whole = AccountHistoryTable(
        count=0, truncated=False, simulated=True, time=datetime(2025, 6, 11, tzinfo=UTC), account="DU1", since=None,
        same={}, columns=[], rows=[],
    )  # fmt: skip

    assert "message" not in whole.model_dump(mode="json")
    assert whole.model_dump(mode="json")["since"] is None
