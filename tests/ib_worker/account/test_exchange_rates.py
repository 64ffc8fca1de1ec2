"""The account's base currency and its rates."""

import sys

import pytest

from ib_worker.account.exchange_rates import AccountRow, account_rates, quoted_rate

UNSET = sys.float_info.max


@pytest.mark.trial("A5")
@pytest.mark.parametrize("prefix", ["", "$LEDGER-"])
def test_rates_are_read_in_either_form_of_their_tags(prefix: str) -> None:
    rows = [
        AccountRow("DU1", "NetLiquidation", "1000.00", "EUR"), AccountRow("DU2", "NetLiquidation", "1.00", "USD"),
        AccountRow("DU1", f"{prefix}ExchangeRate", "1.00", "BASE"),
        AccountRow("DU1", f"{prefix}ExchangeRate", "0.877", "USD"),
        AccountRow("DU1", f"{prefix}ExchangeRate", "0.00000", "IDR"),  # rounded away: no rate
        AccountRow("DU1", f"{prefix}ExchangeRate", "NaN", "JPY"),
        AccountRow("DU2", f"{prefix}ExchangeRate", "1.14", "EUR"),
    ]  # fmt: skip

    found = account_rates(rows, "DU1")

    assert (found.base, found.rates) == ("EUR", {"USD": 0.877})
    par = AccountRow("DU3", f"{prefix}ExchangeRate", "1.00000", "CHF")
    assert account_rates([*rows, par], "DU3").base == "CHF"
    assert account_rates([par, par._replace(currency="EUR")], "DU3").base is None


@pytest.mark.trial("A5")
def test_a_quoted_rate_is_the_dearest_price_and_two_percent() -> None:
    assert quoted_rate(1.14, 1.15, None, 1.0, inverse=False) == pytest.approx(1.15 * 1.02)
    assert quoted_rate(144.0, 145.0, None, 100.0, inverse=True) == pytest.approx(1 / 144 * 1.02)
    assert quoted_rate(None, None, None, 1.25, inverse=False) == pytest.approx(1.275)
    assert quoted_rate(-1.0, 0.0, UNSET, None, inverse=False) == 0.0
