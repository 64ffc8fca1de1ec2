"""The tables of an account's past, and their totals."""

from bridge.bus.history.records import TradeCommission
from ib_worker.account_history.curve import EquityRow
from ib_worker.account_history.tables import equity_totals, session_row, table, trade_row, trade_totals
from tests.stacks.account_records import execution, snapshot

PAID = TradeCommission("e5.01.01", 1.5, "USD", 20.25)
ROWS = [
    EquityRow(snapshot(11, 10_000)),
    EquityRow(snapshot(12, 11_000), 10.0, None, 0.0),
    EquityRow(snapshot(13, 14_350), -15.0, None, 5_000.0, suspected=True),
]


def test_what_is_equal_in_all_rows_is_told_once() -> None:
    told = table([session_row(each) for each in ROWS])

    assert told.same == {"flow": None, "kind": "close", "currency": "USD"}
    assert told.columns[:4] == ["date", "netLiquidation", "returnPercent", "unexplained"]
    assert told.rows[2][:5] == ["2025-06-13", 14_350, -15, 5_000, True]


def test_no_rows_have_no_columns() -> None:
    assert table([]) == ({}, [], [])


def test_the_totals_of_a_curve() -> None:
    (totals,) = equity_totals(ROWS)

    assert (totals["sessions"], totals["firstDate"], totals["lastDate"]) == (3, "2025-06-11", "2025-06-13")
    assert (totals["returnPercent"], totals["maxDrawdownPercent"]) == (-6.5, 15)
    assert (totals["flow"], totals["suspectedFlow"], totals["suspectedDates"]) == (None, 5_000, "2025-06-13")
    assert equity_totals([]) == []


def test_totals_that_lack_a_return_are_unknown() -> None:
    (totals,) = equity_totals([*ROWS, EquityRow(snapshot(16, 14_350))])

    assert (totals["returnPercent"], totals["maxDrawdownPercent"]) == (None, None)


def test_a_trade() -> None:
    assert trade_row((execution("e5.01.02", "2025-06-12T10:30:00-04:00"), PAID)) == {
        "time": "2025-06-12T14:30:00Z", "name": "AAPL", "side": "BOT", "shares": 10, "price": 100, "commission": 1.5,
        "realizedPNL": 20.25, "commissionCurrency": "USD", "currency": "USD", "clientId": 0, "corrected": True,
    }  # fmt: skip


def test_the_totals_of_a_contract() -> None:
    sold = execution("e6.01.01", side="SLD", shares=4), TradeCommission("e6.01.01", 1.0, "USD")

    (totals,) = trade_totals([(execution(), PAID), sold])

    assert totals == {
        "name": "AAPL", "currency": "USD", "executions": 2, "bought": 10, "sold": 4, "net": 6, "commission": 2.5,
        "realizedPNL": 20.25, "commissionCurrency": "USD",
    }  # fmt: skip


def test_a_pairs_commission_is_in_a_currency_of_its_own() -> None:
    pair = execution(symbol="EUR", secType="CASH", name="EUR.GBP", currency="GBP"), PAID

    row, (totals,) = trade_row(pair), trade_totals([pair])

    assert (row["currency"], row["commission"], row["commissionCurrency"]) == ("GBP", 1.5, "USD")
    assert (totals["currency"], totals["commission"], totals["commissionCurrency"]) == ("GBP", 1.5, "USD")


def test_totals_of_trades_without_a_commission_are_unknown() -> None:
    (totals,) = trade_totals([(execution(), PAID), (execution("e6.01.01", side="SLD", shares=4), None)])

    assert (totals["commission"], totals["realizedPNL"], totals["commissionCurrency"]) == (None, None, "USD")


def test_amounts_of_two_currencies_have_no_sum() -> None:
    other = execution("e6.01.01", side="SLD", shares=4), TradeCommission("e6.01.01", 1.0, "EUR", 5.0)

    (totals,) = trade_totals([(execution(), PAID), other])

    assert (totals["commission"], totals["realizedPNL"], totals["commissionCurrency"]) == (None, None, None)


def test_a_commission_that_was_not_told_makes_the_sum_unknown() -> None:
    (totals,) = trade_totals([(execution(), None)])

    assert (totals["commission"], totals["realizedPNL"]) == (None, None)
