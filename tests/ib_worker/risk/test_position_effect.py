"""What an order does to the position, and what is said of it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import pytest

from ib_worker.risk.intent import OrderIntent, RiskInputs, Trading
from ib_worker.risk.position_effect import (
    cautions,
    held_up,
    opens_short,
    position_effect,
    remarks_on,
    report_text,
    sentence,
    warnings,
)

MKT = OrderIntent("T", "STK", "USD", Decimal(1), "SELL", Decimal(100), "MKT")
MARKET = "bid 28, ask 28.02, last 28.01"
FACTS = RiskInputs(28.0, 28.02, 28.01, 0.0, Decimal(100), Decimal(0), 0, 0.0, base="USD")


@pytest.mark.trial("A24")
@pytest.mark.parametrize(
    ("held", "action", "quantity", "closing", "told", "short"),
    [
        (100, "SELL", 200, 0, "sells the 100 that you hold and opens a short of 100", True),
        (-50, "BUY", 60, 0, "buys back the short of 50 and opens a long of 10", False),
        (0, "SELL", 5, 0, "opens a short of 5", True),
        (0, "BUY", 5, 0, "opens a long of 5", False),
        (-5, "SELL", 5, 0, "adds 5 to the short of 5", True),
        (100, "SELL", 40, 0, "reduces the long of 100 to 60", False),
        (100, "SELL", 100, 0, "closes the long of 100", False),
        (-100, "BUY", 100, 0, "closes the short of 100", False),
        (100, "SELL", 100, 30,
         "closes the long of 100; if the open orders of the same side for 30 fill too, that opens a short of 30", True),
        (100, "SELL", 40, 30, "reduces the long of 100 to 60", False),
    ],
)  # fmt: skip
def test_an_order_says_what_it_does_to_the_position(
    held: int, action: Literal["BUY", "SELL"], quantity: int, closing: int, told: str, short: bool
) -> None:
    order = replace(MKT, action=action, totalQuantity=Decimal(quantity))
    facts = replace(FACTS, position=Decimal(held), closing=Decimal(closing))

    assert position_effect(order, facts) == told
    assert opens_short(order, facts) is short


@pytest.mark.trial("A25")
@pytest.mark.parametrize(
    ("action", "orderType", "auxPrice", "met"),
    [
        ("BUY", "STP", 25.0, True), ("BUY", "STP", 30.0, False), ("SELL", "STP", 30.0, True),
        ("SELL", "STP", 25.0, False),
        ("BUY", "MIT", 30.0, True), ("SELL", "MIT", 25.0, True), ("SELL", "LIT", 30.0, False),
        ("BUY", "STP LMT", 28.02, True), ("BUY", "TRAIL", 0.5, False), ("SELL", "REL", 0.01, False),
    ],
)  # fmt: skip
def test_a_trigger_that_is_met_already_is_told(
    action: Literal["BUY", "SELL"], orderType: str, auxPrice: float, met: bool
) -> None:
    order = replace(MKT, action=action, orderType=orderType, auxPrice=auxPrice)

    told = [f"the trigger of {auxPrice:g} is met by {MARKET}: it trades at once"] if met else []
    assert warnings(replace(order, tif="GTC"), FACTS) == told


SELL = OrderIntent("NVDA", "STK", "USD", Decimal(1), "SELL", Decimal(10), "MKT")
HELD = RiskInputs(99.0, 100.0, 99.5, 0.0, Decimal(10), Decimal(10), 0, 0.0, base="USD")


@pytest.mark.trial("A12")
def test_only_what_open_orders_hold_up_is_told_so() -> None:
    assert held_up(SELL, HELD)
    assert "An order of a model never counts as closing" in held_up(replace(SELL, modelCode="Growth"), HELD)
    assert held_up(replace(SELL, totalQuantity=Decimal(4)), replace(HELD, closing=Decimal(7)))
    for order_, facts in (
        (SELL, replace(HELD, closing=Decimal(0))),  # closes
        (replace(SELL, totalQuantity=Decimal(11)), HELD),  # opens a short by itself
        (replace(SELL, action="BUY"), HELD),
        (SELL, replace(HELD, position=Decimal(0))),
    ):
        assert held_up(order_, facts) == ""


@pytest.mark.trial("A25")
def test_a_trigger_that_is_met_while_the_market_is_closed_trades_when_it_opens() -> None:
    stop = replace(SELL, orderType="STP", auxPrice=120.0)

    assert warnings(stop, HELD)[0] == "the trigger of 120 is met by bid 99, ask 100, last 99.5: it trades at once"
    assert warnings(stop, replace(HELD, trading="closed"))[0] == (
        "the trigger of 120 is met by bid 99, ask 100, last 99.5: it trades as soon as the session opens"
    )


@pytest.mark.parametrize(
    ("tif", "outsideRth", "trading", "told"),
    [
        ("OPG", False, "open", "tif OPG: the order waits for the next opening auction"),
        ("DAY", False, "closed", "the market is closed: the order waits for the next session"),
        ("DAY", False, "extended", "it is not regular hours: without outsideRth the order waits for them"),
        ("DAY", True, "open", "tif DAY: the order ends with today's hours, before the next pre-market; GTC does not"),
        ("DAY", True, "extended", None),
        ("GTC", True, "open", None),
        ("DAY", False, "open", None),
    ],
)
def test_an_order_says_when_it_works_unless_that_is_now(
    tif: str, outsideRth: bool, trading: Trading, told: str | None
) -> None:
    order = replace(SELL, orderType="LMT", lmtPrice=99.0, tif=tif, outsideRth=outsideRth)

    assert warnings(order, replace(HELD, trading=trading)) == ([told] if told else [])


@pytest.mark.parametrize("orderType", ["STP", "STP LMT", "TRAIL", "TRAIL LIMIT"])
@pytest.mark.parametrize(
    ("terms", "ends"),
    [
        ({}, True),
        ({"tif": "GTC"}, False),
        ({"action": "BUY", "auxPrice": 900.0}, False),  # opens
        ({"outsideRth": True}, False),  # its own sentence says when it ends
    ],
    ids=["an exit for the day", "GTC", "an entry", "outside regular hours"],
)
def test_a_stop_for_the_day_that_protects_a_position_says_that_it_ends(
    orderType: str, terms: dict[str, Any], ends: bool
) -> None:
    stop = replace(SELL, orderType=orderType, auxPrice=5.0, tif="DAY")
    facts = replace(HELD, trading="open")

    told = "tif DAY: this stop ends at the session's close, and protects nothing after it; GTC does"
    assert (told in warnings(replace(stop, **terms), facts)) is ends
    assert (told in cautions(replace(stop, **terms), facts)) is ends


def test_a_market_order_is_not_told_of_hours_that_tws_ignores() -> None:
    outside = replace(SELL, orderType="MKT", tif="DAY", outsideRth=True)

    assert warnings(outside, replace(HELD, trading="open")) == [
        "outsideRth: TWS ignores it for a MKT order, which trades in regular hours"
    ]
    assert warnings(outside, replace(HELD, trading="extended"))[0] == (
        "it is not regular hours: without outsideRth the order waits for them"
    )


def test_a_report_remarks_a_new_short_but_not_of_a_change_or_an_order_that_waits() -> None:
    flat = replace(HELD, position=Decimal(0), closing=Decimal(0))

    assert remarks_on(SELL, flat) == "Its fill opens a short of 10."
    assert remarks_on(SELL, flat, changes=True) == remarks_on(SELL, flat, waits=True) == ""


@pytest.mark.parametrize(
    ("action", "stop", "limit", "told"),
    [
        ("SELL", 20.0, 21.0, ["lmtPrice 21 is above the stop of 20"]),
        ("BUY", 40.0, 39.5, ["lmtPrice 39.5 is below the stop of 40"]),
        ("SELL", 20.0, 20.0, []), ("SELL", 20.0, 19.0, []), ("BUY", 40.0, 41.0, []),
    ],
)  # fmt: skip
def test_a_stops_limit_at_a_better_price_than_the_stop_is_warned_of(
    action: Literal["BUY", "SELL"], stop: float, limit: float, told: list[str]
) -> None:
    order = replace(MKT, action=action, orderType="STP LMT", auxPrice=stop, lmtPrice=limit, tif="GTC")
    flat = replace(FACTS, position=Decimal(0))
    whole = [f"{each}: once triggered, the order fills only if the price comes back" for each in told]

    assert cautions(order, flat) == warnings(order, flat) == whole
    assert [each for each in whole if sentence(each) not in report_text(order, flat, "Sent.", "", filled=False)] == []
