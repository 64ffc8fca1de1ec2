"""openOrder and completedOrder, field by field as gateways print them at each version that changed a layout."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import OpenOrder, Order, OrderState
from ibgateway.simulator.wire.encoding.text import UNSET_DOUBLE
from ibgateway.simulator.wire.messages import order_state
from tests.stacks.ibgateway.message_fields import AAPL, fields, read

PUT = Contract(
    conId=853200900,
    symbol="OBDC",
    secType="OPT",
    lastTradeDateOrContractMonth="20261120",
    strike=10.0,
    right="P",
    multiplier="100",
    exchange="SMART",
    currency="USD",
    localSymbol="OBDC  261120P00010000",
    tradingClass="OBDC",
)
# An option's limit order at version 200, group by group.
OPEN_200 = [
    "5 0 853200900 OBDC OPT 20261120 10 P 100 SMART USD OBDC~~261120P00010000 OBDC",
    "SELL 1 LMT 1.2 0.0 GTC - DU1 - 0 - 0 1518189976 0 0 0 -",  # action … goodAfterTime
    "1518189976.0/DU1/100 - - - - - 0 - - 0 - -1 0",  # shares allocation … auctionStrategy
    "- - - - - 2147483647 0 0 0 - 3 0 0 - 0 0",  # startingPrice … triggerMethod
    "- 0 None - 0 - - - ? 0 0 - 0 0",  # volatility … referencePriceType
    "- - - - - 0 0 0 2147483647 2147483647 - - 0 - IB 0 0 - 0",  # trailStopPrice … solicited
    "0 PreSubmitted" + f" {UNSET_DOUBLE}" * 9 + " - - - - -" + f" {UNSET_DOUBLE}" * 9,
    "-9223372036854775808 - 0 - 0 0 0",  # suggested size … number of conditions
    "None" + f" {UNSET_DOUBLE}" * 6 + " 0 - - - 0 0 0 0 0",  # adjustedOrderType … usePriceMgmtAlgo
    "- - 0 - - - - - - 0 - 0 - 2147483647 - 0",  # duration … imbalanceOnly
]
ORDER = Order("SELL", Decimal(1), "LMT", 1.2, tif="GTC", account="DU1")


def test_open_order_at_200() -> None:
    shown = OpenOrder(0, 0, 1518189976, PUT, ORDER, OrderState("PreSubmitted"))

    assert read(order_state.open_order(200, shown)) == [field for group in OPEN_200 for field in fields(group)]


# How many fields openOrder and completedOrder have from each version on.
LENGTHS = {
    157: (128, 96),
    158: (129, 96),
    160: (130, 96),
    162: (131, 96),
    170: (136, 101),
    177: (135, 100),
    183: (136, 101),
    184: (137, 102),
    185: (138, 102),
    189: (139, 102),
    193: (141, 102),
    195: (154, 102),
    198: (155, 103),
    199: (156, 103),
}
COMPLETED_200 = [
    "101 265598 AAPL STK - 0 ? - SMART USD AAPL NMS BUY 1 LMT 500.0 0.0 GTC oca DU1 - 0 - 1002 0 0 0 -",
    "- - - - - 0 - - 0 - -1 - - - - - 2147483647 0 0 - 3 0 - 0 None - 0 0 0 - 0 0 - - -",
    "0 0 0 2147483647 2147483647 - - - IB 0 0 - 0 Cancelled 0 0 0",
    f"{UNSET_DOUBLE} {UNSET_DOUBLE} 0 0 0 - 0 2147483647 0 Not~an~insider~or~substantial~shareholder 0 0",
    "9223372036854775807 20250611~10:30:00~US/Eastern Cancelled~by~Trader - - - - - - 0 -",
]


def test_completed_order_at_200() -> None:
    state = OrderState("Cancelled", completedTime="20250611 10:30:00 US/Eastern", completedStatus="Cancelled by Trader")
    order = Order("BUY", Decimal(1), "LMT", 500.0, tif="GTC", ocaGroup="oca", account="DU1")

    told = read(order_state.completed_order(200, OpenOrder(1, 0, 1002, AAPL, order, state)))

    assert told == [field for group in COMPLETED_200 for field in fields(group)]


@pytest.mark.parametrize("version", range(157, 201))
def test_orders_have_as_many_fields_as_their_version_has(version: int) -> None:
    shown = OpenOrder(0, 0, 1, PUT, ORDER, OrderState("Submitted"))
    since = max(one for one in LENGTHS if one <= version)

    told = len(read(order_state.open_order(version, shown))), len(read(order_state.completed_order(version, shown)))

    assert told == LENGTHS[since]
