"""Connections to Redis: one that fails is named with its cause and a remedy, and never with a password."""

import pytest

from bridge.bus.transport.connection import Refused, bus_down, refusing


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("redis://user:secret@redis.example:7000/3", "redis.example:7000"),
        ("rediss://redis.example", "redis.example:6379"),
        ("unix:///run/redis.sock?db=1", "/run/redis.sock"),
    ],
)
def test_where_redis_should_be_is_told_without_secrets(url: str, where: str) -> None:
    error = bus_down(url, "refused")

    assert error.code == "bus_down"
    assert f"Redis at {where} does not answer (refused)" in error.message
    assert "REDIS_URL" in error.message
    assert "secret" not in error.message


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("MISCONF Errors writing to the AOF file: No space left on device", "cannot write to its disk"),
        ("LOADING Redis is loading the dataset in memory", "loading"),
        ("WRONGPASS invalid username-password pair or user is disabled.", "password"),
        ("NOPERM this user has no permissions to run the 'info' command", "does not permit"),
        ("ERR something new", "rejects a command"),
    ],
)
def test_each_refusal_has_its_name_and_a_remedy(text: str, what: str) -> None:
    found = refusing(Refused(text))

    assert found is not None
    assert what in found[0]
    assert found[1]
