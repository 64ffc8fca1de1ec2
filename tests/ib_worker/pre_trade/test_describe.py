"""What a human is asked before an order: every digit of it."""

from decimal import Decimal

import ib_async
import pytest

from ib_worker.pre_trade.describe import approval_text
from ib_worker.risk.intent import OrderIntent, RiskInputs

CONTRACT = ib_async.Contract(conId=1, symbol="BRK A", secType="STK", currency="USD", exchange="SMART")
ORDER = ib_async.Order(
    action="BUY", totalQuantity=2_000_000, orderType="STP LMT", lmtPrice=741234.56, auxPrice=740987.65, account="DU1"
)


@pytest.mark.trial("A3", "A25")
def test_who_approves_an_order_reads_its_prices_to_the_last_digit() -> None:
    intent = OrderIntent(
        "BRK A", "STK", "USD", Decimal(1), "BUY", Decimal(2_000_000), "STP LMT", lmtPrice=741234.56, auxPrice=740987.65
    )
    facts = RiskInputs(741100.12, 741200.34, 741150.1, 0.0, Decimal(0), Decimal(0), 0, 0.0, base="USD")

    told = approval_text(intent, facts, CONTRACT, ORDER)

    assert told.startswith("LIVE, real money. Place: BUY 2000000 BRK A")
    assert approval_text(intent, facts, CONTRACT, ORDER, simulated=True).startswith("SIMULATED, no real money. Place: ")
    assert "lmtPrice 741234.56, auxPrice 740987.65" in told
    assert "bid/ask/last 741100.12/741200.34/741150.1" in told
    assert "The trigger of 740987.65 is met by bid 741100.12, ask 741200.34, last 741150.1: it trades" in told
    of_model = ib_async.Order(**(vars(ORDER) | {"modelCode": "Growth"}))
    assert "***** model Growth." in approval_text(intent, facts, CONTRACT, of_model).replace("DU1", "*****")
