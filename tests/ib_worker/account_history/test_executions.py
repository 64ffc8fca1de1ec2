"""An execution and a commission of TWS, as the account's past has them."""

from datetime import UTC, datetime

import ib_async

from ib_worker.account_history.executions import trade_commission, trade_execution
from ib_worker.tws.values.unset import NO_TIME

NOW = datetime(2025, 6, 11, 14, 30, 5, tzinfo=UTC)
OPTION = ib_async.Contract(
    conId=7, symbol="SPY", secType="OPT", lastTradeDateOrContractMonth="20250718", strike=400.0, right="P",
    multiplier="100", currency="USD",
)  # fmt: skip


def told(**more: object) -> ib_async.Execution:
    fields = {"execId": "e5.01.01", "time": datetime(2025, 6, 11, 14, 30, tzinfo=UTC), "acctNumber": "DU1",
              "exchange": "CBOE", "side": "SLD", "shares": 2.0, "price": 3.5, "permId": 9, "clientId": 0,
              "orderId": 2147483647}  # fmt: skip
    return ib_async.Execution(**(fields | more))  # type: ignore[arg-type]


def test_an_execution_that_was_entered_by_hand() -> None:
    found = trade_execution(OPTION, told(), NOW)

    assert found is not None
    assert (found.name, found.multiplier, found.currency) == ("SPY 18JUL25 400 P", "100", "USD")
    assert (found.side, found.shares, found.price, found.permId) == ("SLD", 2.0, 3.5, 9)
    assert (found.time, found.heard) == ("2025-06-11T14:30:00+00:00", "2025-06-11T14:30:05.000+00:00")
    assert (found.orderId, found.clientId, found.orderRef) == (0, 0, "")


def test_an_execution_in_an_unknown_time_zone_has_the_time_it_was_told() -> None:
    found = trade_execution(OPTION, told(time=NO_TIME), NOW)

    assert found is not None
    assert found.time == found.heard


def test_an_execution_without_a_price_or_a_side_is_none() -> None:
    assert trade_execution(OPTION, told(price=float("nan")), NOW) is None
    assert trade_execution(OPTION, told(side=""), NOW) is None


def test_a_commission() -> None:
    report = ib_async.CommissionReport("e5.01.01", 1.25, "USD", 1.7976931348623157e308)

    found = trade_commission(report)

    assert found is not None
    assert (found.commission, found.currency, found.realizedPNL) == (1.25, "USD", None)
    assert trade_commission(ib_async.CommissionReport("e5.01.01", 1.7976931348623157e308)) is None
