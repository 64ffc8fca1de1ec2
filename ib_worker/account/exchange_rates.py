"""The account's base currency and its rates of exchange, out of the account's values as TWS tells them. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ib_worker.tws.values.unset import real

BASE = "BASE"  # in place of a currency: all of them together
RATE, WHOLE = "ExchangeRate", "NetLiquidation"
QUOTE_MARGIN = 0.02  # a quote's rate is not the account's: so much is added to it
_CURRENCY = re.compile(r"[A-Z]{3}")
_LEDGER = re.compile(r"^\$LEDGER[-:]?")  # gateways of new users put it before the tags of a currency's figures


class AccountRow(NamedTuple):
    """One account value, as accountSummary and updateAccountValue tell it."""

    account: str
    tag: str
    value: str
    currency: str


@dataclass(frozen=True)
class AccountRates:
    """One unit of each currency in the base currency; `base` is None where TWS has not told it."""

    base: str | None = None
    rates: Mapping[str, float] = field(default_factory=dict)


def account_rates(rows: Iterable[AccountRow], account: str) -> AccountRates:
    """Read an account's rows. ExchangeRate comes per currency, as the tag itself or behind `$LEDGER-`; the base
    currency is that of NetLiquidation, else the only one whose rate is 1."""
    base, rates = None, {}
    for row in rows:
        tag = _LEDGER.sub("", row.tag)
        if row.account != account or not _CURRENCY.fullmatch(row.currency or ""):
            continue
        if tag == WHOLE and tag == row.tag:
            base = row.currency
        elif tag == RATE and (rate := _rate(row.value)) is not None:
            rates[row.currency] = rate
    at_par = [currency for currency, rate in rates.items() if rate == 1.0]
    return AccountRates(base or (at_par[0] if len(at_par) == 1 else None), rates)


def _rate(written: str) -> float | None:
    """0 is no rate: TWS rounds to a few decimals."""
    try:
        found = real(float(written))
    except ValueError:
        return None
    return found if found is not None and found > 0 else None


def quoted_rate(bid: float | None, ask: float | None, last: float | None, close: float | None, inverse: bool) -> float:
    """Return one unit of a currency out of a quote of its pair with the base currency (`inverse`: of the base currency
    in it), the dearest that is quoted and a margin on top; 0 where nothing is quoted."""
    now = [price for each in (bid, ask, last) if (price := real(each)) is not None and price > 0]
    known = now or [price for each in (close,) if (price := real(each)) is not None and price > 0]
    if not known:
        return 0.0
    return (1 / min(known) if inverse else max(known)) * (1 + QUOTE_MARGIN)
