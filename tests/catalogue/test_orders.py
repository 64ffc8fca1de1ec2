"""What TWS does to orders: said twice, late, in the wrong order or never; refused, split, corrected, liquidated."""

import asyncio
from typing import Any

import pytest
from structlog.typing import EventDict

from bridge.order_references import order_ref
from ib_worker.orders.timing import OrderTiming
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.faults.link import Link, to_port
from tests.stacks.orders import resting
from tests.stacks.worker import SOON, Caller, caller, frames, order, trading, worker
from tests.waiting import until

KEY, OTHER_KEY = "a-key-of-the-caller", "another-key"
PLACE, CANCEL = 3, 4


async def life_of(front: Caller, **named: Any) -> dict[str, Any]:
    life: dict[str, Any] = await front.ask("get_order", **(named or {"orderKey": KEY}))
    return life


async def state_of(front: Caller) -> tuple[str, float]:
    told = (await life_of(front))["order"]
    return told["status"], told["filled"]


async def becomes(front: Caller, status: str, filled: float) -> None:
    async def there() -> bool:
        return await state_of(front) == (status, filled)

    await until(there, f"the order is {status}, with {filled:g} filled")


@pytest.mark.fault(41)
async def test_an_inactive_order_is_held_and_not_done(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **resting())
        sim.fault("status last Inactive")
        await becomes(front, "Inactive", 0)

        sim.fault("status last Submitted")
        await becomes(front, "Submitted", 0)
        cancelled = await front.submit("cancel_order", orderId=0, orderKey=KEY)

        assert (cancelled["status"], frames(sim)) == ("Cancelled", 1)


@pytest.mark.fault(43)
async def test_a_status_that_comes_three_times_and_late_is_one_event(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("duplicate orderStatus 3")
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **resting())
        sim.fault("fill last all 400")
        await becomes(front, "Filled", 3)
        sim.fault("send 3 1 Submitted 0 3 0 0 0 0 1 '' 0")  # an old one, once more

        assert await state_of(front) == ("Filled", 3)
        told = [each["what"] for each in (await life_of(front))["events"] if each["source"] == "orderStatus"]
        assert len(told) == len(set(told))


@pytest.mark.fault(45)
async def test_an_execution_before_its_order_is_matched_with_it(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("delay openOrder 0.5")
    sim.fault("delay orderStatus 0.5")
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **order(totalQuantity=2))
        executions = await front.ask("get_executions")
        events = [each["source"] for each in (await life_of(front))["events"]]

        assert (placed["status"], placed["filled"]) == ("Filled", 2)
        assert {(each["orderRef"], each["permId"]) for each in executions} == {(order_ref(KEY), placed["permId"])}
        assert events[:2] == ["sent", "execDetails"]


@pytest.mark.fault(45)
async def test_an_execution_of_an_order_that_nobody_here_knows_is_shown(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("liquidate SELL 7 SPY")

        async def shown() -> bool:
            return [each["orderRef"] for each in await front.ask("get_executions")] == [None]

        await until(shown, "it is listed")


@pytest.mark.fault(46)
async def test_a_cancel_after_a_partial_fill_keeps_what_was_filled(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting(totalQuantity=10))
        sim.fault("fill last 4 400")
        await becomes(front, "Submitted", 4)

        cancelled = await front.submit("cancel_order", orderId=placed["orderId"])

        assert (cancelled["status"], cancelled["filled"], cancelled["remaining"]) == ("Cancelled", 4, 6)
        assert sum(each["shares"] for each in await front.ask("get_executions")) == 4


@pytest.mark.fault(47)
async def test_a_fill_that_overtakes_the_cancel_wins(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        sim.fault("on cancelOrder fill this all 400")
        told = await front.submit("cancel_order", orderId=placed["orderId"])

        assert (told["status"], told["filled"]) == ("Filled", 3)
        assert "filled before the cancel" in told["message"]


@pytest.mark.fault(47)
async def test_a_fill_after_cancelled_wins_and_shows_in_the_orders_life(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        sim.fault("on cancelOrder status this Cancelled")
        sim.fault("on cancelOrder ignore")
        cancelled = await front.submit("cancel_order", orderId=placed["orderId"])
        sim.fault(f"fill {placed['orderId']} all 400")
        await becomes(front, "Filled", 3)
        events = [(each["source"], each["what"]) for each in (await life_of(front))["events"]]

        assert cancelled["status"] == "Cancelled"
        assert any(source == "execDetails" for source, _ in events[events.index(("cancel sent", "cancel")) :])


@pytest.mark.long
@pytest.mark.fault(48)
@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        ("answer 10147 OrderId 1 that needs to be cancelled is not found.", "Submitted", "error 10147"),
        ("answer 10148 OrderId 1 that needs to be cancelled cannot be cancelled, state: Filled.", "Submitted", "10148"),
        ("ignore", "Submitted", "not confirmed yet"),
        ("hold 21600", "Submitted", "not confirmed yet"),
    ],
)
async def test_a_cancel_is_told_as_what_it_came_to_and_the_truth_follows(
    redis_url: str, session: str, sim: Simulator, fault: str, status: str, told: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting(tif="GTC"))
        sim.fault(f"on cancelOrder {fault}")
        cancel = await front.submit("cancel_order", orderId=placed["orderId"])
        assert (cancel["status"], told in cancel["message"]) == (status, True)

        if fault.startswith("hold"):
            sim.skip(21600)
            await becomes(front, "Cancelled", 0)
        if "Filled" in fault:
            sim.fault("fill last all 400")
            await becomes(front, "Filled", 3)
        assert len(sim.journal.entries("in", CANCEL)) == 1


@pytest.mark.fault(49)
@pytest.mark.parametrize("code", [110, 201, 105])
async def test_a_refused_change_leaves_the_order_live_at_its_old_price(
    redis_url: str, session: str, sim: Simulator, code: int
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        sim.fault(f"on placeOrder answer {code} Order cannot be changed.")
        changed = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=401)
        opened = await front.ask("get_open_orders")

        assert (changed["status"], changed["lmtPrice"]) == ("Submitted", 400)
        assert f"error {code}" in changed["message"]
        assert "The order is unchanged." in changed["message"]
        assert [(each["status"], each["lmtPrice"]) for each in opened] == [("Submitted", 400)]


@pytest.mark.fault(50)
async def test_no_change_is_sent_while_the_link_is_down(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        sim.fault("link down")
        await front.reaches("link_down")

        refused = await front.refused_order("modify_order", orderId=placed["orderId"], lmtPrice=401)

        assert (refused.code, frames(sim)) == ("link_down", 1)


@pytest.mark.fault(50)
async def test_an_order_that_tws_splits_in_two_is_found_by_either_permanent_id(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        sim.fault("rewrite openOrder 25 424242")
        sim.fault("rewrite orderStatus 6 424242")
        changed = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=401)
        first, second = await life_of(front, permId=placed["permId"]), await life_of(front, permId=424242)

        assert changed["permId"] == 424242
        assert first["order"] == second["order"]
        assert first["order"]["orderRef"] == order_ref(KEY)


@pytest.mark.fault(51)
async def test_a_corrected_execution_is_counted_once(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **order(totalQuantity=5))
        sim.fault("correct 123.45")

        async def corrected() -> bool:
            return [each["price"] for each in await front.ask("get_executions")] == [123.45]

        await until(corrected, "the correction is listed, and its original no more")
        assert await state_of(front) == ("Filled", 5)
        assert sum(each["shares"] for each in await front.ask("get_executions")) == 5


BRACKET: dict[str, Any] = {
    "symbol": "AAPL", "action": "BUY", "totalQuantity": 2, "takeProfitPrice": 600, "stopLossPrice": 300,
}  # fmt: skip


@pytest.mark.fault(53)
@pytest.mark.parametrize("arrive", [1, 2])
async def test_of_a_bracket_that_is_cut_off_nothing_is_live(
    redis_url: str, session: str, sim: Simulator, arrive: int
) -> None:
    """All three are one write, so only the network can part them; the last alone sets them off."""
    async with (
        Link(to_port(sim.port)) as link,
        worker(redis_url, session, link.port, order_timing=SOON),
        caller(redis_url, session) as front,
    ):
        await front.writable()
        await front.ask("open_market_data", symbol="AAPL")  # so that the limits' quote is there at once
        link.up = cut_after(link, arrive)
        codes = set()

        async def settled() -> bool:
            codes.add((await front.refused_order("place_bracket_order", key=KEY, deadline_s=4, **BRACKET)).code)
            return "not_found" in codes

        await until(settled, "the bracket is looked for")
        link.open()

        assert codes <= {"pending", "unknown", "not_found"}
        assert frames(sim) == arrive
        assert await front.ask("get_executions") == []
        assert await front.ask("get_open_orders") == []


def cut_after(link: Link, arrive: int) -> Any:
    """Lets so many order frames of a chunk through, and cuts the connection."""

    async def up(data: bytes) -> bytes:
        start, passed = 0, 0
        while start < len(data):
            end = start + 4 + int.from_bytes(data[start : start + 4])
            if data[start + 4 : end].startswith(b"3\0"):
                if passed == arrive:
                    asyncio.get_running_loop().call_later(0.05, link.cut)
                    link.open()
                    return data[:start]
                passed += 1
            start = end
        return data

    return up


@pytest.mark.fault(54)
async def test_an_entry_whose_exit_was_rejected_says_that_it_stands_without(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on order 2 answer 201 Order rejected - reason: no such exit")
    async with trading(redis_url, session, sim) as front:
        told = await front.submit("place_bracket_order", key=KEY, **BRACKET)

        assert "rejected takeProfit (error 201" in told["message"]
        assert "the entry stands without it" in told["message"]
        assert told["entry"]["status"] == "Filled"
        assert told["stopLoss"]["status"] in {"PreSubmitted", "Submitted"}
        assert frames(sim) == 3


@pytest.mark.long
@pytest.mark.fault(55)
async def test_an_order_entered_by_hand_is_shown_and_not_adopted(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("manual BUY 10 SPY 100")
        opened = await front.ask("get_open_orders")
        refused = await front.refused_order("cancel_order", orderId=0, permId=opened[0]["permId"])
        left = await front.submit("cancel_all_orders")
        assert [(each["clientId"], each.get("idempotencyKey"), each.get("orderRef")) for each in opened] == [
            (0, None, None)
        ]
        assert (refused.code, "belongs to client 0" in refused.message) == ("not_found", True)
        assert left["orders"] == []
        assert len(await front.ask("get_open_orders")) == 1

        await front.submit("cancel_all_orders", everyClient=True)

        async def gone() -> bool:
            return bool(await front.ask("get_open_orders") == [])

        await until(gone, "it is cancelled only when every client's orders are meant")


@pytest.mark.fault(56)
async def test_a_liquidation_shows_in_positions_executions_and_the_log(
    redis_url: str, session: str, sim: Simulator, logs: list[EventDict]
) -> None:
    async with trading(redis_url, session, sim) as front:
        before = {each["contract"]["symbol"]: each["position"] for each in await front.ask("get_positions")}
        sim.fault("liquidate SELL 7 SPY")

        async def sold() -> bool:
            held = {each["contract"]["symbol"]: each["position"] for each in await front.ask("get_positions")}
            return bool(held["SPY"] == before["SPY"] - 7)

        await until(sold, "the position has changed")
        executions = await front.ask("get_executions")

        assert [(each["side"], each["shares"], each["orderId"]) for each in executions] == [("SLD", 7, -1)]
        assert await front.ask("get_open_orders") == []
    (alarm,) = [each for each in logs if each["event"] == "execution_of_no_order"]
    assert alarm["log_level"] == "warning"


@pytest.mark.fault(57)
@pytest.mark.parametrize("fault", ["ignore", "answer 110 The price does not conform to the minimum price variation."])
async def test_a_preview_that_tws_does_not_give_has_no_token(
    redis_url: str, session: str, sim: Simulator, fault: str
) -> None:
    sim.fault(f"on whatIf {fault}")
    async with trading(redis_url, session, sim, order_timing=OrderTiming(preview_wait_s=0.5)) as front:
        refused = await front.refused("preview_order", **resting())

        assert refused.code == "preview_unavailable"
        assert "confirmationToken" not in refused.details
        assert frames(sim) == 0
        assert (await front.ask("preview_order", **resting()))["confirmationToken"]


@pytest.mark.fault(59)
async def test_a_commission_and_a_gain_that_are_not_set_are_null(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("rewrite commissionReport 3 1.7976931348623157E308")
    sim.fault("rewrite commissionReport 5 1.7976931348623157E308")
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **order())
        executions = await front.ask("get_executions")

        assert (executions[0]["commission"], executions[0]["realizedPNL"]) == (None, None)
        assert placed["commission"] is None


@pytest.mark.fault(60)
@pytest.mark.parametrize("account", ["All", "DU3333333", "U1111111"])
async def test_an_account_that_is_none_of_the_logins_is_refused_before_the_wire(
    redis_url: str, session: str, account: str
) -> None:
    config = SimulatorConfig(accounts=("DU1111111", "DU2222222"))
    async with Simulator(config) as sim, trading(redis_url, session, sim) as front:
        refused = await front.refused_order(**order(account=account))

        assert (refused.code, refused.details["accounts"]) == ("wrong_account", ["DU1111111", "DU2222222"])
        assert sim.journal.entries("in", PLACE) == []


@pytest.mark.long
@pytest.mark.fault(96)
async def test_a_caller_that_asks_five_times_after_its_deadline_places_once(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("swallow openOrder")
    sim.fault("swallow orderStatus")
    async with trading(redis_url, session, sim) as front:
        await front.ask("open_market_data", symbol="AAPL")  # so that the limits' quote is there at once
        told = [(await front.refused_order(key=KEY, deadline_s=1, **resting())).code for _ in range(5)]
        sim.fault("through")
        sim.fault("status last Submitted")
        answer = await front.submit("place_order", key=KEY, **resting())

        assert told == ["pending"] * 5
        assert (answer["status"], frames(sim)) == ("Submitted", 1)
