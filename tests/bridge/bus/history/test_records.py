"""The records of the account's past: what earlier and later releases write is readable."""

import msgspec
import pytest

from bridge.bus.history.records import AccountSnapshot, TradeExecution

SNAPSHOT = AccountSnapshot("DU1", "2025-06-11", "2025-06-11T20:05:00+00:00", "close", "USD", 1_000.5)


def test_a_record_of_a_later_release_is_readable() -> None:
    line = msgspec.json.encode(msgspec.to_builtins(SNAPSHOT) | {"later": {"field": 1}})

    assert msgspec.json.decode(line, type=AccountSnapshot) == SNAPSHOT


def test_a_field_without_a_value_is_not_written() -> None:
    assert b"positions" not in msgspec.json.encode(SNAPSHOT)


def test_an_execution_without_a_price_is_none() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"execId": "a.01"}', type=TradeExecution)
