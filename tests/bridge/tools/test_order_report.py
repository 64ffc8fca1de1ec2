"""A report of an order: it has the prices of its type, and nothing that the order does not have."""

from typing import Any

import pytest

from bridge.tools.order_report import AUX_PRICE, LMT_PRICE, UNPRICED, GroupMember, OrderReport, absent_prices

REPORT: dict[str, Any] = {
    "orderId": 7,
    "permId": None,
    "clientId": 1,
    "orderRef": None,
    "account": "DU1",
    "contract": {"conId": 265598, "symbol": "AAPL", "secType": "STK"},
    "action": "BUY",
    "totalQuantity": 10,
    "orderType": "LMT",
    "status": "Submitted",
    "filled": 0,
    "remaining": 10,
    "avgFillPrice": None,
}
UNLINKED = ("idempotencyKey", "goodTillDate", "parentId", "ocaGroup", "placed_at", "whyHeld", "notices", "group")


@pytest.mark.parametrize(
    ("orderType", "absent"),
    [
        ("MKT", {"lmtPrice", "auxPrice", "trailingPercent", "trailStopPrice"}),
        ("LMT", {"auxPrice", "trailingPercent", "trailStopPrice"}),
        ("STP", {"lmtPrice", "trailingPercent", "trailStopPrice"}),
        ("STP LMT", {"trailingPercent", "trailStopPrice"}),
        ("TRAIL", {"lmtPrice"}),
        ("TRAIL LIMIT", set()),  # placed elsewhere, of a type that this program does not place
    ],
)
def test_a_type_has_no_other_prices_than_its_own(orderType: str, absent: set[str]) -> None:
    assert absent_prices(orderType) == absent


@pytest.mark.parametrize("orderType", UNPRICED)
def test_a_type_without_a_price_is_in_no_table_of_prices(orderType: str) -> None:
    assert orderType not in LMT_PRICE
    assert orderType not in AUX_PRICE


def test_a_report_leaves_out_what_its_order_does_not_have_and_says_null_for_what_is_not_known() -> None:
    told = OrderReport.model_validate(REPORT).model_dump()

    assert {
        "auxPrice",
        "trailingPercent",
        "modelCode",
        "outsideRth",
        "replayed",
        *UNLINKED,
        "message",
    } & told.keys() == set()
    assert (told["lmtPrice"], told["permId"], told["avgFillPrice"]) == (None, None, None)


def test_a_report_says_what_its_order_has() -> None:
    told = OrderReport.model_validate(
        REPORT | {"lmtPrice": 99.5, "parentId": 6, "ocaGroup": "bracket", "outsideRth": True, "replayed": True}
    ).model_dump()

    assert (told["lmtPrice"], told["parentId"], told["ocaGroup"]) == (99.5, 6, "bracket")
    assert told["outsideRth"] is True
    assert told["replayed"] is True


@pytest.mark.parametrize(("quantity", "written"), [(10.0, "10"), (0.5, "0.5")])
def test_a_whole_quantity_is_written_without_a_point(quantity: float, written: str) -> None:
    told = OrderReport.model_validate(REPORT | {"totalQuantity": quantity}).model_dump()

    assert str(told["totalQuantity"]) == written


def test_a_member_of_a_group_has_the_prices_of_its_type() -> None:
    names = ("orderId", "permId", "orderRef", "action", "totalQuantity", "status", "filled", "remaining")
    member = GroupMember.model_validate(
        {name: REPORT[name] for name in names} | {"role": "stopLoss", "orderType": "STP", "auxPrice": 90, "tif": "GTC"}
    ).model_dump()

    assert member["auxPrice"] == 90
    assert "lmtPrice" not in member


@pytest.mark.parametrize(
    ("status", "filled", "told"), [("Cancelled", 0, False), ("Cancelled", 2, True), ("Submitted", 0, True)]
)
def test_an_order_that_ended_without_a_fill_has_no_price_of_fills(status: str, filled: int, told: bool) -> None:
    report = OrderReport.model_validate(REPORT | {"status": status, "filled": filled}).model_dump()

    assert ({"avgFillPrice", "lastFillPrice", "commission", "commissionCurrency"} <= report.keys()) is told
