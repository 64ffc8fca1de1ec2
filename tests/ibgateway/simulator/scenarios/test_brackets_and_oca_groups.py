"""Orders that belong together: a bracket's exits wait and cancel each other, a group ends with one fill."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.orders import OrderStatus
from tests.stacks.ibgateway.world_and_trader import AAPL, END, START, Trader, last_status

FAR = 300.0


def bracket(trader: Trader, limit: float, profit: float, stop: float) -> tuple[int, int, int]:
    parent = trader.place("BUY", 10, "LMT", lmtPrice=limit, transmit=False)
    assert trader.told == []
    target = trader.place("SELL", 10, "LMT", lmtPrice=profit, parentId=parent, transmit=False)
    assert trader.told == []
    return parent, target, trader.place("SELL", 10, "STP", auxPrice=stop, parentId=parent)


def test_a_brackets_children_wait_for_their_parent(trader: Trader) -> None:
    parent, target, stop = bracket(trader, FAR, 500.0, 200.0)

    assert last_status(trader, parent).status == "Submitted"
    assert (last_status(trader, target).status, last_status(trader, target).whyHeld) == ("PreSubmitted", "child")
    assert (last_status(trader, stop).status, last_status(trader, stop).whyHeld) == ("PreSubmitted", "child,trigger")
    assert {each.parentId for each in trader.of(OrderStatus)} == {0, parent}


def test_a_brackets_children_live_when_the_parent_is_filled(trader: Trader) -> None:
    parent, target, stop = bracket(trader, 450.0, 500.0, 200.0)

    assert last_status(trader, parent).status == "Filled"
    assert last_status(trader, target).status == "Submitted"
    assert last_status(trader, stop).whyHeld == "trigger"


def test_one_exit_of_a_bracket_cancels_the_other(trader: Trader) -> None:
    highest = max(trade.price for trade in trader.world.trades(trader.world.resolve(AAPL), START, END))
    _, target, stop = bracket(trader, 450.0, round(highest - 0.5, 2), 200.0)
    trader.wait(END - 1)

    assert last_status(trader, target).status == "Filled"
    assert last_status(trader, stop).status == "Cancelled"
    assert trader.position("AAPL") == 0


def test_a_cancelled_parent_takes_its_children_along(trader: Trader) -> None:
    parent, target, stop = bracket(trader, FAR, 500.0, 200.0)
    trader.cancel(parent)

    assert [each.orderId for each in trader.of(OrderStatus)] == [parent, target, stop]
    assert trader.world.open_orders(None) == []


def test_a_rejected_parent_takes_its_children_along(trader: Trader) -> None:
    parent = trader.place("BUY", 1_000_000, "LMT", lmtPrice=400.0, transmit=False)
    trader.place("SELL", 1_000_000, "LMT", lmtPrice=500.0, parentId=parent)

    assert last_status(trader, parent).status == "Inactive"
    assert trader.world.open_orders(None) == []


@pytest.mark.parametrize("ocaType", [1, 2, 3])
def test_one_fill_ends_an_oca_group(trader: Trader, ocaType: int) -> None:
    resting = trader.place("BUY", 10, "LMT", lmtPrice=FAR, ocaGroup="g", ocaType=ocaType)
    trader.place("BUY", 10, "MKT", ocaGroup="g", ocaType=ocaType)

    assert last_status(trader, resting).status == "Cancelled"


@pytest.mark.parametrize(("ocaType", "left"), [(1, 0), (2, 50), (3, 50)])
def test_a_fill_in_part_cancels_an_oca_group_or_reduces_it_by_its_share(
    trader: Trader, ocaType: int, left: int
) -> None:
    _, asks = trader.world.depth(trader.world.resolve(AAPL), 1)
    resting = trader.place("BUY", 100, "LMT", lmtPrice=FAR, ocaGroup="g", ocaType=ocaType)
    trader.place("BUY", asks[0].size * 2, "LMT", lmtPrice=asks[0].price, ocaGroup="g", ocaType=ocaType)

    found = last_status(trader, resting)
    assert (found.status, found.remaining) == (("Submitted", left) if left else ("Cancelled", found.remaining))
