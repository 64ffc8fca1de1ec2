"""place_order's arguments: which prices each order type needs, may have, and must not have."""

from itertools import product
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from bridge.order_terms import OrderType, Tif
from bridge.orders import PlaceOrder
from bridge.tool import TOOLS, Effect

BARE = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1}

# Written out once more, from TWS's own table of order types, and on purpose not read from the code.
NEEDS = {
    "MKT": set(), "LMT": {"lmtPrice"}, "STP": {"auxPrice"}, "STP LMT": {"lmtPrice", "auxPrice"},
    "MIT": {"auxPrice"}, "LIT": {"lmtPrice", "auxPrice"}, "MOC": set(), "LOC": {"lmtPrice"}, "MTL": set(),
    "REL": {"auxPrice"}, "MIDPRICE": set(),
}  # fmt: skip
MAY = {"REL": {"lmtPrice"}, "MIDPRICE": {"lmtPrice"}}
PRICES = ("lmtPrice", "auxPrice", "trailingPercent")


def place(**changes: Any) -> PlaceOrder:
    return PlaceOrder.model_validate(BARE | changes)


def refusal(**changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        place(**changes)
    return str(caught.value)


def prices(given: tuple[bool, ...]) -> dict[str, float]:
    return {name: 1.5 for name, is_given in zip(PRICES, given, strict=True) if is_given}


def test_every_order_type_is_in_the_table() -> None:
    assert set(NEEDS) | {"TRAIL"} == set(get_args(OrderType))


@pytest.mark.parametrize("given", list(product([False, True], repeat=3)))
@pytest.mark.parametrize("orderType", NEEDS)
def test_an_order_type_takes_its_prices_and_no_others(orderType: str, given: tuple[bool, ...]) -> None:
    named = prices(given)
    missing = NEEDS[orderType] - set(named)
    useless = set(named) - NEEDS[orderType] - MAY.get(orderType, set())

    if not missing and not useless:
        order = place(orderType=orderType, **named)
        assert {name: getattr(order, name) for name in named} == named
        return
    said = refusal(orderType=orderType, **named)
    assert any(f"{name}: orderType {orderType} needs it" in said for name in missing) or any(
        f"{name}: leave it out, orderType {orderType} has none" in said for name in useless
    )


@pytest.mark.parametrize("given", list(product([False, True], repeat=3)))
def test_a_trailing_stop_trails_by_an_amount_or_by_a_percentage(given: tuple[bool, ...]) -> None:
    named = prices(given)
    if set(named) in ({"auxPrice"}, {"trailingPercent"}):
        order = place(orderType="TRAIL", **named)
        assert {name: getattr(order, name) for name in named} == named
    elif "lmtPrice" in named:
        assert "lmtPrice: leave it out, orderType TRAIL has none" in refusal(orderType="TRAIL", **named)
    else:
        assert "auxPrice: orderType TRAIL needs either auxPrice" in refusal(orderType="TRAIL", **named)


def test_each_refusal_names_the_field_at_fault() -> None:
    assert "lmtPrice: orderType LMT needs it" in refusal(orderType="LMT")
    assert "lmtPrice: leave it out, orderType MKT has none" in refusal(lmtPrice=1)
    assert "auxPrice: orderType STP needs it" in refusal(orderType="STP")
    assert "auxPrice: leave it out, orderType LMT has none" in refusal(orderType="LMT", lmtPrice=1, auxPrice=1)
    assert "trailingPercent: leave it out, orderType MKT has none" in refusal(trailingPercent=1)


def test_a_limit_may_be_zero_or_negative_and_a_trigger_may_not() -> None:
    assert place(orderType="LMT", lmtPrice=0).lmtPrice == 0
    assert place(orderType="LMT", lmtPrice=-37.63).lmtPrice == -37.63
    assert "auxPrice" in refusal(orderType="STP", auxPrice=0)
    assert "trailingPercent" in refusal(orderType="TRAIL", trailingPercent=0)
    assert "trailingPercent" in refusal(orderType="TRAIL", trailingPercent=100.01)


def test_an_order_is_a_market_day_order_until_told_otherwise() -> None:
    order = place()

    assert (order.orderType, order.tif, order.outsideRth, order.account) == ("MKT", "DAY", False, None)
    assert (order.lmtPrice, order.auxPrice, order.trailingPercent, order.idempotencyKey) == (None, None, None, None)


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("action", "buy"), ("action", "SSHORT"), ("action", None),
        ("totalQuantity", 0), ("totalQuantity", -1), ("totalQuantity", 0.5), ("totalQuantity", "1e3"),
        ("totalQuantity", True), ("totalQuantity", float("nan")), ("totalQuantity", 1_000_000_001),
        ("orderType", "LIMIT"), ("orderType", "mkt"), ("tif", "GTD"), ("tif", "day"), ("outsideRth", "perhaps"),
        ("account", ""), ("idempotencyKey", "short"), ("lmtPrice", float("inf")), ("limitPrice", 1),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused_by_name(field: str, bad: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        place(**{field: bad})

    assert caught.value.errors()[0]["loc"] == (field,)


@pytest.mark.parametrize("tif", get_args(Tif))
def test_every_time_in_force_is_taken(tif: str) -> None:
    assert place(tif=tif).tif == tif


@pytest.mark.parametrize("missing", ["symbol", "action", "totalQuantity"])
def test_what_has_no_default_is_required(missing: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PlaceOrder.model_validate({name: value for name, value in BARE.items() if name != missing})

    assert (caught.value.errors()[0]["loc"], caught.value.errors()[0]["type"]) == ((missing,), "missing")


def test_what_trades_is_a_write() -> None:

    effects = {name: declared.effect for name, declared in TOOLS.items()}
    assert {name for name, effect in effects.items() if effect is Effect.WRITE} >= {
        "ibkr_place_order",
        "ibkr_cancel_order",
    }
    assert {name for name, effect in effects.items() if effect is Effect.SESSION} == {
        "ibkr_connect",
        "ibkr_disconnect",
    }
