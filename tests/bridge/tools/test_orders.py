"""A bracket's and a change's arguments: exits around the entry, one name for an order, something to change."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.tool import ToolRequest
from bridge.tools.orders import CancelOrder, ModifyOrder, PlaceBracketOrder

BUY = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1, "takeProfitPrice": 110, "stopLossPrice": 90}
SELL = BUY | {"action": "SELL", "takeProfitPrice": 90, "stopLossPrice": 110}


def refusal(declaration: type[ToolRequest], arguments: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        declaration.model_validate(arguments)
    return str(caught.value)


@pytest.mark.parametrize("terms", [BUY, SELL])
@pytest.mark.parametrize("lmtPrice", [None, 90.01, 109.99])
def test_exits_on_the_right_sides_are_taken(terms: dict[str, Any], lmtPrice: float | None) -> None:
    bracket = PlaceBracketOrder.model_validate(terms | ({"lmtPrice": lmtPrice} if lmtPrice else {}))

    assert (bracket.lmtPrice, bracket.tif, bracket.outsideRth) == (lmtPrice, "DAY", False)


@pytest.mark.parametrize(
    ("action", "profit", "loss", "side"),
    [("BUY", 90, 110, "above"), ("SELL", 110, 90, "below"), ("BUY", 90, 90, "above")],
)
def test_exits_on_the_wrong_sides_are_named(action: str, profit: float, loss: float, side: str) -> None:
    told = refusal(
        PlaceBracketOrder, BUY | {"action": action, "takeProfitPrice": profit, "stopLossPrice": loss, "lmtPrice": 100}
    )

    assert f"takeProfitPrice: must lie {side} stopLossPrice for a {action}" in told


@pytest.mark.parametrize("terms", [BUY, SELL])
@pytest.mark.parametrize("lmtPrice", [89, 90, 110, 111])
def test_an_entry_outside_of_its_exits_is_named(terms: dict[str, Any], lmtPrice: float) -> None:
    told = refusal(PlaceBracketOrder, terms | {"lmtPrice": lmtPrice})

    assert "lmtPrice: must lie between stopLossPrice and takeProfitPrice" in told


CHANGES: list[dict[str, Any]] = [{"totalQuantity": 2}, {"lmtPrice": 1.5}, {"auxPrice": 1.5}, {"tif": "GTC"}]


@pytest.mark.parametrize("change", CHANGES)
def test_each_term_alone_is_a_change(change: dict[str, Any]) -> None:
    asked = ModifyOrder.model_validate({"orderId": 7} | change)

    assert asked.model_dump(exclude_unset=True) == {"orderId": 7} | change


def test_a_change_of_nothing_is_refused() -> None:
    assert "totalQuantity: give at least one of" in refusal(ModifyOrder, {"orderId": 7})


NAMES: list[dict[str, Any]] = [{"orderKey": "a-key-of-it"}, {"orderRef": "ref"}, {"permId": 5}]


@pytest.mark.trial("E7")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("declaration", "more"), [(CancelOrder, {}), (ModifyOrder, {"lmtPrice": 1.5})])
def test_one_name_of_an_order_is_enough(
    declaration: type[ToolRequest], more: dict[str, Any], name: dict[str, Any]
) -> None:
    for arguments in (name, {"orderId": 0} | name, {"orderId": None} | name, {"orderId": 7} | name, {"orderId": 7}):
        assert declaration.model_validate(arguments | more)
    for arguments in ({}, {"orderId": 0}, {"orderId": 0, "orderRef": "", "permId": 0}):
        assert "orderId: name the order by one of" in refusal(declaration, arguments | more)


@pytest.mark.trial("D2")
def test_a_bracket_takes_human_forms_and_never_a_limit_of_0_for_a_market_entry() -> None:
    bracket = PlaceBracketOrder.model_validate(BUY | {"action": "buy", "tif": "gtc", "lmtPrice": "", "exitTif": "day"})

    assert (bracket.action, bracket.tif, bracket.lmtPrice, bracket.exitTif) == ("BUY", "GTC", None, "DAY")
    assert "lmtPrice" in refusal(PlaceBracketOrder, BUY | {"lmtPrice": 0})


@pytest.mark.parametrize(("terms", "side"), [(BUY, "SELL"), (SELL, "BUY")])
@pytest.mark.parametrize("action", ["BUY", "SELL"])
def test_exits_alone_close_the_side_that_their_prices_name(terms: dict[str, Any], action: str, side: str) -> None:
    assert PlaceBracketOrder.model_validate(terms | {"action": action, "exitsOnly": True}).exit_side == side


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"lmtPrice": 100}, "lmtPrice: leave it out, exitsOnly has no entry"),
        ({"tif": "DAY"}, "tif: leave it out, exitsOnly has no entry; exitTif is the exits'"),
        ({"stopLossPrice": 110}, "takeProfitPrice: must not be stopLossPrice"),
    ],
)
def test_exits_alone_have_nothing_of_an_entry(terms: dict[str, Any], words: str) -> None:
    assert words in refusal(PlaceBracketOrder, BUY | {"exitsOnly": True} | terms)
