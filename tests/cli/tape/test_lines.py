"""An item of the tape in words and as JSON: one line, accounts masked, nothing that steers a terminal."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.bus.client.call_trace import TracedCall
from bridge.bus.events.event import Cursor, EventKind, ReadEvent, SessionEvent
from bridge.tools.account import PnL
from cli.tape.items import Missed, TapeItem, TapeNotice
from cli.tape.lines import json_line, plain_line, time_of

SEEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CALL = TracedCall("place_order", "local", "claude", "ok", 12.4, 1_767_323_045_000, "BUY 1 SPY")
TERMS = {"action": "BUY", "totalQuantity": 10.0, "orderType": "LMT", "lmtPrice": 400.25, "auxPrice": None}


def event(kind: EventKind, **details: Any) -> ReadEvent:
    told = SessionEvent(kind, "2025-01-02T03:04:05Z", key="key-1", account="DU1234567", symbol="SPY", details=details)
    return ReadEvent(Cursor(7, "1767323045000-0"), told)


def pnl(daily: float | None) -> PnL:
    return PnL(account="DU1234567", modelCode="", dailyPnL=daily, unrealizedPnL=-2.0, realizedPnL=0, currency="USD")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (CALL, "call place_order BUY 1 SPY claude ok 12 ms"),
        (event("order", **TERMS, status="Submitted", filled=0.0), "order BUY 10 SPY LMT 400.25 Submitted"),
        (event("order", **TERMS, status="unknown"), "order BUY 10 SPY LMT 400.25 sent"),
        (event("order", **TERMS, status="unknown", not_found=True), "order BUY 10 SPY LMT 400.25 not at IBKR"),
        (event("order", **TERMS, status="Filled", filled=10.0, avgFillPrice=400.1),
         "order BUY 10 SPY LMT 400.25 Filled 10 of 10 at 400.1"),
        (event("order", **TERMS, status="Inactive", rejected=True, message="No funds."),
         "order BUY 10 SPY LMT 400.25 rejected: No funds."),
        (event("execution", action="BUY", shares=3.0, price=400.1), "fill BUY 3 SPY at 400.1"),
        (event("execution", action="BUY", shares=3.0, price=400.1, corrected=True),
         "fill BUY 3 SPY at 400.1 a correction"),
        (event("commission", commission=1.0, currency="USD", realizedPNL=-12.5),
         "cost SPY commission 1 USD realized -12.50"),
        (event("session", state="failed", cause="Gone.", remedy="Start it."), "session failed Gone. Start it."),
        (event("halt", by="operator anna", reason="odd"), "halt trading is halted, by operator anna odd"),
        (event("resume", by="operator anna"), "resume trading goes on, by operator anna"),
        (event("approval", state="asked", summary="LIVE: BUY 1 SPY"),
         "approval waits for a person LIVE: BUY 1 SPY key-1"),
        (event("approval", state="refused", by="operator anna", reason="no"),
         "approval refused by operator anna no key-1"),
        (event("alert", event="price", price=401.5, note="of DU1234567"),
         "alert price of SPY price 401.5 note of DU***567"),
        (event("data_loss", cut_at=7), "DATA LOSS Redis has lost data: the audit log was cut at entry 7"),
        (pnl(1234.5), "PnL DU***567 day +1,234.50 unrealized -2.00 realized +0.00 USD"),
        (pnl(None), "PnL DU***567 unrealized -2.00 realized +0.00 USD"),
        (Missed("events", 3), "missed 3 events before this are not shown"),
        (Missed("calls", None), "missed some calls before this are not shown"),
        (TapeNotice("Redis answers again", good=True), "watch Redis answers again"),
    ],
)  # fmt: skip
def test_each_item_is_one_line(item: TapeItem, words: str) -> None:
    at, *told = plain_line(item, SEEN).split()

    assert at.count(":") == 2
    assert " ".join(told) == words
    assert "1234567" not in json_line(item, SEEN)
    assert {"at", "kind"} <= json.loads(json_line(item, SEEN)).keys()


def test_an_event_has_the_time_when_it_was_written_and_not_the_sessions_own() -> None:
    assert time_of(event("halt"), SEEN).year == 2026  # a simulator's session may be in another year
    assert time_of(Missed("calls", 1), SEEN) == SEEN


def test_no_text_of_a_client_steers_the_terminal_or_makes_a_line() -> None:
    line = plain_line(event("halt", by="a\x1b[2Jb\nc", reason="x\u202ey" * 500), SEEN)

    assert "\x1b" not in line
    assert "\n" not in line
    assert "\u202e" not in line
    assert len(line) < 600
