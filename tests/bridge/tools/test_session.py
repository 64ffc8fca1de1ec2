"""The tools of the session: what may be left out of a connect, and what a status always says."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.tool import TOOLS, Effect
from bridge.tools.session import Connect, SessionStatus


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("port", [1, 7496, 65535, None], [0, 65536, True]),
        ("clientId", [0, 1, None], [-1]),
        ("host", ["127.0.0.1", None], ["a\0b"]),
    ],
)
def test_each_argument_of_a_connect(field: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert getattr(Connect.model_validate({field: value}), field) == value
    for value in bad:
        with pytest.raises(ValidationError) as caught:
            Connect.model_validate({field: value})
        assert caught.value.errors()[0]["loc"] == (field,)


def test_a_connect_without_arguments_means_the_configured_gateway() -> None:
    assert Connect().model_dump() == {"host": None, "port": None, "clientId": None}


def test_a_connect_has_half_a_minute_and_a_status_five_seconds_that_nothing_takes() -> None:
    assert (TOOLS["ibkr_connect"].effect, TOOLS["ibkr_connect"].deadline_s) == (Effect.SESSION, 30)
    assert (TOOLS["ibkr_get_status"].deadline_s, TOOLS["ibkr_get_status"].relieves) == (5, True)


def test_a_status_without_a_worker_says_that_nothing_is_known() -> None:
    status = SessionStatus(is_connected=False, state="no_worker")

    assert (status.simulated, status.worker, status.heartbeat_age_ms) == (None, None, None)
    assert (status.accounts, status.as_of) == ([], {})
    with pytest.raises(ValidationError):
        SessionStatus.model_validate({"is_connected": False, "state": "fine"})
