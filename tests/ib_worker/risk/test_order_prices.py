"""Which prices an order has: what stands for none is None."""

import sys

import pytest

from ib_worker.risk.order_prices import aux_price, limit_price

UNSET = sys.float_info.max
SENTINELS = [0.0, -1.0, -100.0, UNSET, -UNSET, float("nan"), float("inf"), float(2**31 - 1), float(2**63 - 1)]


@pytest.mark.trial("A1", "A2", "B12")
@pytest.mark.parametrize("told", SENTINELS)
@pytest.mark.parametrize("orderType", ["REL", "MIDPRICE", "MKT", "MOC", "MTL", "STP", "MIT", "TRAIL", "PEG MID"])
def test_a_price_that_stands_for_none_is_none_before_any_check(orderType: str, told: float) -> None:
    assert limit_price(orderType, "STK", told) is None
    assert aux_price(orderType, "STK", told) is None
