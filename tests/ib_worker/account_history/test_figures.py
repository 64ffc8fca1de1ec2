"""A snapshot out of what TWS tells of an account."""

from datetime import UTC, date, datetime

from bridge.bus.history.records import AccountSnapshot, CurrencyFigures, HeldPosition
from bridge.tools.account import AccountUpdate
from bridge.tools.types import Contract
from ib_worker.account_history.figures import snapshot_of

NOW = datetime(2025, 6, 11, 20, 5, tzinfo=UTC)
VALUES = [
    ("NetLiquidation", 1_000.5, "USD"), ("TotalCashValue", 400.0, "USD"), ("AccountType", "INDIVIDUAL", None),
    ("ExchangeRate", 1.0, "BASE"), ("ExchangeRate", 1.0, "USD"), ("ExchangeRate", 1.1, "EUR"),
    ("CashBalance", 100.0, "EUR"), ("NetLiquidationByCurrency", 150.0, "EUR"), ("UnrealizedPnL", 12.0, "BASE"),
    ("UnrealizedPnL", 5.0, "EUR"), ("RealizedPnL", 3.0, "BASE"), ("GrossPositionValue", 600.0, "USD"),
]  # fmt: skip


def told(account: str = "DU1") -> list[AccountUpdate]:
    return [AccountUpdate(kind="value", account=account, time=NOW, tag=tag, value=value, currency=currency)
            for tag, value, currency in VALUES]  # fmt: skip


def line(position: float, account: str = "DU1") -> AccountUpdate:
    apple = Contract(conId=265598, symbol="AAPL", secType="STK", currency="USD")
    return AccountUpdate(
        kind="portfolio", account=account, time=NOW, contract=apple, position=position, marketPrice=190.0,
        marketValue=position * 190.0,
    )  # fmt: skip


def test_a_snapshot_has_the_accounts_figures_currencies_and_positions() -> None:
    found = snapshot_of("DU1", date(2025, 6, 11), "close", NOW, [*told(), line(3.0), *told("DU2"), line(9.0, "DU2")])

    assert found == AccountSnapshot(
        account="DU1", date="2025-06-11", time="2025-06-11T20:05:00.000+00:00", kind="close", base="USD",
        netLiquidation=1_000.5, totalCash=400.0, grossPositionValue=600.0, unrealizedPnL=12.0, realizedPnL=3.0,
        currencies={"EUR": CurrencyFigures(1.1, 100.0, 150.0), "USD": CurrencyFigures(1.0)},
        positions=[HeldPosition(265598, "AAPL", "STK", "USD", 3.0, 190.0, 570.0)],
    )  # fmt: skip


def test_a_position_that_was_closed_is_none() -> None:
    found = snapshot_of("DU1", date(2025, 6, 11), "close", NOW, [*told(), line(0.0)])

    assert found is not None
    assert found.positions == []


def test_there_is_no_snapshot_without_a_net_liquidation() -> None:
    assert snapshot_of("DU1", date(2025, 6, 11), "close", NOW, told("DU2")) is None
    unset = [AccountUpdate(kind="value", account="DU1", time=NOW, tag="NetLiquidation", value=None, currency="USD")]
    assert snapshot_of("DU1", date(2025, 6, 11), "close", NOW, unset) is None
