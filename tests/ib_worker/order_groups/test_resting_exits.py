"""Exits beside a position: which remain, and which could fill more than it holds."""

from typing import Any

import pytest

from bridge.order_references import order_ref
from ibgateway.simulator.server.server import Simulator
from tests.stacks.brackets import FILLED, STOP, TARGET, bracket, cancel, settles
from tests.stacks.worker import order, trading
from tests.waiting import until

FAR: dict[str, Any] = {  # an entry that rests
    "symbol": "NVDA", "action": "BUY", "totalQuantity": 10, "lmtPrice": 60, "takeProfitPrice": 600, "stopLossPrice": 20,
}  # fmt: skip
KEY = "a-key-of-the-caller"


@pytest.mark.trial("A9")
@pytest.mark.parametrize("terms", [FAR, FILLED], ids=["before the entry has filled", "after"])
async def test_an_exit_that_is_made_smaller_than_what_it_closes_says_how_much_it_covers(
    redis_url: str, session: str, sim: Simulator, terms: dict[str, Any]
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **terms)
        await settles(front, 10 if terms is FILLED else 0)
        less = await front.submit("modify_order", orderId=0, orderRef=STOP, totalQuantity=4)
        whole = await front.submit("modify_order", orderId=0, orderRef=STOP, totalQuantity=10)

    assert less["message"] == "TWS has confirmed the new terms. The stop covers 4 of 10 NVDA."
    assert whole["message"] == "TWS has confirmed the new terms."


@pytest.mark.trial("A12")
@pytest.mark.parametrize("restarted", [False, True], ids=["by the same worker", "after a restart"])
async def test_who_closes_a_position_hears_which_exits_remain_and_so_do_status_and_open_orders(
    redis_url: str, session: str, sim: Simulator, restarted: bool
) -> None:
    close = order(symbol="NVDA", action="SELL", totalQuantity=10)
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FILLED)
        await settles(front, 10)
        told = None if restarted else await front.submit("place_order", **close)
    async with trading(redis_url, session, sim) as front:
        told = told or await front.submit("place_order", **close)
        await settles(front, 0)
        rest = await front.ask("get_open_orders")

        async def warned() -> bool:
            return any("Exits exceed the position" in each["what"] for each in (await front.status())["concerns"])

        await until(warned, "the status warns of the exits")
        cancelled = await cancel(front, orderKey=KEY)
        after = await front.ask("get_open_orders")

    assert told["message"] == (
        "The order is filled. Its fill closes the long of 10; if the open orders of the same side for 10 fill too, "
        f"that opens a short of 10. Still open are the target (orderRef {TARGET}) and the stop (orderRef {STOP}). "
        f"ibkr_cancel_order with orderKey {KEY} cancels the open orders of that bracket."
    )
    assert len(rest) == 2
    for each in rest:
        assert each["message"].startswith(
            "Exits exceed the position: SELL 10 NVDA can fill, and the position is 0. A fill opens a short position of "
            "up to 10. Cancel what is too much:"
        )
    assert (cancelled["message"], after) == ("Cancelled the stop and the target.", [])


@pytest.mark.trial("A12")
async def test_exits_that_fit_their_position_are_not_warned_of(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FILLED)
        await settles(front, 10)
        more = await front.submit("place_order", **order(symbol="NVDA", totalQuantity=5))
        less = await front.submit("place_order", **order(symbol="NVDA", action="SELL", totalQuantity=4))
        rest = await front.ask("get_open_orders")
        status = await front.status()

    assert more["message"] == "The order is filled."
    assert less["message"].startswith("The order is filled.")
    assert f" Still open are the target (orderRef {TARGET})" in less["message"]
    assert ["message" in each for each in rest] == [False, False]
    assert not any("Exits" in each["what"] for each in status["concerns"])


@pytest.mark.trial("A12")
async def test_an_exit_that_does_not_follow_its_entry_and_is_larger_is_warned_of(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FAR)
        sim.fault("on order 2 answer 105 Order being modified does not match original order")
        await front.submit("modify_order", orderId=0, orderRef=order_ref(KEY), totalQuantity=4)
        rest = await front.ask("get_open_orders")

    (target,) = (each for each in rest if each["orderRef"] == TARGET)
    assert target["message"].startswith("An exit exceeds its entry: SELL 10 NVDA waits for an order of 4.")


async def test_a_cancel_that_leaves_an_exit_without_a_position_says_what_its_fill_opens(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FILLED)
        await settles(front, 10)
        await front.submit("place_order", **order(symbol="NVDA", action="SELL", totalQuantity=10))
        await settles(front, 0)
        told = await cancel(front, orderRef=STOP)

    assert told["message"] == (
        "Cancelled the stop. The target is still open. A fill beyond the position opens a short one of up to 10."
    )


async def test_no_form_of_the_open_orders_drops_the_warning_of_exits_that_exceed(
    redis_url: str, session: str, sim: Simulator
) -> None:
    fields = ["orderId", "status"]
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FILLED)
        await settles(front, 10)
        fits = await front.ask("get_open_orders", fields=fields)
        await front.submit("place_order", **order(symbol="NVDA", action="SELL", totalQuantity=10))
        await settles(front, 0)
        chosen = await front.ask("get_open_orders", fields=fields)
        table = await front.ask("get_open_orders", format="table", fields=fields)
        summary = await front.ask("get_open_orders", format="summary")

    assert [sorted(each) for each in fits] == [fields, fields]
    for message in (chosen[0]["message"], chosen[1]["message"], *summary["summary"]["warnings"]):
        assert message.startswith("Exits exceed the position: SELL 10 NVDA can fill")
    assert "Exits exceed the position: SELL 10 NVDA can fill" in str(table)
    assert len(summary["summary"]["warnings"]) == 1


async def test_open_orders_of_any_kind_that_could_take_a_position_past_zero_are_warned_of(
    redis_url: str, session: str, sim: Simulator
) -> None:
    """100 IBM are held, and nothing of NVDA and AAPL."""
    sell: dict[str, Any] = {"action": "SELL", "totalQuantity": 100}
    async with trading(redis_url, session, sim) as front:
        exits = sell | {"symbol": "IBM", "takeProfitPrice": 900, "stopLossPrice": 20, "exitsOnly": True}
        await front.submit("place_bracket_order", key=KEY, **exits)
        fits = await front.ask("get_open_orders")
        trail = await front.submit("place_order", **order(**sell | {"symbol": "IBM"}, orderType="TRAIL", auxPrice=50))
        stop = await front.submit("place_order", **order(**sell | {"symbol": "NVDA"}, orderType="STP", auxPrice=20))
        await front.submit("place_order", **order(totalQuantity=5, orderType="LMT", lmtPrice=20))
        short: dict[str, Any] = {
            "symbol": "AAPL",
            "action": "SELL",
            "totalQuantity": 5,
            "lmtPrice": 900,
            "takeProfitPrice": 20,
        }
        await front.submit("place_bracket_order", **short, stopLossPrice=950)
        rest = {each["orderId"]: each.get("message", "") for each in await front.ask("get_open_orders")}

    assert ["message" in each for each in fits] == [False, False]
    assert rest[trail["orderId"]].startswith(
        "Open SELL orders exceed the position: SELL 200 IBM can fill, and the position is 100. A fill opens a short "
        f"position of up to 100. Cancel what is too much: the stop (orderRef {STOP}), the target (orderRef {TARGET}) "
        f"and the order (orderRef {trail['orderRef']}). ibkr_cancel_order with orderKey {KEY} cancels"
    )
    assert rest[stop["orderId"]].startswith(
        "Open SELL orders exceed the position: SELL 100 NVDA can fill, and the position is 0."
    )
    assert sum(bool(each) for each in rest.values()) == 4
