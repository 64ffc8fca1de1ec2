"""The events of an order: their words in the audit log, which of two are the same news, and how terms compare."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.tools.types import Contract
from ib_worker.orders import events
from ib_worker.orders.events import ErrorReported, Fill, Sent, Status, Terms

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
TERMS = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 10.0, "LMT", 100.0)
SPY = Terms(Contract(conId=756733, symbol="SPY", secType="STK"), "DU1", "BUY", 3.0, "LMT")
WORDS = {
    "ErrorReported": "Said", "Sent": "Sent", "ModifySent": "ModifySent", "CancelSent": "CancelSent",
    "OpenOrderReported": "Opened", "Status": "Status", "Fill": "Fill", "Commission": "Commission",
    "Completed": "Completed", "NotListed": "Vanished", "ListedOpen": "ListedOpen",
}  # fmt: skip


def test_each_event_has_the_word_that_old_logs_have() -> None:
    kinds = {name: each.kind for name, each in vars(events).items() if hasattr(each, "kind") and name != "Event"}

    assert kinds == WORDS


@pytest.mark.parametrize(
    "event", [ErrorReported(AT, 399, "held"), Sent(AT, TERMS), Status(AT, 99, "Submitted", 0.0, 10.0)]
)
def test_the_same_word_a_second_later_is_no_news(event: ErrorReported | Sent | Status) -> None:
    assert replace(event, at=AT + timedelta(seconds=1)) == event


def test_another_figure_is_news() -> None:
    filled = Fill(AT, "a.b.01.01", 4.0, 99.0, 4.0, 99.0, 99, "mcpref")

    assert replace(filled, cumQty=5.0) != filled
    assert replace(Status(AT, 99, "Submitted", 0.0, 10.0), remaining=9.0) != Status(AT, 99, "Submitted", 0.0, 10.0)


def test_an_errors_text_is_about_one_order_unless_tws_gave_no_id() -> None:
    assert not ErrorReported(AT, 399, "held").unnamed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"totalQuantity": 7.0}, "totalQuantity from 3 to 7"),
        ({"lmtPrice": 400.25}, "lmtPrice from none to 400.25"),
        ({"totalQuantity": 7.0, "tif": "GTC"}, "totalQuantity from 3 to 7, tif from none to GTC"),
        ({"account": "DU2"}, ""),  # no change of an order moves it to another account
    ],
)
def test_a_change_is_told_field_by_field(changes: dict[str, Any], words: str) -> None:
    assert SPY.changes_to(replace(SPY, **changes)) == words


@pytest.mark.parametrize(
    ("requested", "reported", "same"),
    [
        ({}, {}, True),
        ({}, {"lmtPrice": 399.5}, True),  # TWS has filled it in
        ({"lmtPrice": 400.0}, {"lmtPrice": 399.5}, False),
        ({"lmtPrice": 400.0}, {"lmtPrice": 400.0, "tif": "DAY"}, True),
        ({}, {"action": "SELL"}, False),
    ],
)
def test_terms_that_were_not_requested_may_be_anything(
    requested: dict[str, Any], reported: dict[str, Any], same: bool
) -> None:
    assert replace(SPY, **requested).confirmed_by(replace(SPY, **reported)) is same
