"""What TWS writes for nothing means that an optional argument was left out."""

from typing import Any

import pytest

from bridge.tools.orders import PlaceOrder

BARE = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1}


def place(**changes: Any) -> PlaceOrder:
    return PlaceOrder.model_validate(BARE | changes)


TWS_EMPTY = {
    "conId": 0, "strike": 0.0, "right": "?", "multiplier": "", "lmtPrice": 1.7976931348623157e308, "auxPrice": 0,
    "trailingPercent": "1.7976931348623157E308", "primaryExchange": "", "lastTradeDateOrContractMonth": "",
}  # fmt: skip


@pytest.mark.trial("D2")
def test_what_tws_writes_for_nothing_means_left_out() -> None:
    assert place(**TWS_EMPTY).model_fields_set == set(BARE)
