"""An account's snapshot out of its values and portfolio as TWS tells them. Pure."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from bridge.bus.history.records import AccountSnapshot, CurrencyFigures, HeldPosition, SnapshotKind
from bridge.text.contract_name import contract_name
from bridge.tools.account import AccountUpdate

BASE = "BASE"  # in place of a currency: all of them together
Told = dict[tuple[str, str], float]


def snapshot_of(
    account: str, day: date, kind: SnapshotKind, now: datetime, updates: Iterable[AccountUpdate]
) -> AccountSnapshot | None:
    """Return the snapshot, None where TWS has not told the account's net liquidation."""
    rows = [each for each in updates if each.account == account]
    told = {(each.tag or "", each.currency or ""): each.value for each in rows if isinstance(each.value, float)}
    base = next((currency for tag, currency in told if tag == "NetLiquidation" and currency not in ("", BASE)), None)
    if base is None:
        return None
    return AccountSnapshot(
        account=account,
        date=day.isoformat(),
        time=now.astimezone(UTC).isoformat(timespec="milliseconds"),
        kind=kind,
        base=base,
        netLiquidation=told["NetLiquidation", base],
        totalCash=told.get(("TotalCashValue", base)),
        grossPositionValue=told.get(("GrossPositionValue", base)),
        unrealizedPnL=told.get(("UnrealizedPnL", BASE)),
        realizedPnL=told.get(("RealizedPnL", BASE)),
        currencies={currency: _figures(told, currency) for currency in _currencies(told)},
        positions=[_held(each) for each in rows if each.kind == "portfolio" and each.position],
    )


def _currencies(told: Told) -> list[str]:
    return sorted({currency for tag, currency in told if tag == "ExchangeRate" and currency != BASE})


def _figures(told: Told, currency: str) -> CurrencyFigures:
    cash = told.get(("TotalCashBalance", currency), told.get(("CashBalance", currency)))
    return CurrencyFigures(told.get(("ExchangeRate", currency)), cash, told.get(("NetLiquidationByCurrency", currency)))


def _held(row: AccountUpdate) -> HeldPosition:
    assert row.contract is not None  # as each row of the portfolio has
    return HeldPosition(
        conId=row.contract.conId,
        name=contract_name(row.contract),
        secType=row.contract.secType,
        currency=row.contract.currency or "",
        position=row.position or 0.0,
        price=row.marketPrice,
        value=row.marketValue,
    )
