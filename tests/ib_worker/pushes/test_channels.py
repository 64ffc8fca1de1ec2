"""The way to a target: accounts are masked on each, and apprise is loaded at its first use alone."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from pydantic import SecretStr

from bridge.bus.events.event import Cursor, ReadEvent, SessionEvent
from ib_worker.pushes import apprise_channel
from ib_worker.pushes.channels import event_id, send
from ib_worker.pushes.target import AlertTarget
from tests.stacks.webhook import Webhook, listening

SECRET = "0123456789abcdef"
FILL = SessionEvent(
    "execution", "2026-01-02T03:04:05Z", key="key-0001", account="DU1234567", symbol="SPY",
    details={"action": "BUY", "shares": 10.0, "price": 400.0, "note": "of DU1234567"},
)  # fmt: skip


def read(number: int) -> ReadEvent:
    return ReadEvent(Cursor(number, f"{number}-0"), FILL)


async def test_a_webhook_gets_each_event_with_its_id_and_no_account() -> None:
    async with listening(Webhook()) as hook:
        target = AlertTarget("desk", "http", SecretStr(hook.url))
        await asyncio.to_thread(send, target, [read(1), read(2)], "paper", SECRET, True)

    body = json.loads(hook.bodies[0])
    assert (body["event_id"], body["session"], body["lost"]) == ("paper/1-0", "paper", True)
    assert body["text"].splitlines() == ["Events before these are lost.", *["[paper] Filled: BUY 10 SPY at 400"] * 2]
    assert hook.ids == [event_id("paper", read(1)), event_id("paper", read(2))]
    assert "1234567" not in hook.bodies[0].decode()
    assert "DU***567" in hook.bodies[0].decode()
    assert "key-0001" not in hook.bodies[0].decode()


def test_another_scheme_goes_through_apprise_with_the_id_of_each_event(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(apprise_channel, "send", lambda *told: sent.append(told))

    send(AlertTarget("phone", "ntfy", SecretStr("ntfy://host/topic")), [read(1)], "paper", SECRET)

    assert sent == [("ntfy://host/topic", "[paper] Filled: BUY 10 SPY at 400 (event_id paper/1-0)")]


def test_apprise_is_loaded_by_no_worker_that_does_not_need_it() -> None:
    script = "import sys, ib_worker.__main__; sys.exit('apprise' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
