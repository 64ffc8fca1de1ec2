"""Commands of the operator act on the Redis of their test alone."""

import pytest


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine's environment says is no part of these stacks."""
    for name in ("REDIS_URL", "IBKR_SESSION"):
        monkeypatch.delenv(name, raising=False)
