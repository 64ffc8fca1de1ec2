"""The request for candles: one contract, by its id, and one of two spans."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.tools.console.candles import GetCandles


def test_the_day_is_the_span_that_is_left_out() -> None:
    assert GetCandles(conId=265598) == GetCandles(conId=265598, span="day")


@pytest.mark.parametrize("arguments", [{}, {"conId": 0}, {"conId": 2**31}, {"conId": 1, "span": "week"}])
def test_another_contract_id_or_span_is_rejected(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GetCandles(**arguments)
