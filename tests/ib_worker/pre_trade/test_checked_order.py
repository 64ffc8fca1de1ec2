"""The reason why a close that is refused counts as none."""

from decimal import Decimal

import pytest

from bridge.tool import ToolError
from ib_worker.pre_trade.checked_order import with_reason
from ib_worker.risk.intent import OrderIntent, RiskInputs

QUOTE = (99.0, 100.0, 99.5)
INPUTS = RiskInputs(*QUOTE, 0.0, Decimal(10), Decimal(10), 0, 0.0, base="USD")
CLOSE = OrderIntent("NVDA", "STK", "USD", Decimal(1), "SELL", Decimal(10), "MKT")


@pytest.mark.parametrize(
    ("code", "details", "told"),
    [
        ("limit_exceeded", {"limit": "max_quantity"}, True),
        ("halted", {"level": "reduce_only"}, True),
        ("halted", {"level": "halt"}, False),  # nothing passes that, closing or not
        ("limit_exceeded", {"limit": "price_collar"}, False),
        ("not_ready", {}, False),
    ],
)
def test_a_close_that_is_refused_hears_why_it_counts_as_none(code: str, details: dict[str, str], told: bool) -> None:
    refused = with_reason(ToolError(code, "Refused.", **details), CLOSE, INPUTS)

    assert (refused.code, refused.details) == (code, details)
    assert (refused.message != "Refused.") is told
