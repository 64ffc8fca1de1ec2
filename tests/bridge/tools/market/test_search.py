"""The arguments of a search for contracts, and the shape of its answer."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.text.security_ids import security_id_type
from bridge.tools.market.search import MOST_SYMBOLS, SearchSymbols, SymbolTable

TABLE: dict[str, Any] = {
    "count": 1,
    "truncated": False,
    "simulated": True,
    "time": datetime(2026, 3, 2, tzinfo=UTC),
    "age_s": 0.0,
    "same": {},
    "columns": ["conId"],
    "rows": [[265598]],
}


def test_a_pattern_alone_asks_for_as_many_rows_as_tws_tells_of_any_type() -> None:
    asked = SearchSymbols.model_validate({"pattern": "AAPL"})

    assert (asked.pattern, asked.secType, asked.limit) == ("AAPL", None, 16)


@pytest.mark.parametrize(("written", "meant"), [("OPT", "OPT"), ("option", "OPT"), ("stock", "STK"), ("bond", "BOND")])
def test_a_type_is_taken_as_people_write_it(written: str, meant: str) -> None:
    assert SearchSymbols.model_validate({"pattern": "AAPL", "secType": written}).secType == meant


@pytest.mark.parametrize("limit", [1, MOST_SYMBOLS])
def test_a_limit_at_its_bounds_is_taken(limit: int) -> None:
    assert SearchSymbols(pattern="AAPL", limit=limit).limit == limit


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"pattern": ""}, "at least 1 character"),
        ({"pattern": "A" * 65}, "at most 64 characters"),
        ({"pattern": "Müller"}, "pattern"),
        ({"pattern": "AAPL\n"}, "pattern"),
        ({"limit": 0}, "greater than or equal to 1"),
        ({"limit": MOST_SYMBOLS + 1}, "less than or equal to 50"),
        ({"secType": "SHARES OF ANY KIND"}, "secType"),
        ({"currency": "USD"}, "currency"),
    ],
)
def test_arguments_that_are_wrong_are_refused(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        SearchSymbols.model_validate({"pattern": "AAPL"} | wrong)


def test_a_search_without_a_pattern_is_refused() -> None:
    with pytest.raises(ValidationError, match="pattern"):
        SearchSymbols.model_validate({"secType": "STK"})


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("US0378331005", "ISIN"),
        ("us0378331005", "ISIN"),
        ("037833100", "CUSIP"),
        ("US0378331006", None),
        ("AAPL", None),
    ],
)
def test_a_pattern_reaches_the_worker_as_the_isin_or_cusip_that_it_is(pattern: str, kind: str | None) -> None:
    asked = SearchSymbols.model_validate({"pattern": pattern})

    assert security_id_type(asked.pattern) == kind


def test_only_an_answer_that_was_cut_says_how_to_get_the_rest() -> None:
    whole = SymbolTable.model_validate(TABLE).model_dump()
    cut = SymbolTable.model_validate(TABLE | {"truncated": True, "next": "Give limit 20."}).model_dump()

    assert "next" not in whole
    assert cut["next"] == "Give limit 20."
