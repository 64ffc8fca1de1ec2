"""Order states, executions and commissions, field by field as gateways print them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ibgateway.simulator.model.orders import CommissionReport, Execution, OrderStatus
from ibgateway.simulator.wire.encoding.text import UNSET_DOUBLE
from ibgateway.simulator.wire.messages import orders
from tests.stacks.ibgateway.message_fields import AAPL, AT, fields, read

STATUS = OrderStatus(0, 0, "PreSubmitted", Decimal(0), Decimal("1.0"), 0.0, 1518189976, 0, 0.0)


def test_order_status_has_no_digit_too_many() -> None:
    assert read(orders.order_status(STATUS)) == fields("3 0 PreSubmitted 0 1 0 1518189976 0 0 0 - 0")


EXECUTION = Execution(
    clientId=94,
    orderId=1,
    contract=replace(AAPL, exchange="SMART"),
    execId="0000e0d5.69dd7411.01.01",
    time=AT,
    acctNumber="DU1",
    exchange="IEX",
    side="BOT",
    shares=Decimal(1),
    price=257.95,
    permId=389211034,
    liquidation=0,
    cumQty=Decimal(1),
    avgPrice=257.95,
)
EXECUTION_FIELDS = [
    *fields("11 -1 1 265598 AAPL STK - 0.0 - - IEX USD AAPL NMS 0000e0d5.69dd7411.01.01"),
    "20250611 10:30:00 US/Eastern",
    *fields("DU1 IEX BOT 1 257.95 389211034 94 0 1 257.95 - - - - 2"),
]


@pytest.mark.parametrize(("version", "more"), [(177, []), (178, ["0"]), (197, ["0"]), (198, ["0", ""])])
def test_executions_name_the_venue(version: int, more: list[str]) -> None:
    told = read(orders.exec_details(version, -1, EXECUTION, "US/Eastern", "US/Eastern"))

    assert told == [*EXECUTION_FIELDS, *more]


def test_an_execution_can_name_a_zone_that_no_database_has() -> None:
    told = read(orders.exec_details(200, -1, EXECUTION, "US/Eastern", "Eastern Standard Time"))

    assert told[15] == "20250611 10:30:00 Eastern Standard Time"


def test_a_commission_report_leaves_profit_and_yield_unset() -> None:
    report = CommissionReport(94, "e.1", 1.0, "USD", None)

    assert read(orders.commission_report(report)) == ["59", "1", "e.1", "1.0", "USD", UNSET_DOUBLE, UNSET_DOUBLE, ""]
