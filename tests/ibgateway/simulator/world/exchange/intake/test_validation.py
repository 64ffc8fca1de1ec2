"""What TWS refuses before an order becomes one, with its code."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.world.exchange.intake.validation import OrderRequest, first_refusal, order_type
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from tests.stacks.ibgateway.world_and_trader import AAPL, Trader

DIRECTORY = Directory()
EURUSD, SPX = 12087792, 416904


def test_an_unknown_algorithm_is_refused(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT", algoStrategy="Nonsense")

    assert trader.errors() == [(439, "The order processing failed. Algorithm definition not found.")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"orderType": "LMT", "lmtPrice": 425.001}, 110),
        ({"orderType": "LMT", "lmtPrice": -1.0}, 110),
        ({"orderType": "LMT"}, 321),
        ({"orderType": "STP"}, 321),
        ({"orderType": "TRAIL"}, 321),
        ({"orderType": "TRAIL", "trailingPercent": 150.0}, 321),
        ({"orderType": "NONSENSE"}, 321),
        ({"orderType": "PEG STK"}, 387),
        ({"orderType": "MKT", "tif": "FOREVER"}, 10052),
        ({"orderType": "MKT", "totalQuantity": Decimal(0)}, 321),
        ({"orderType": "MKT", "totalQuantity": Decimal(-5)}, 321),
        ({"orderType": "MKT", "totalQuantity": Decimal("NaN")}, 321),
        ({"orderType": "MKT", "totalQuantity": Decimal("1E30")}, 201),
        ({"orderType": "MKT", "totalQuantity": Decimal("0.00001")}, 10318),
        ({"orderType": "MKT", "action": "HOLD"}, 321),
        ({"orderType": "MKT", "account": "U999"}, 321),
        ({"orderType": "LMT", "lmtPrice": 425.0, "parentId": 77}, 135),
        ({"orderType": "LMT", "lmtPrice": 425.0, "tif": "GTD", "goodTillDate": "20200101 10:00:00"}, 201),
        ({"orderType": "LMT", "lmtPrice": 425.0, "goodAfterTime": "soon"}, 10314),
    ],
)
def test_a_bad_order_is_refused_and_leaves_nothing_behind(trader: Trader, fields: dict[str, object], code: int) -> None:
    sent = {"action": "BUY", "totalQuantity": Decimal(1), **fields}
    trader.told = trader.world.place_order(1, 1, AAPL, Order(**sent))  # type: ignore[arg-type]

    assert [each[0] for each in trader.errors()] == [code]
    assert len(trader.told) == 1
    assert trader.world.open_orders(None) == []
    assert trader.world.next_order_id(1) == 1


def instrument(conId: int) -> Instrument:
    found = DIRECTORY.get(conId)
    assert found is not None
    return found


def refused(order: Order, conId: int = 265598, accounts: tuple[str, ...] = ("DU1",)) -> int | None:
    """The code of the first check that an order fails."""
    of = instrument(conId)
    answer = first_refusal(OrderRequest(order, of.contract(), (of,), accounts))
    return answer[0] if answer else None


@pytest.mark.parametrize(
    ("sent", "meant"), [("mkt", "MKT"), (" STP LMT ", "STP LMT"), ("stplmt", "STP LMT"), ("MIDPX", "MIDPRICE")]
)
def test_an_order_type_is_known_in_every_spelling(sent: str, meant: str) -> None:
    assert order_type(Order(orderType=sent)) == meant


def test_an_advisor_must_name_an_account_or_a_group() -> None:
    two = ("DU1", "DU2")

    assert refused(Order("BUY", Decimal(1), "MKT"), accounts=two) == 435
    assert refused(Order("BUY", Decimal(1), "MKT", faGroup="All"), accounts=two) is None
    assert refused(Order("BUY", Decimal(1), "MKT", account="DU2"), accounts=two) is None


@pytest.mark.parametrize(
    ("orderType", "conId", "code"),
    [
        ("MOC", EURUSD, 387),
        ("MIDPRICE", EURUSD, 387),
        ("REL", EURUSD, None),  # TWS takes it beyond stocks
        ("MKT", SPX, 201),
        ("MKT", EURUSD, None),
    ],
)
def test_some_types_are_for_stocks_alone(orderType: str, conId: int, code: int | None) -> None:
    assert refused(Order("BUY", Decimal(20_000), orderType), conId) == code


@pytest.mark.parametrize(
    ("orderType", "conId", "code"), [("MKT", 265598, None), ("STP", 265598, 387), ("MKT", EURUSD, 387)]
)
def test_an_order_for_the_opening_is_a_stocks_at_the_market_or_a_limit(
    orderType: str, conId: int, code: int | None
) -> None:
    assert refused(Order("BUY", Decimal(1), orderType, auxPrice=400.0, tif="OPG"), conId) == code


def test_a_date_is_needed_for_good_till_date() -> None:
    assert refused(Order("BUY", Decimal(1), "LMT", 400.0, tif="GTD")) == 391


@pytest.mark.parametrize(
    ("quantity", "code"), [("1", None), ("0.5", None), ("0.0001", None), ("0.00005", 10318), ("10000000001", 201)]
)
def test_a_stock_is_traded_down_to_a_ten_thousandth(quantity: str, code: int | None) -> None:
    assert refused(Order("BUY", Decimal(quantity), "MKT")) == code


def test_an_amount_of_money_must_be_above_nothing() -> None:
    assert refused(Order("BUY", Decimal(0), "MKT", cashQty=100.0)) is None
    assert refused(Order("BUY", Decimal(0), "MKT", cashQty=-100.0)) == 321


def test_a_price_that_the_type_does_not_use_is_not_looked_at() -> None:
    assert refused(Order("BUY", Decimal(1), "MKT", 400.001)) is None
    assert refused(Order("BUY", Decimal(1), "LMT", 400.001)) == 110
    assert refused(Order("SELL", Decimal(1), "TRAIL", auxPrice=1.0, trailStopPrice=400.001)) == 110


def test_a_trailing_limit_needs_a_limit_or_its_offset() -> None:
    assert refused(Order("SELL", Decimal(1), "TRAIL LIMIT", auxPrice=1.0)) == 321
    assert refused(Order("SELL", Decimal(1), "TRAIL LIMIT", auxPrice=1.0, lmtPriceOffset=0.5)) is None
