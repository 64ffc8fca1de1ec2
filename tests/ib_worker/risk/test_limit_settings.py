"""The operator's limits as people set them: each a value or "off", and none by oversight."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from ib_worker.risk.limit_settings import PAPER_DEFAULTS, Limits, variable

WAIVED: dict[str, Any] = {name: "off" for name in Limits.model_fields if name != "outside_rth"} | {
    "outside_rth": "allowed"
}


def test_live_needs_every_limit_named_and_paper_fills_in_its_own() -> None:
    strict = {"max_quantity_cash", "queued_market_orders"}  # where they are not set, they refuse more
    assert Limits().unset() == [f"LIMIT_{name.upper()}" for name in Limits.model_fields if name not in strict]
    assert Limits(**WAIVED).unset() == []
    assert Limits(max_quantity=Decimal(5)).unset().count("LIMIT_MAX_QUANTITY") == 0
    paper = Limits(max_quantity=Decimal(5)).or_paper_defaults()
    assert paper.unset() == []
    assert paper.max_quantity == 5
    assert paper.price_collar == PAPER_DEFAULTS["price_collar"]


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMIT_ALLOWED_SYMBOLS", "AAPL,BRK B")
    monkeypatch.setenv("LIMIT_MAX_ORDER_VALUE", "5000")
    monkeypatch.setenv("LIMIT_MAX_DAILY_LOSS", "off")

    read = Limits()

    assert read.allowed_symbols == frozenset({"AAPL", "BRK B"})
    assert read.max_order_value == 5000.0
    assert read.max_daily_loss == "off"


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_quantity", "0"), ("max_order_value", "-1"), ("price_collar", "1"), ("max_open_orders", "many"),
     ("allowed_symbols", ""), ("outside_rth", "maybe"), ("max_order_value", "nan")],
)  # fmt: skip
def test_a_limit_that_makes_no_sense_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        Limits.model_validate({name: value})


@pytest.mark.parametrize("written", ["AAPL, MSFT", " AAPL,MSFT ", "AAPL,,MSFT,"])
def test_spaces_and_empty_parts_are_no_part_of_a_name(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMIT_ALLOWED_SYMBOLS", written)

    assert Limits().allowed_symbols == frozenset({"AAPL", "MSFT"})


@pytest.mark.parametrize("written", ["", " ", ",", " , "])
def test_a_list_that_names_nothing_is_refused(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMIT_ALLOWED_SYMBOLS", written)

    with pytest.raises(ValidationError, match="LIMIT_ALLOWED_SYMBOLS is empty"):
        Limits()


@pytest.mark.parametrize(
    ("secType", "cash", "limit"),
    [
        ("STK", "500", ("max_quantity", 10)),
        ("CASH", "500", ("max_quantity_cash", 500)),
        ("CASH", "off", ("max_quantity_cash", "off")),
        ("CASH", None, ("max_quantity", 10)),  # stricter: the figure for shares counts
    ],
)
def test_forex_has_its_own_quantity_limit_where_one_is_set(
    secType: str, cash: str | None, limit: tuple[str, object]
) -> None:
    settings = Limits.model_validate({"max_quantity": "10", "max_quantity_cash": cash})

    assert settings.quantity_limit(secType) == limit


@pytest.mark.parametrize(("price_collar", "fraction"), [("0.05", 0.05), ("off", None), (None, None)])
def test_a_collar_that_is_waived_or_not_set_has_no_fraction(price_collar: str | None, fraction: float | None) -> None:
    assert Limits.model_validate({"price_collar": price_collar}).collar == fraction


def test_a_limit_has_the_variable_that_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable("max_open_orders"), "7")

    assert Limits().max_open_orders == 7
