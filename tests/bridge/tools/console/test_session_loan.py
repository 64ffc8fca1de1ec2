"""A loan has a length, and a model has no part in it."""

import pytest
from pydantic import ValidationError

from bridge.tool import OPERATIONS, TOOLS, Effect
from bridge.tools.console.session_loan import LONGEST_LOAN_MIN, LendSession


@pytest.mark.parametrize("minutes", [0, LONGEST_LOAN_MIN + 1])
def test_a_loan_is_of_a_minute_to_twelve_hours(minutes: int) -> None:
    with pytest.raises(ValidationError):
        LendSession(minutes=minutes)


def test_no_model_lends_the_session() -> None:
    for name in ("lend_session", "take_back_session"):
        assert OPERATIONS[name].effect is Effect.SESSION
        assert f"ibkr_{name}" not in TOOLS
