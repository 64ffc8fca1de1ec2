"""A bracket is one thing from its birth to its end: shown, changed, cancelled and rejected as one."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bridge.tool import ToolError
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.server.server import Simulator
from tests.stacks.brackets import ENTRY, FAR, FILLED, STOP, TARGET, bracket, cancel, quantities, settles
from tests.stacks.worker import SOON, Caller, caller, order, trading, worker
from tests.waiting import until

KEY = "a-key-of-the-caller"
PLACE, CANCEL = 3, 4  # message ids


def crowd(sim: Simulator) -> None:
    """IBKR takes one more order that sells NVDA, and no second one: another client's orders are there."""
    other = Order("SELL", Decimal(1), "LMT", lmtPrice=900.0, account="DU1234567")
    nvda = Contract(symbol="NVDA", secType="STK", exchange="SMART", currency="USD")
    for orderId in range(1, 20):
        sim.world.place_order(9, orderId, nvda, other)


def standing(told: Any) -> dict[str, str]:
    return {each["role"]: each["status"] for each in told["group"]}


@pytest.mark.trial("A10")
@pytest.mark.parametrize("restarted", [False, True], ids=["by the same worker", "after a restart"])
async def test_a_cancel_by_a_brackets_key_ends_what_is_open_of_it_and_says_what_that_means(
    redis_url: str, session: str, sim: Simulator, restarted: bool
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FILLED)
        await settles(front, 10)
        told = None if restarted else await cancel(front, orderKey=KEY)
    async with trading(redis_url, session, sim) as front:
        told = told or await cancel(front, orderKey=KEY)
        again = await cancel(front, orderKey=KEY)
        left = await front.ask("get_open_orders")

    assert told["message"] == ("Cancelled the stop and the target. The position of 10 NVDA now has no exit order.")
    assert standing(told) == {"entry": "Filled", "stopLoss": "Cancelled", "takeProfit": "Cancelled"}
    assert (left, "Nothing was sent." in again["message"]) == ([], True)
    assert len(sim.journal.entries("in", CANCEL)) == 2


@pytest.mark.trial("A10")
async def test_a_cancel_of_a_bracket_that_waits_for_its_entry_ends_all_three_with_one_frame(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FAR)
        told = await cancel(front, orderKey=KEY)

    assert told["message"] == "Cancelled the entry, the stop and the target."
    assert set(standing(told).values()) == {"Cancelled"}
    assert len(sim.journal.entries("in", CANCEL)) == 1


@pytest.mark.trial("A10")
async def test_an_entry_that_fills_before_its_cancel_keeps_its_exits(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FAR)
        sim.fault("on cancelOrder fill this all 60")
        told = await cancel(front, orderKey=KEY)

    assert told["message"].startswith(
        "The entry filled before the cancel reached it. The stop and the target are still"
    )
    found = standing(told)
    assert found.pop("takeProfit") in ("PreSubmitted", "Submitted")  # its new status may come after the answer
    assert found == {"entry": "Filled", "stopLoss": "PreSubmitted"}


@pytest.mark.trial("A10")
async def test_a_cancel_of_an_entry_that_filled_in_part_says_what_is_left_without_exits(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await bracket(front, **FAR)
        sim.fault(f"fill {placed['entry']['orderId']} 4 60")
        await settles(front, 4)
        told = await cancel(front, orderKey=KEY)

    assert told["message"].endswith("The position of 4 NVDA now has no exit order.")


@pytest.mark.trial("A10")
async def test_exits_stay_while_the_cancel_of_an_entry_that_filled_in_part_is_refused(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await bracket(front, **FAR)
        sim.fault(f"fill {placed['entry']['orderId']} 4 60")
        await settles(front, 4)
        sim.fault('on cancelOrder answer 161 "not in a state to be cancelled"')
        told = await cancel(front, orderKey=KEY)

    assert standing(told) == {"entry": "Submitted", "stopLoss": "PreSubmitted", "takeProfit": "PreSubmitted"}
    assert "no exit order" not in told["message"]
    assert len(sim.journal.entries("in", CANCEL)) == 1


@pytest.mark.trial("A10", "A24")
async def test_a_change_of_an_exit_that_waits_for_its_entry_does_not_say_that_it_opens_a_short(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(symbol="NVDA", totalQuantity=4))
        await settles(front, 4)
        await bracket(front, **FAR)
        told = await front.submit("modify_order", orderId=0, orderKey=KEY, auxPrice=30)

    assert told["message"] == "TWS has confirmed the new terms."


@pytest.mark.trial("A10")
@pytest.mark.parametrize(
    "answer", ['answer 9999 "no cancel now"', 'answer 161 "not in a state to be cancelled"', "ignore"]
)
async def test_exits_stay_while_the_cancel_of_their_entry_is_refused_or_not_confirmed(
    redis_url: str, session: str, sim: Simulator, answer: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FAR)
        sim.fault(f"on cancelOrder {answer}")
        told = await cancel(front, orderKey=KEY)
        left = await front.ask("get_open_orders")

    assert standing(told) == {"entry": "Submitted", "stopLoss": "PreSubmitted", "takeProfit": "PreSubmitted"}
    assert "The entry, the stop and the target are still open" in told["message"]
    assert len(left) == 3
    assert len(sim.journal.entries("in", CANCEL)) == 1


@pytest.mark.trial("A10")
async def test_a_cancel_of_one_exit_or_of_a_filled_entry_says_what_of_its_bracket_is_open(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await bracket(front, **FILLED)
        await settles(front, 10)
        entry = await cancel(front, orderId=placed["entry"]["orderId"])
        stop = await cancel(front, orderRef=STOP)

    assert entry["message"] == (
        f"The order was Filled already; nothing was sent. Of its group the target (orderRef {TARGET}) and the "
        f"stop (orderRef {STOP}) are still open. ibkr_cancel_order with orderKey {KEY} cancels the open orders."
    )
    assert stop["message"] == (
        "Cancelled the stop. The target is still open. "
        "The position of 10 NVDA still has 1 open SELL order, and none of them is a stop."
    )


@pytest.mark.trial("A11")
@pytest.mark.parametrize(
    ("code", "text"),
    [(110, "The price does not conform to the minimum price variation."), (201, "Order rejected - reason:too far"),
     (387, "Unsupported order type for this exchange and security type."),
        (10311, "This order will be directly routed to NASDAQ."), (19999, "A code that nobody has listed.")],
)  # fmt: skip
async def test_a_bracket_whose_stop_is_refused_is_rejected_at_once_and_leaves_nothing(
    redis_url: str, session: str, sim: Simulator, code: int, text: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault(f'on order 3 answer {code} "{text}"')
        refused = await front.refused_order("place_bracket_order", key=KEY, deadline_s=4, **FILLED)
        again = await front.refused_order("place_bracket_order", key=KEY, deadline_s=2, **FILLED)
        left = await front.ask("get_open_orders")
        completed = await front.ask("get_completed_orders")

    assert (refused.code, refused.details["twsCode"], refused.details["leg"]) == ("rejected", code, "stopLoss")
    assert text in refused.message
    assert "nothing of the bracket is live" in refused.message
    assert again.code == "rejected"
    assert left == []
    assert {each["status"] for each in completed} <= {"Inactive", "ApiCancelled", "Cancelled"}
    assert sim.world.open_orders(1) == []
    assert len(sim.journal.entries("in", PLACE)) == 3


@pytest.mark.trial("A11")
async def test_a_bracket_whose_entry_is_refused_is_rejected_at_once(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault('on order 1 answer 201 "Order rejected - reason:no permission"')
        refused = await front.refused_order("place_bracket_order", key=KEY, deadline_s=3, **FILLED)

    assert (refused.code, "no permission" in refused.message) == ("rejected", True)
    assert sim.world.open_orders(1) == []


@pytest.mark.trial("A11")
async def test_an_entry_that_rests_is_cancelled_where_ibkr_rejects_its_stop_later(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        crowd(sim)
        refused = await front.refused_order("place_bracket_order", key=KEY, deadline_s=5, **FAR)

    assert (refused.code, refused.details["twsCode"]) == ("rejected", 201)
    assert sim.world.open_orders(1) == []


@pytest.mark.trial("A11")
async def test_a_position_whose_stop_was_rejected_is_told_to_be_without_it(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        crowd(sim)
        told = await bracket(front, **FILLED)

    assert told["message"].startswith("IBKR rejected stopLoss (error 201: ")
    assert (told["entry"]["status"], told["takeProfit"]["status"]) == ("Filled", "Submitted")


@pytest.mark.trial("A12")
@pytest.mark.parametrize(
    ("asked", "lives"),
    [({}, ["DAY", "GTC", "GTC"]), ({"exitTif": "DAY"}, ["DAY"] * 3), ({"tif": "GTC"}, ["GTC"] * 3),
     ({"tif": "GTC", "exitTif": "DAY"}, ["GTC", "DAY", "DAY"])],
)  # fmt: skip
async def test_a_brackets_exits_live_until_cancelled_unless_asked_otherwise_and_the_answer_says_so(
    redis_url: str, session: str, sim: Simulator, asked: dict[str, str], lives: list[str]
) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await bracket(front, **FAR, **asked)

    assert [told[leg]["tif"] for leg in ("entry", "takeProfit", "stopLoss")] == lives
    assert [frame.request.placed[1].tif for frame in sim.journal.orders()] == lives
    words = {"DAY": "until its trading day ends (DAY)", "GTC": "until it is cancelled (GTC)"}
    assert told["message"] == (
        f"All three orders are at IBKR. The entry is good {words[lives[0]]}. Each exit is good {words[lives[1]]}."
    )


@pytest.mark.trial("A12")
async def test_the_exits_of_a_filled_bracket_outlive_the_day(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FILLED)
        sim.skip(24 * 3600)

    assert [one.order.tif for one in sim.world.open_orders(1)] == ["GTC", "GTC"]


LEFT = "of-the-dead-worker"


async def settled(front: Caller, operation: str, **arguments: Any) -> Any:
    """What the next worker says of that call, or its error."""
    while True:
        try:
            return await front.submit(operation, key=LEFT, deadline_s=1, **arguments)
        except ToolError as error:
            if error.code != "pending":
                return error


@pytest.mark.trial("A9", "A10")
@pytest.mark.parametrize(
    ("operation", "asked", "frame"),
    [
        ("cancel_order", {"orderKey": KEY}, "cancelOrder"),
        ("modify_order", {"orderRef": ENTRY, "totalQuantity": 20}, "order 2"),
    ],
    ids=["cancel", "change"],
)
async def test_a_call_that_a_dead_worker_left_halfway_through_a_bracket_is_not_told_as_done(
    redis_url: str, session: str, sim: Simulator, operation: str,
    asked: dict[str, Any], frame: str,
) -> None:  # fmt: skip
    patient = replace(SOON, cancel_wait_s=100, change_wait_s=100)
    name: dict[str, Any] = {"orderId": 0} | asked
    async with (
        worker(redis_url, session, sim.port, order_timing=patient) as stopping,
        caller(redis_url, session) as front,
    ):
        await front.writable()
        await bracket(front, **(FILLED if operation == "cancel_order" else FAR))
        sim.fault(f"on {frame} ignore")
        kind = CANCEL if operation == "cancel_order" else PLACE
        frames = len(sim.journal.entries("in", kind))
        call = asyncio.create_task(front.refused_order(operation, key=LEFT, deadline_s=1, **name))
        await until(lambda: len(sim.journal.entries("in", kind)) >= frames + 2, "two frames are out")
        stopping.set()
        await asyncio.gather(call, return_exceptions=True)

    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        halfway = await settled(front, operation, **name)
        rest = await front.submit(operation, key="of-whoever-asks-again", **name)

    assert (halfway.code, "does not send it again" in halfway.message) == ("not_confirmed", True)
    if operation == "cancel_order":
        assert (rest["message"][:10], sim.world.open_orders(1)) == ("Cancelled ", [])
    else:
        assert "has 20 too." in rest["message"]
        assert set(quantities(sim).values()) == {20}


@pytest.mark.trial("A10")
async def test_a_bracket_is_named_by_its_key_when_ibkr_tells_its_entry_no_more(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        await bracket(front, **FILLED)
    for line in ("swallow completedOrder 9", "swallow execDetails 9"):  # as on the day after the entry was filled
        sim.fault(line)
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        shown = await front.ask("get_order", orderKey=KEY)
        moved = await front.submit("modify_order", orderId=0, orderKey=KEY, auxPrice=30)
        refused = await front.refused_order("modify_order", orderId=0, orderKey=KEY, totalQuantity=4)
        told = await cancel(front, orderKey=KEY)

    assert [each["orderRef"] for each in shown["group"]] == [TARGET, STOP]
    assert (moved["orderRef"], moved["auxPrice"]) == (STOP, 30)
    assert (refused.code, STOP in refused.message) == ("not_open", True)
    assert told["message"].startswith("Cancelled the stop and the target. The position of 10 NVDA now has no exit")
