"""What an order is worth: a table of contracts with each figure worked out by hand, and what safety checks are told."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import pytest

from bridge.tool import ToolError
from ib_worker.risk.intent import Leg, OrderIntent, RiskInputs, Unit
from ib_worker.risk.limit_settings import Limits
from ib_worker.risk.limits import check
from ib_worker.risk.order_prices import limit_price
from ib_worker.risk.worth import known_worth, worth

RATES = {"EUR": 1.14, "GBP": 1.35, "JPY": 0.0069}
WAIVED: dict[str, Any] = {name: "off" for name in Limits.model_fields if name != "outside_rth"}


def facts(bid: float | None, ask: float | None, last: float | None, **changes: Any) -> RiskInputs:
    known = RiskInputs(bid, ask, last, 0.0, Decimal(0), Decimal(0), 0, 0.0, base="USD", rates=RATES)
    return replace(known, **changes)


def intent(
    secType: str, multiplier: str = "1", quantity: int = 10, orderType: str = "MKT", lmtPrice: float | None = None,
    auxPrice: float | None = None, action: Literal["BUY", "SELL"] = "BUY", **changes: Any,
) -> OrderIntent:  # fmt: skip
    made = OrderIntent(
        "X", secType, "USD", Decimal(multiplier or 0), action, Decimal(quantity), orderType, lmtPrice, auxPrice
    )
    return replace(made, **changes)


QUOTE = (99.0, 100.0, 99.5)
TABLE = [
    # one share is its price: 10 × 100
    ("STK", intent("STK"), QUOTE, 1_000.0),
    # a buyer's limit bounds it: 10 × 98
    ("STK limit", intent("STK", orderType="LMT", lmtPrice=98.0), QUOTE, 980.0),
    # a seller's does not: the dearer of 98 and 100
    ("STK sold", intent("STK", orderType="LMT", lmtPrice=98.0, action="SELL"), QUOTE, 1_000.0),
    # a buyer's stop is worth its trigger: 10 × 110
    ("STK stop", intent("STK", orderType="STP", auxPrice=110.0), QUOTE, 1_100.0),
    # a trailing stop may fill as far above the market as it trails: 10 × (100 + 5), 10 × 100 × 1.10
    ("STK trail", intent("STK", orderType="TRAIL", auxPrice=5.0), QUOTE, 1_050.0),
    ("STK trail %", intent("STK", orderType="TRAIL", trailingPercent=10.0), QUOTE, 1_100.0),
    # REL's auxPrice is an offset and its cap of 0 none: 10 × 100
    ("STK rel", intent("STK", orderType="REL", auxPrice=0.01), QUOTE, 1_000.0),
    # London tells pence: 10 × 100 p / 100 × 1.35
    ("STK pence", intent("STK", currency="GBP", priceMagnifier=100), QUOTE, 13.5),
    # Frankfurt: 10 × 100 × 1.14
    ("STK euro", intent("STK", currency="EUR"), QUOTE, 1_140.0),
    # an option on 100 shares: 10 × 2.50 × 100
    ("OPT", intent("OPT", "100"), (2.4, 2.5, 2.4), 2_500.0),
    # an adjusted one on 10: 10 × 2.50 × 10
    ("OPT mini", intent("OPT", "10"), (2.4, 2.5, 2.4), 250.0),
    # E-mini S&P 500: 2 × 6000 × 50
    ("FUT", intent("FUT", "50", 2), (5999.75, 6000.0, 6000.0), 600_000.0),
    # corn, in cents a bushel: 1 × 450.25 × 5000 / 100
    ("FUT cents", intent("FUT", "5000", 1, priceMagnifier=100), (450.0, 450.25, 450.0), 22_512.5),
    # crude oil in April 2020: 1 × |−37.63| × 1000
    ("FUT below 0", intent("FUT", "1000", 1), (-37.65, -37.60, -37.63), 37_650.0),
    # a limit below 0 bounds nothing: the dearer of 40 and 37.65
    ("FUT limit below 0", intent("FUT", "1000", 1, "LMT", -40.0), (-37.65, -37.60, -37.63), 40_000.0),
    # an option on a future: 3 × 12.25 × 50
    ("FOP", intent("FOP", "50", 3), (12.0, 12.25, 12.0), 1_837.5),
    # a bond's price is in percent of 1,000: 500 × 98.6 % × 1000
    ("BOND", intent("BOND", "", 500), (98.5, 98.6, None), 493_000.0),
    ("BOND 10", intent("BOND", "10", 500), (98.5, 98.6, None), 493_000.0),
    ("BOND face", intent("BOND", "1000", 500), (98.5, 98.6, None), 493_000.0),
    # EUR.USD is told in USD: 25,000 × 1.14
    ("CASH", intent("CASH", "", 25_000, symbol="EUR"), (1.1399, 1.14, None), 28_500.0),
    # USD.JPY buys USD, the base currency: 10,000
    ("CASH base", intent("CASH", "", 10_000, symbol="USD", currency="JPY"), (144.85, 144.86, None), 10_000.0),
    # EUR.JPY: 10,000 × 165 × 0.0069
    ("CASH cross", intent("CASH", "", 10_000, symbol="EUR", currency="JPY"), (164.9, 165.0, None), 11_385.0),
    # EUR.SEK, of which only the euro's rate is known: 10,000 × 1.14
    ("CASH first", intent("CASH", "", 10_000, symbol="EUR", currency="SEK"), (10.9, 11.0, None), 11_400.0),
    # a CFD is its underlying's price: 10 × 100
    ("CFD", intent("CFD", ""), QUOTE, 1_000.0),
    # 2 bitcoin at 100,000
    ("CRYPTO", intent("CRYPTO", "", 2), (99_990.0, 100_000.0, 99_995.0), 200_000.0),
    # 10 shares of a fund at 25.31
    ("FUND", intent("FUND", ""), (None, None, 25.31), 253.1),
    # a warrant's multiplier is its share of the underlying: 1000 × 0.52
    ("WAR", intent("WAR", "0.1", 1000, currency="USD"), (0.51, 0.52, 0.5), 520.0),
    # 5 ounces of gold at 3,300
    ("CMDTY", intent("CMDTY", "", 5), (3299.0, 3300.0, None), 16_500.0),
]  # fmt: skip


@pytest.mark.trial("A4", "A5", "A1")
@pytest.mark.parametrize(("order", "quote", "by_hand"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_an_order_is_worth_what_is_worked_out_by_hand(
    order: OrderIntent, quote: tuple[float | None, float | None, float | None], by_hand: float
) -> None:
    told = worth(order, facts(*quote))

    assert told.amount == pytest.approx(by_hand, rel=1e-9)
    assert told.currency == "USD"


@pytest.mark.trial("A4")
def test_a_combination_is_worth_all_that_its_legs_are() -> None:
    """Buy 2 of: a call at 12 bought, a call at 9.50 sold, 100 shares at 200 sold: 2 × (1200 + 950 + 20,000)."""
    option, share = Unit("OPT", "X", "USD", Decimal(100)), Unit("STK", "X", "USD")
    legs = (Leg(option, 1, 12.0), Leg(option, -1, 9.5), Leg(share, -100, 200.0))
    order = intent("BAG", "", 2, "LMT", 0.0)

    assert worth(order, facts(-197.6, -197.4, None, legs=legs)).amount == pytest.approx(44_300.0)
    assert known_worth(order, facts(0.0, 0.0, None)) is None
    assert known_worth(order, facts(1.0, 1.0, None, legs=(*legs, Leg(share, 1, None)))) is None


@pytest.mark.trial("A4")
@pytest.mark.parametrize("secType", ["IND", "CONTFUT"])
def test_what_only_has_prices_can_not_be_traded(secType: str) -> None:
    with pytest.raises(ToolError, match="can't be traded") as refused:
        check(intent(secType), facts(*QUOTE), Limits(**WAIVED))

    assert refused.value.code == "not_tradable"


@pytest.mark.trial("A4")
@pytest.mark.parametrize("secType", ["OPT", "FUT", "FOP"])
def test_a_derivative_whose_multiplier_is_not_told_has_no_worth(secType: str) -> None:
    assert known_worth(intent(secType, ""), facts(*QUOTE)) is None


@pytest.mark.trial("A5")
@pytest.mark.parametrize("known", [{"rates": {}}, {"rates": {"CHF": 0.0}}, {"base": None}])
def test_without_a_rate_an_order_that_opens_is_refused_and_one_that_closes_passes(known: dict[str, Any]) -> None:
    order, limits = intent("STK", currency="CHF"), Limits(**WAIVED | {"max_order_value": 1e9})
    held = facts(*QUOTE, position=Decimal(10), **known)

    with pytest.raises(ToolError) as refused:
        check(order, held, limits)
    check(replace(order, action="SELL"), held, limits)

    assert (refused.value.code, "CHF" in refused.value.message) == ("no_exchange_rate", True)


@pytest.mark.trial("A1")
@pytest.mark.parametrize(
    ("secType", "passes"), [("BAG", True), ("FUT", True), ("FOP", True), ("STK", False), ("OPT", False)]
)
@pytest.mark.parametrize("limit", [0.0, -0.05])
def test_a_limit_of_0_and_below_is_real_for_spreads_and_futures_alone(secType: str, passes: bool, limit: float) -> None:
    order = intent(secType, "50", orderType="LMT", lmtPrice=limit_price("LMT", secType, limit))

    assert order.lmtPrice == limit
    if passes:
        check(order, facts(-0.1, 0.1, 0.0), Limits(**WAIVED))
    else:
        with pytest.raises(ToolError, match=r"^\[invalid_arguments\] lmtPrice"):
            check(order, facts(*QUOTE), Limits(**WAIVED))


@pytest.mark.trial("A6")
def test_forex_has_a_quantity_limit_of_its_own() -> None:
    euro = intent("CASH", "", 25_000, symbol="EUR")
    quote, paper = facts(1.1399, 1.14, None), Limits().or_paper_defaults()

    check(euro, quote, paper)
    for order, limit in (
        (replace(euro, totalQuantity=Decimal(1_000_001)), "max_quantity_cash"),
        (intent("STK", quantity=10_001), "max_quantity"),
        (replace(euro, totalQuantity=Decimal(250_000)), "max_order_value"),  # 285,000 USD
    ):
        with pytest.raises(ToolError) as refused:
            check(order, quote if order.secType == "CASH" else facts(*QUOTE), paper)
        assert refused.value.details["limit"] == limit
    with pytest.raises(ToolError):  # where it is not set, the other counts for all
        check(euro, quote, Limits(**WAIVED | {"max_quantity": "10000", "max_quantity_cash": None}))
