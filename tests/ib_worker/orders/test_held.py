"""The conditions that a held order waits for, in words."""

from dataclasses import replace
from typing import Any

import ib_async
import pytest

from bridge.tools.types import Contract
from ib_worker.orders.events import Terms
from ib_worker.orders.report import order_report
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import TrackedOrder

TERMS = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 10.0, "LMT", 100.0, None, "DAY")
STOP = replace(TERMS, action="SELL", orderType="STP", lmtPrice=None, auxPrice=90.0)


@pytest.mark.parametrize(
    ("terms", "sent", "whyHeld", "waits"),
    [
        (STOP, {}, "trigger", "a price at or below 90 (trigger method: TWS's default)"),
        (STOP, {"triggerMethod": 7}, "trigger", "a price at or below 90 (trigger method: last or bid/ask)"),
        (STOP, {"parentId": 6}, "child,trigger", "the fill of order 6, then a price at or below 90 "
         "(trigger method: TWS's default)"),
        (replace(STOP, action="BUY"), {}, None, "a price at or above 90 (trigger method: TWS's default)"),
        (replace(STOP, orderType="MIT"), {}, "", "a price at or above 90 (trigger method: TWS's default)"),
        (replace(STOP, orderType="TRAIL"), {"trailStopPrice": 88.5}, "trigger",
         "a price at or below 88.5 (trigger method: TWS's default)"),
        (replace(STOP, orderType="TRAIL"), {}, "trigger",
         "a price at or below its stop (trigger method: TWS's default)"),
        (replace(TERMS, orderType="LMT"), {"parentId": 6}, "child", "the fill of order 6"),
        (TERMS, {"conditions": [ib_async.TimeCondition()]}, "", "its conditions: 1"),
        (replace(TERMS, tif="OPG"), {}, "", "the opening auction"),
        (replace(TERMS, orderType="LOC"), {}, None, "the closing auction"),
        (TERMS, {}, "", None),
    ],
)  # fmt: skip
def test_a_held_order_says_what_it_waits_for(
    terms: Terms, sent: dict[str, Any], whyHeld: str | None, waits: str | None
) -> None:
    entry = TrackedOrder(OrderState(7, 1, terms, status="PreSubmitted", whyHeld=whyHeld))
    entry.sent = (ib_async.Contract(), ib_async.Order(**sent))

    assert order_report(entry).waitsFor == waits
    entry.state = replace(entry.state, status="Submitted")
    assert order_report(entry).waitsFor is None
