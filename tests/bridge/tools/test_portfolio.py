"""The arguments of the portfolio and of account values, and what an answer leaves out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.tools.portfolio import GetAccountValues, GetPortfolio, ValueTable


@pytest.mark.parametrize("limit", [0, 501, True, "many"])
def test_a_bound_is_from_one_to_five_hundred_rows(limit: Any) -> None:
    assert (GetPortfolio().limit, GetPortfolio.model_validate({"limit": "5"}).limit) == (25, 5)
    with pytest.raises(ValidationError):
        GetPortfolio.model_validate({"limit": limit})


def test_names_are_a_list_or_one_text() -> None:
    assert GetAccountValues.model_validate({"tags": "margin, cash"}).tags == ["margin", "cash"]
    assert GetAccountValues.model_validate({"tags": []}).tags is None
    for wrong in ([""], ["a"] * 21):
        with pytest.raises(ValidationError):
            GetAccountValues.model_validate({"tags": wrong})


def test_what_an_answer_has_not_is_left_out() -> None:
    at = datetime(2025, 6, 11, tzinfo=UTC)
    told = ValueTable(
        count=0, truncated=False, simulated=True, time=at, account="DU1", columns=["tag"], rows=[], unknown=[]
    )

    assert not {"unknown", "message"} & told.model_dump().keys()
