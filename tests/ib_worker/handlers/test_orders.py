"""The handlers that send: an order, a change, and what is refused before anything leaves."""

import pytest

from bridge.tool import ToolError
from bridge.tools.types import OrderNameArguments
from ib_worker.handlers.orders import require_own_order
from ib_worker.session import state as standing
from ibgateway.simulator.server.server import Simulator
from tests.stacks.orders import resting
from tests.stacks.worker import frames, order, ready_session, trading

KEY = "a-key-of-the-caller"


async def test_a_change_is_confirmed_by_tws_and_sent_once_per_key(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        changed = await front.submit("modify_order", key="change-key-1", orderId=placed["orderId"], lmtPrice=401)
        again = await front.submit("modify_order", key="change-key-1", orderId=placed["orderId"], lmtPrice=401)
        same = await front.submit("modify_order", key="change-key-2", orderId=placed["orderId"], lmtPrice=401)
        larger = await front.submit("modify_order", orderId=0, orderKey=KEY, totalQuantity=7)
        life = await front.ask("get_order", permId=placed["permId"])

    assert (changed["lmtPrice"], changed["totalQuantity"], changed["message"]) == (
        401,
        3,
        "TWS has confirmed the new terms.",
    )
    assert (again["replayed"], larger["totalQuantity"], larger["lmtPrice"]) == (True, 7, 401)
    assert same["message"] == "The order has these terms already; nothing was sent."
    assert larger["idempotencyKey"] == KEY
    assert [each["source"] for each in life["events"]].count("change sent") == 2
    assert frames(sim) == 3


async def test_a_change_that_tws_has_not_confirmed_can_be_taken_back(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ib_worker.order_entry.send.CHANGE_HELD_S", 0)
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        sim.fault("on order ignore")
        silent = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=401)
        back = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=400)

    assert "not confirmed yet" in silent["message"]
    assert (back["lmtPrice"], back["message"]) == (400, "TWS has confirmed the new terms.")
    assert frames(sim) == 3


async def test_a_change_that_makes_no_sense_is_refused_without_a_frame(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        filled = await front.submit("place_order", **order())
        placed = await front.submit("place_order", key=KEY, **resting())
        done = await front.refused_order("modify_order", orderId=filled["orderId"], totalQuantity=5)
        wrong = await front.refused_order("modify_order", orderId=placed["orderId"], auxPrice=3)
        huge = await front.refused_order("modify_order", orderId=placed["orderId"], totalQuantity=20_000)
        stranger = await front.refused_order("modify_order", orderId=4711, totalQuantity=5)
        unknown = await front.refused_order("modify_order", orderId=0, orderKey="no-such-key", totalQuantity=5)
        unseen = await front.refused("get_order", orderId=0, orderKey="no-such-key")

    assert [each.code for each in (done, wrong, huge, stranger)] == [
        "not_open", "invalid_arguments", "limit_exceeded", "not_found",
    ]  # fmt: skip
    assert [each.code for each in (unknown, unseen)] == ["not_found", "not_found"]
    assert unknown.message.startswith("orderKey: this session has no open order no-such-key")
    assert unseen.message.startswith("orderKey: TWS names no such order")
    assert "The order is Filled" in done.message  # named by whichever of its names
    assert "orderType LMT has none; its price is lmtPrice" in wrong.message
    assert frames(sim) == 2


@pytest.mark.fault(95)
async def test_an_equal_order_is_held_and_let_go_by_naming_the_first(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **order())
        held = await front.refused_order(**order())
        await front.submit("place_order", **order(), duplicateOf=KEY)

    assert (held.code, held.details["duplicateOf"]) == ("possible_duplicate", KEY)
    assert frames(sim) == 2


async def test_an_order_is_not_called_missing_while_orders_are_still_read(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        stand.session.ledger.known = False
        stand.session.record.set(standing.SYNCING)
        with pytest.raises(ToolError) as caught:
            require_own_order(stand.session, 7, OrderNameArguments())

    assert caught.value.code == "not_ready"
