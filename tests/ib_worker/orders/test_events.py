"""The events of an order: their words in the audit log, and which of two are the same news."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.tools.types import Contract
from ib_worker.orders import events
from ib_worker.orders.events import ErrorReported, Fill, Sent, Status, Terms

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
TERMS = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 10.0, "LMT", 100.0)
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
