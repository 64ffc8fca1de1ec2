"""The rules as text: each name is somebody's. What a server makes of them: `test_redis_access_rules.py`."""

import pytest

from bridge.bus.access import ANY_SESSION, SERVICES, rules
from bridge.bus.keys import Keys

CHANNELS = {"calls", "requests", "fronts", "event_news", "stream_news", "client_news"}


def test_the_worker_has_each_key_of_its_session_but_the_fronts_secret() -> None:
    stored = {name: key for name, key in vars(Keys("paper")).items() if key.startswith("ibkr:") and name[0] != "_"}
    words = set(rules("worker", "paper").split())

    missing = {name for name, key in stored.items() if not words & {f"~{key}", f"%R~{key}"}}
    assert missing == {*CHANNELS, "seal"}


@pytest.mark.parametrize("service", SERVICES)
def test_rules_name_one_session_or_all(service: str) -> None:
    one, all_ = (rules(service, name) for name in ("paper", ANY_SESSION))  # type: ignore[arg-type] # it is a Service

    assert one.replace("{paper}", "{*}") == all_
    assert one.count("ibkr:") == one.count("ibkr:{paper}:")


def test_a_name_that_is_no_sessions_is_rejected() -> None:
    with pytest.raises(ValueError, match="session"):
        rules("front", "a}:b")
