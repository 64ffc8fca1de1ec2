"""Which positions the day's executions have closed, and what that brought."""

from typing import Any

import pytest

from bridge.tools.types import Contract
from ib_worker.account.closed_positions import PaidExecution, closed_positions
from ib_worker.account.exchange_rates import AccountRates

SPY = Contract(conId=1, symbol="SPY", secType="STK", currency="USD")
SAP = Contract(conId=2, symbol="SAP", secType="STK", currency="EUR")
RATES = AccountRates("USD", {"EUR": 1.25})


def paid(execId: str, of: Contract = SPY, realized: float | None = None, **more: Any) -> PaidExecution:
    terms: dict[str, Any] = {
        "account": "DU1",
        "modelCode": "",
        "contract": of,
        "reported": True,
        "currency": of.currency,
    } | more
    return PaidExecution(execId=execId, realizedPNL=realized, **terms)


def closed(*fills: PaidExecution, held: frozenset[int] = frozenset(), modelCode: str = "") -> list[tuple[Any, ...]]:
    found = closed_positions(fills, "DU1", modelCode, held, RATES)
    return [(each.contract.symbol, each.realizedPNL) for each in found]


def test_what_was_traded_and_is_held_no_more_has_its_profit_in_the_base_currency() -> None:
    fills = [paid("a.01"), paid("b.01", realized=30.5), paid("c.01", SAP, -40.0), paid("d.01", SAP, -8.0)]

    assert closed(*fills) == [("SAP", -60.0), ("SPY", 30.5)]
    assert closed(*fills, held=frozenset({2})) == [("SPY", 30.5)]
    assert closed() == []


def test_a_correction_takes_its_originals_place() -> None:
    assert closed(paid("a.1.02", realized=7.0), paid("a.1.01", realized=5.0)) == [("SPY", 7.0)]


@pytest.mark.parametrize(
    "fill",
    [paid("a.01", realized=None, reported=False, currency=None), paid("a.01", realized=5.0, currency="JPY")],
    ids=["no commission report yet", "a currency without a rate"],
)
def test_a_profit_that_is_not_wholly_known_is_null(fill: PaidExecution) -> None:
    assert closed(fill, paid("b.01", realized=30.0)) == [("SPY", None)]


def test_other_accounts_other_models_and_combinations_are_left_out() -> None:
    combination = Contract(conId=28812380, symbol="SPY", secType="BAG", currency="USD")

    assert closed(paid("a.01", account="DU2"), paid("b.01", combination)) == []
    assert closed(paid("a.01", modelCode="Tech", realized=1.0), paid("b.01", SAP), modelCode="Tech") == [("SPY", 1.0)]
