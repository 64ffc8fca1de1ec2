"""What is looked up and worked out before an order is accepted."""

import sys
from dataclasses import replace
from decimal import Decimal

import ib_async
import pytest

from bridge.tool import ToolError
from ib_worker.pre_trade.checks import intent_of, terms_digest
from ib_worker.risk.intent import RiskInputs
from ib_worker.risk.limits import Limits, check

QUOTE = (99.0, 100.0, 99.5)
UNSET = sys.float_info.max


@pytest.mark.trial("A1", "A2")
def test_an_order_that_tws_tells_back_without_a_cap_counts_at_the_market() -> None:
    contract = ib_async.Stock("MSFT", "SMART", "USD")
    told = ib_async.Order(action="BUY", totalQuantity=9999, orderType="REL", lmtPrice=0.0, auxPrice=0.01)
    limits = Limits().or_paper_defaults()

    with pytest.raises(ToolError) as refused:
        check(intent_of(contract, told), RiskInputs(*QUOTE, 0.0, Decimal(0), Decimal(0), 0, 0.0, base="USD"), limits)

    assert refused.value.details["limit"] == "max_order_value"
    assert refused.value.details["value"] == pytest.approx(999_900.0)
    unset = replace(told, lmtPrice=UNSET)
    assert terms_digest(contract, told) == terms_digest(contract, unset)  # equal orders, whichever way it is written
