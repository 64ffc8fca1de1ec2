"""Cancels: of one order by any of its names, of all, and what is said of those that could not end."""

from typing import Any

import pytest

from bridge.bus.controls.approvals import give_approval, waiting_approvals
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.orders import resting
from tests.stacks.worker import caller, order, trading, worker
from tests.waiting import until

KEY = "a-key-of-the-caller"
PLACE, CANCEL = 3, 4  # message ids


async def test_while_orders_are_being_read_cancelling_all_does_not_say_that_there_are_none(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **resting())

    sim.fault("on reqOpenOrders hold 1")
    async with worker(redis_url, session, sim.port), caller(redis_url, session) as front:
        await front.reaches("syncing")
        early = await front.refused_order("cancel_all_orders")
        every = await front.submit("cancel_all_orders", everyClient=True)
        await front.writable()

        async def none_left() -> bool:
            return bool(await front.ask("get_open_orders") == [])

        await until(none_left, "the cancel of everything was carried out")

    assert early.code == "not_ready"
    assert "not known yet" in every["message"]


async def test_all_orders_are_cancelled_one_by_one(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        for price in (400, 399, 398):
            await front.submit("place_order", **resting(lmtPrice=price))
        told = await front.submit("cancel_all_orders")
        nothing = await front.submit("cancel_all_orders")

    assert [each["status"] for each in told["orders"]] == ["Cancelled"] * 3
    unfilled = {"message", "avgFillPrice", "lastFillPrice", "commission", "commissionCurrency"}
    assert not any(unfilled & each.keys() for each in told["orders"])  # the status says as much
    assert told["message"] == "3 orders were open, and all of them have ended."
    assert (nothing["orders"], nothing["message"]) == ([], "No order was open.")
    assert len(sim.journal.entries("in", CANCEL)) == 3


@pytest.mark.parametrize("name", ["orderKey", "orderRef", "permId"])
async def test_an_order_is_cancelled_by_any_of_its_names(
    redis_url: str, session: str, sim: Simulator, name: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        named: Any = {"orderKey": KEY, "orderRef": placed["orderRef"], "permId": placed["permId"]}[name]
        told = await front.submit("cancel_order", orderId=0, **{name: named})
        completed = await front.ask("get_completed_orders")

    assert told["status"] == "Cancelled"
    assert [each["permId"] for each in completed] == [placed["permId"]]


LIVE: dict[str, Any] = {"trading_mode": "live", "live_accounts": frozenset({"DU1234567"})}


@pytest.mark.usefixtures("no_limits")
async def test_everything_is_cancelled_where_the_login_has_an_account_that_may_not_trade(
    redis_url: str, session: str
) -> None:
    async with (
        Simulator(SimulatorConfig(accounts=("DU1234567", "DU7654321"))) as sim,
        worker(redis_url, session, sim.port, **LIVE),
        caller(redis_url, session) as front,
    ):
        await front.writable()
        wanted = order(orderType="LMT", lmtPrice=50, account="DU1234567")
        await front.refused_order(key=KEY, **wanted)
        (waiting,) = await waiting_approvals(front.bus_client.pipe, front.bus_client.keys)
        await give_approval(front.bus_client.pipe, front.bus_client.keys, KEY, waiting.digest, "anna")
        await front.submit("place_order", key=KEY, **wanted)

        every = await front.refused_order("cancel_all_orders", everyClient=True)
        told = await front.submit("cancel_all_orders")

    assert every.code == "wrong_account"
    assert [each["status"] for each in told["orders"]] == ["Cancelled"]


async def test_a_resting_order_is_open_until_it_is_cancelled(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **order(orderType="LMT", lmtPrice=50))
        opened = await front.ask("get_open_orders")
        cancelled = await front.submit("cancel_order", orderId=placed["orderId"])

        assert (placed["status"], placed["lmtPrice"]) == ("Submitted", 50)
        assert [each["orderId"] for each in opened] == [placed["orderId"]]
        assert (cancelled["status"], cancelled["message"]) == ("Cancelled", "The order is cancelled.")
        assert await front.ask("get_open_orders") == []
        assert len(sim.journal.entries("in", 4)) == 1


async def test_a_cancel_of_a_finished_order_sends_nothing(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **order())

        told = await front.submit("cancel_order", orderId=placed["orderId"])

        assert told["status"] == "Filled"
        assert "nothing was sent" in told["message"]
        assert sim.journal.entries("in", 4) == []


async def test_an_order_that_is_not_there_can_not_be_cancelled(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await front.refused_order("cancel_order", orderId=4711)

        assert (error.code, "4711" in error.message) == ("not_found", True)
        assert sim.journal.entries("in", 4) == []


@pytest.mark.fault(48)
@pytest.mark.parametrize(
    ("code", "text"),
    [
        (161, "Cancel attempted when order is not in a cancellable state."),
        (10148, "OrderId can not be cancelled, state: PendingCancel."),
    ],
)
async def test_a_cancel_that_tws_refuses_says_so(
    redis_url: str, session: str, sim: Simulator, code: int, text: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **order(orderType="LMT", lmtPrice=50))
        sim.fault(f"on cancelOrder answer {code} {text}")

        told = await front.submit("cancel_order", orderId=placed["orderId"])

        assert told["status"] == "Submitted"
        assert f"error {code}" in told["message"]
        assert [each["orderId"] for each in await front.ask("get_open_orders")] == [placed["orderId"]]


@pytest.mark.fault(47)
@pytest.mark.parametrize("everything", [False, True])
async def test_a_fill_of_which_only_the_refused_cancel_tells_is_found_by_looking(
    redis_url: str, session: str, sim: Simulator, everything: bool
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **order(orderType="LMT", lmtPrice=50))
        for line in ("swallow openOrder 9", "swallow orderStatus 9", "swallow execDetails 1"):
            sim.fault(line)
        sim.fault("on cancelOrder fill this")

        if everything:
            (told,) = (await front.submit("cancel_all_orders"))["orders"]
        else:
            told = await front.submit("cancel_order", orderId=placed["orderId"])

        assert (told["status"], told["filled"]) == ("Filled", 1)
        assert told["message"] == "The order was filled before the cancel reached it."


@pytest.mark.fault(48)
async def test_a_refused_cancel_of_an_order_that_tws_has_shown_never_says_that_it_is_not_there(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **order(orderType="LMT", lmtPrice=50))
        sim.fault("on cancelOrder answer 10147 OrderId 1 that needs to be cancelled is not found.")
        for name in ("openOrder", "orderStatus", "completedOrder"):
            sim.fault(f"swallow {name}")  # so that the look which follows misses it

        told = await front.submit("cancel_order", orderId=placed["orderId"])

        assert (told["status"], "10147" in told["message"]) == ("unknown", True)
