"""Orders, inputs and limits for the checks of risk."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from bridge.tool import ToolError
from ib_worker.risk.intent import OrderIntent, RiskInputs
from ib_worker.risk.limit_settings import Limits
from ib_worker.risk.limits import check

BUY = OrderIntent("AAPL", "STK", "USD", Decimal(1), "BUY", Decimal(10), "LMT", lmtPrice=100.0)
SELL = replace(BUY, action="SELL")
FLAT = RiskInputs(99.9, 100.1, 100.0, 0.5, Decimal(0), Decimal(0), 0, 0.0, base="USD", rates={"EUR": 1.0})
WAIVED: dict[str, Any] = {name: "off" for name in Limits.model_fields if name != "outside_rth"} | {
    "outside_rth": "allowed"
}


def limits(**values: Any) -> Limits:
    return Limits(**(WAIVED | values))


def refused(intent: OrderIntent, facts: RiskInputs, which: Limits) -> ToolError | None:
    try:
        check(intent, facts, which)
    except ToolError as error:
        return error
    return None
