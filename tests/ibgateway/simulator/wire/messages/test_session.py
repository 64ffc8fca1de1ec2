"""The messages of a session, field by field as gateways print them."""

from __future__ import annotations

import pytest

from ibgateway.simulator.wire.messages import session
from tests.stacks.ibgateway.message_fields import AT, fields, read


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (157, "4 2 9 200 no~such"),
        (166, "4 2 9 200 no~such {}"),
        (194, "4 9 200 no~such {} 1749652200000"),
    ],
)
def test_errors(version: int, expected: str) -> None:
    assert read(session.error(version, 9, 200, "no such", AT, "{}")) == fields(expected)


def test_the_handshake_is_a_version_and_the_gateways_time_without_a_message_id() -> None:
    assert session.handshake(200, AT, "US/Eastern", "EST") == b"200\x0020250611 10:30:00 EST\0"


def test_a_session_begins_with_its_next_order_id_and_its_accounts() -> None:
    assert read(session.next_valid_id(7)) == fields("9 1 7")
    assert read(session.managed_accounts(["DU1", "DU2"])) == fields("15 1 DU1,DU2")


def test_the_time_comes_in_whole_seconds_or_in_milliseconds() -> None:
    assert read(session.current_time(AT + 0.9)) == fields("49 1 1749652200")
    assert read(session.current_time_in_millis(AT + 0.9)) == fields("109 1749652200900")


def test_a_verification_says_true_or_false_in_words() -> None:
    assert read(session.verify_completed(True, "")) == fields("66 1 true -")
    assert read(session.verify_and_auth_completed(False, "no")) == fields("70 1 false no")
