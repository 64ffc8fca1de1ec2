"""Events as one line each: what a person who trades wants to read, and no more."""

from typing import Any

import pytest

from bridge.audit_chain import AuditEntry
from bridge.bus.events.event import EventKind, SessionEvent
from console.live.event_lines import entry_text, entry_tone, event_text, event_tone, news, number

TERMS = {"action": "BUY", "totalQuantity": 1000.0, "orderType": "LMT", "lmtPrice": 99.5, "filled": 0.0}


def event(kind: EventKind, **details: Any) -> SessionEvent:
    return SessionEvent(kind, "2025-06-11T14:30:00+00:00", orderRef="ref", symbol="AAPL", details=details)


@pytest.mark.parametrize(
    ("told", "text", "tone"),
    [
        (event("order", **TERMS, status="Submitted"), "BUY 1,000 AAPL LMT at 99.50: Submitted", "plain"),
        (event("order", **TERMS, status="unknown"), "BUY 1,000 AAPL LMT at 99.50: sent", "plain"),
        (
            event("order", **TERMS, status="Inactive", rejected=True, code=201, message="no margin"),
            "BUY 1,000 AAPL LMT at 99.50: Inactive. TWS 201: no margin",
            "bad",
        ),
        (event("execution", action="SELL", shares=20.0, price=294.0), "Sold 20 AAPL at 294.00", "good"),
        (event("session", state="ready"), "Session ready", "good"),
        (event("session", state="failed", cause="No gateway."), "Session failed: No gateway.", "bad"),
        (event("halt", level="halt", by="anna", reason="x\u202ey"), "Kill switch set (halt) by anna: x y", "bad"),
        (event("resume", by="anna"), "Kill switch released by anna", "good"),
        (event("approval", state="asked", summary="LIVE: BUY 1"), "Waits for approval: LIVE: BUY 1", "ask"),
        (event("approval", state="refused", by="anna", reason="no"), "Approval refused by anna: no ()", "bad"),
        (event("alert", note="up", price=12.5), "Alert AAPL up price 12.5", "ask"),
        (event("data_loss"), "Redis has lost data. Compare with IBKR before trading goes on.", "bad"),
        (event("commission", commission=1.0, currency="USD"), "Commission 1 USD on AAPL", "plain"),
    ],
)
def test_an_event_is_one_line(told: SessionEvent, text: str, tone: str) -> None:
    assert (event_text(told), event_tone(told)) == (text, tone)


def test_of_an_order_the_last_state_is_news_and_of_a_fill_its_execution() -> None:
    fill = event("execution", action="BUY", shares=1.0, price=2.0)
    submitted = SessionEvent("order", "", orderRef="other", details=TERMS | {"status": "Submitted"})
    sent = SessionEvent("order", "", orderRef="other", details=TERMS | {"status": "unknown"})
    newest_first = [event("commission"), event("order", **TERMS, status="Filled"), fill, submitted, sent]

    assert news([*newest_first, event("order", **TERMS, status="Submitted")]) == [fill, submitted]


def test_numbers_have_a_minus_and_no_needless_digits() -> None:
    assert [number(each) for each in (-1234.5, 10.0, 0.00000001, None)] == ["−1,234.5", "10", "0.00000001", "–"]


def test_an_entry_says_its_message_or_its_details() -> None:
    refused = AuditEntry(1, "", "", "refused", details={"message": "too\nlarge"})
    fill = AuditEntry(2, "", "", "fill", details={"at": "now", "shares": 10.0, "fee": {"usd": 1.0, "gone": None}})

    terms = {"action": "BUY", "totalQuantity": 10.0, "contract": {"symbol": "SPY"}, "orderType": "LMT", "lmtPrice": 5.5}
    sent = AuditEntry(3, "", "", "intent", details={"terms": terms | {"tif": "DAY"}})

    assert entry_text(sent) == "BUY 10 SPY LMT lmtPrice 5.5 DAY"
    assert (entry_text(refused), entry_tone(refused)) == ("too large", "bad")
    assert (entry_text(fill), entry_tone(fill)) == ("shares 10; fee usd=1", "good")
