"""The arguments of a scan."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.tools.market.scanners import GetScannerParameters, RunScanner


@pytest.mark.parametrize("filters", [["priceAbove = 5", "stkTypes=inc:ADR"], {"priceAbove": 5, "stkTypes": "inc:ADR"}])
def test_filters_are_a_list_or_an_object(filters: Any) -> None:
    asked = RunScanner.model_validate({"scanCode": "MOST_ACTIVE", "filters": filters})

    assert asked.filters == ["priceAbove=5", "stkTypes=inc:ADR"]


@pytest.mark.parametrize(
    "filters",
    [
        ["priceAbove"],
        ["=5"],
        ["priceAbove=5;volumeAbove=1"],
        ["a=b=c"],
        ["priceAbove="],
        ["a=5"] * 21,
        ["a=\x07"],
        "a=5",
    ],
)
def test_what_is_no_filter_or_would_be_two_is_refused(filters: Any) -> None:
    with pytest.raises(ValidationError):
        RunScanner.model_validate({"scanCode": "MOST_ACTIVE", "filters": filters})


def test_a_kind_that_is_none_and_more_rows_than_tws_sends_are_refused() -> None:
    with pytest.raises(ValidationError, match="kind"):
        GetScannerParameters.model_validate({"kind": "columns"})
    with pytest.raises(ValidationError, match="less than or equal to 50"):
        RunScanner(scanCode="MOST_ACTIVE", limit=51)
