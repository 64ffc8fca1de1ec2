"""A loan has a length, and a model has no part in it."""

import pytest
from pydantic import ValidationError

from bridge.tool import OPERATIONS, TOOLS, Effect
from bridge.tools.console.session_loan import LendSession


@pytest.mark.parametrize("minutes", [0, 12 * 60 + 1])
def test_no_loan_is_shorter_than_a_minute_or_longer_than_twelve_hours(minutes: int) -> None:
    with pytest.raises(ValidationError):
        LendSession(minutes=minutes)


@pytest.mark.parametrize("minutes", [1, 12 * 60])
def test_a_loan_is_of_a_minute_to_twelve_hours_and_of_one_where_none_is_named(minutes: int) -> None:
    assert LendSession(minutes=minutes).minutes == minutes
    assert LendSession().minutes == 60


def test_no_model_lends_the_session() -> None:
    for name in ("lend_session", "take_back_session"):
        assert OPERATIONS[name].effect is Effect.SESSION
        assert f"ibkr_{name}" not in TOOLS
        assert OPERATIONS[name].console
