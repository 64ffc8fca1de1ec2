"""place_order's arguments: which prices each order type needs, may have, and must not have."""

from itertools import product
from typing import Any, get_args

import pytest
from pydantic import ValidationError

import bridge.tools.session  # noqa: F401  # its declarations fill the registry
from bridge.tool import TOOLS, Effect
from bridge.tools.order_terms import OrderType, Tif
from bridge.tools.orders import PlaceOrder

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
        assert "auxPrice (an amount) or trailingPercent" in refusal(orderType="TRAIL", **named)


def test_each_refusal_names_the_field_at_fault() -> None:
    assert "lmtPrice: orderType LMT needs it" in refusal(orderType="LMT")
    assert "lmtPrice: leave it out, orderType MKT has none" in refusal(lmtPrice=1)
    assert "auxPrice: orderType STP needs it" in refusal(orderType="STP")
    assert "auxPrice: leave it out, orderType LMT has none" in refusal(orderType="LMT", lmtPrice=1, auxPrice=1)
    assert "trailingPercent: leave it out, orderType MKT has none" in refusal(trailingPercent=1)


@pytest.mark.trial("D2")
@pytest.mark.parametrize("secType", ["BAG", "FUT", "FOP"])
def test_a_limit_may_be_zero_or_negative_where_things_are_sold_so_and_a_trigger_may_not(secType: str) -> None:
    assert place(orderType="LMT", lmtPrice=0, secType=secType).lmtPrice == 0
    assert place(orderType="LMT", lmtPrice=-37.63, secType=secType).lmtPrice == -37.63
    assert "lmtPrice: must be above 0 for secType STK" in refusal(orderType="LMT", lmtPrice=0)
    assert "lmtPrice: must be above 0 for secType OPT" in refusal(orderType="LOC", lmtPrice=-1, secType="OPT")
    assert place(orderType="LMT", lmtPrice=0, conId=1870000305).lmtPrice == 0  # the worker knows its type
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
        ("action", "B"), ("action", "SSHORT"), ("action", None), ("action", ""),
        ("totalQuantity", 0), ("totalQuantity", -1), ("totalQuantity", ""), ("totalQuantity", "1e3"),
        ("totalQuantity", True), ("totalQuantity", float("nan")), ("totalQuantity", 1_000_000_001),
        ("orderType", "LIMITED"), ("orderType", "VWAP"), ("tif", "GTD"), ("tif", "forever"), ("outsideRth", "perhaps"),
        ("account", "DU 1"), ("orderType", ["MKT"]), ("orderType", {}), ("lmtPrice", [0]),
        ("idempotencyKey", "short"), ("lmtPrice", float("inf")), ("limitPrice", 1),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused_by_name(field: str, bad: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        place(**{field: bad})

    assert caught.value.errors()[0]["loc"] == (field,)


@pytest.mark.parametrize("tif", get_args(Tif))
def test_every_time_in_force_is_taken(tif: str) -> None:
    assert place(tif=tif).tif == tif


@pytest.mark.parametrize("missing", ["action", "totalQuantity"])
def test_what_has_no_default_is_required(missing: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PlaceOrder.model_validate({name: value for name, value in BARE.items() if name != missing})

    assert (caught.value.errors()[0]["loc"], caught.value.errors()[0]["type"]) == ((missing,), "missing")


def test_an_order_without_a_contract_is_refused() -> None:
    with pytest.raises(ValidationError, match="symbol: name the contract by symbol or by conId"):
        PlaceOrder.model_validate({name: value for name, value in BARE.items() if name != "symbol"})

    assert PlaceOrder.model_validate({"conId": 265598, "action": "BUY", "totalQuantity": 1}).symbol == ""


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


@pytest.mark.trial("D2")
@pytest.mark.parametrize(
    ("written", "field", "normal"),
    [
        ({"action": "buy"}, "action", "BUY"),
        ({"action": " Sell "}, "action", "SELL"),
        ({"tif": "gtc"}, "tif", "GTC"),
        ({"tif": "Good-Till-Cancelled"}, "tif", "GTC"),
        ({"orderType": "market"}, "orderType", "MKT"),
        ({"orderType": "limit", "lmtPrice": 1.5}, "orderType", "LMT"),
        ({"orderType": "STP_LMT", "lmtPrice": 1.5, "auxPrice": 1}, "orderType", "STP LMT"),
        ({"orderType": "Stop Limit", "lmtPrice": 1.5, "auxPrice": 1}, "orderType", "STP LMT"),
        ({"totalQuantity": "10"}, "totalQuantity", 10),
        ({"totalQuantity": 0.5}, "totalQuantity", 0.5),
        ({"outsideRth": "true"}, "outsideRth", True),
    ],
)
def test_a_human_form_with_one_meaning_is_taken(written: dict[str, Any], field: str, normal: Any) -> None:
    assert getattr(place(**written), field) == normal


@pytest.mark.trial("D2")
@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_nothing_means_left_out_where_an_argument_is_optional(nothing: Any) -> None:
    optional = set(PlaceOrder.model_fields) - set(BARE)

    order = place(**dict.fromkeys(optional, nothing))

    assert order == place()
    assert order.model_fields_set == set(BARE)


@pytest.mark.trial("D2")
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"orderType": "MKT", "lmtPrice": 0, "auxPrice": "0"}, {}),
        ({"orderType": "midprice", "lmtPrice": 0.0}, {}),
        ({"orderType": "REL", "lmtPrice": 0, "auxPrice": 0.01}, {"auxPrice": 0.01}),
        ({"orderType": "TRAIL", "auxPrice": 0, "trailingPercent": 2}, {"trailingPercent": 2}),
        ({"orderType": "TRAIL", "auxPrice": 2, "trailingPercent": 0}, {"auxPrice": 2}),
        ({"orderType": "STP", "lmtPrice": 0, "auxPrice": 90}, {"auxPrice": 90}),
    ],
)
def test_a_price_of_0_is_none_where_the_order_type_takes_none(given: dict[str, Any], kept: dict[str, float]) -> None:
    order = place(**given)

    assert {name: value for name in PRICES if (value := getattr(order, name)) is not None} == kept


@pytest.mark.trial("D2")
@pytest.mark.parametrize("orderType", ["LMT", "STP LMT", "LIT", "LOC"])
def test_a_limit_of_0_is_refused_where_it_would_be_a_price(orderType: str) -> None:
    aux = {"auxPrice": 1} if orderType in ("STP LMT", "LIT") else {}

    assert "lmtPrice: must be above 0" in refusal(orderType=orderType, lmtPrice=0, **aux)


@pytest.mark.trial("A7")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"strike": 400, "right": "P", "lastTradeDateOrContractMonth": "20250718"},
            "right and lastTradeDateOrContractMonth: they",
        ),
        ({"strike": 400}, "secType STK has no strike: that needs secType OPT or FOP. Give it"),
        ({"right": "put"}, "secType STK has no right"),
        ({"multiplier": 100}, "secType STK has no multiplier"),
        ({"secType": "CASH", "lastTradeDateOrContractMonth": "202507"}, "secType CASH has no lastTradeDateOrContract"),
        (
            {"secType": "FUT", "strike": 6000, "right": "C"},
            "secType FUT has no strike and right: they need secType OPT or FOP.",
        ),
        ({"secType": "STK", "conId": 1041641110, "strike": 400}, "secType STK has no strike"),
        ({"secType": "IND", "multiplier": "50"}, "secType IND has no multiplier"),
    ],
)
def test_terms_that_the_type_has_not_are_refused(given: dict[str, Any], said: str) -> None:
    assert said in refusal(**given)


@pytest.mark.trial("A7")
@pytest.mark.parametrize(
    "given",
    [{"orderType": "MOC"}, {"orderType": "LOC", "lmtPrice": 5}, {"tif": "OPG"}],
)
def test_trading_outside_hours_is_refused_for_an_auction(given: dict[str, Any]) -> None:
    assert "outsideRth: leave it out" in refusal(outsideRth=True, **given)
