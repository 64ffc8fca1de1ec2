"""Which events are pushed, and their words."""

from typing import Any

import pytest

from bridge.bus.events.event import EventKind, SessionEvent
from ib_worker.pushes.texts import group_of, is_for, push_text

FILL: dict[str, Any] = {"action": "BUY", "shares": 10.0, "price": 400.25}


def event(kind: EventKind, symbol: str = "SPY", **details: Any) -> SessionEvent:
    return SessionEvent(kind, "2026-01-02T03:04:05Z", key="key-0001", symbol=symbol, details=details)


@pytest.mark.parametrize(
    ("found", "group", "text"),
    [
        (event("execution", **FILL), "fills", "[paper] Filled: BUY 10 SPY at 400.25"),
        (event("execution", **FILL, corrected=True), None, None),
        (event("order", action="BUY", rejected=True, message="No funds."), "rejections",
         "[paper] Order rejected: BUY SPY: No funds."),
        (event("order", action="BUY", rejected=False), None, None),
        (event("halt", by="ann", reason="test"), "halts", "[paper] Trading is halted, by ann: test"),
        (event("resume", by="ann", reason=""), "halts", "[paper] Trading goes on, by ann: no reason given"),
        (event("session", state="failed", cause="Gone.", remedy="Start it."), "session",
         "[paper] The session is failed. Gone. Start it."),
        (event("session", state="syncing"), None, None),
        (event("approval", state="asked", summary="BUY 10 SPY."), "approvals",
         "[paper] Approval of key-0001: waits for a person. BUY 10 SPY."),
        (event("approval", state="refused", by="ann"), "approvals", "[paper] Approval of key-0001: refused by ann."),
        (event("commission"), None, None),
    ],
)  # fmt: skip
def test_an_event_has_its_group_and_words(found: SessionEvent, group: str | None, text: str | None) -> None:
    assert group_of(found) == group
    if text is not None:
        assert push_text(found, "paper") == text


def test_an_alert_goes_to_the_targets_that_it_names() -> None:
    found = event("alert", event="price", targets=["phone"], price=401.5, note="sell")

    assert is_for(found, "phone", ())
    assert not is_for(found, "desk", ("fills",))
    assert is_for(event("execution", **FILL), "desk", ("fills",))
    assert not is_for(event("execution", **FILL), "desk", ("halts",))
    assert push_text(found, "paper") == "[paper] Alert: price of SPY, price 401.5. Note: sell"


def test_an_alert_on_a_fill_tells_its_state() -> None:
    found = event("alert", event="order_filled", targets=[], state={"status": "Filled", "filled": 2.0})

    assert push_text(found, "paper") == "[paper] Alert: order_filled of SPY, status Filled, filled 2.0."


def test_an_order_that_waits_has_a_link_and_no_other_event_has_one() -> None:
    waits, answered = event("approval", state="asked", summary="BUY 1 SPY."), event("approval", state="approved")
    text = push_text(waits, "live", "https://console.example.org")

    assert text.endswith("BUY 1 SPY. https://console.example.org/orders/key-0001")
    assert "https://" not in push_text(answered, "live", "https://console.example.org")
    assert "https://" not in push_text(event("execution", **FILL), "live", "https://console.example.org")
