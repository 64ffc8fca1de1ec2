"""Orders that outlive something: what a worker knows again of those that it, or an earlier one, has sent."""

import pytest

from ib_worker.orders import tracker
from ib_worker.risk.circuit_breakers import CircuitBreakerSettings
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import SOON, frames, order, trading

KEY = "a-key-of-the-caller"


@pytest.mark.fault(23)
async def test_an_order_id_is_above_all_that_were_used(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.submit("place_order", **order())

    sim.fault("ids 1")  # as a gateway that has forgotten its ids
    async with trading(redis_url, session, sim) as front:
        second = await front.submit("place_order", **order(symbol="IBM"))

        assert second["orderId"] > first["orderId"]


@pytest.mark.fault(23)
async def test_an_order_id_is_above_all_that_the_gateway_names_although_redis_is_empty(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        filled = await front.submit("place_order", **order())

    sim.fault("ids 1")
    async with trading(
        redis_url, f"{session}-new", sim, breakers=CircuitBreakerSettings(data_loss="off"), order_timing=SOON
    ) as front:
        second = await front.submit("place_order", **order(symbol="IBM"))

        assert (second["status"], second["orderId"] > filled["orderId"]) == ("Filled", True)


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("code", "text"),
    [(103, "Duplicate order id"), (104, "Cannot modify a filled order."), (105, "Order being modified does not match")],
)
async def test_an_order_under_the_id_of_an_earlier_one_is_rejected_and_the_next_gets_one_far_above(
    redis_url: str, session: str, sim: Simulator, code: int, text: str
) -> None:
    sim.fault(f"on order 1 answer {code} {text}")
    async with trading(redis_url, session, sim) as front:
        error = await front.refused_order(key=KEY, **order())
        other = await front.submit("place_order", **order(symbol="IBM"))

        assert (error.code, error.details["twsCode"]) == ("rejected", code)
        assert other["orderId"] > error.details["orderId"] + 1_000
        assert frames(sim) == 2


async def test_after_a_restart_the_worker_knows_its_orders_by_their_key(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **order(orderType="LMT", lmtPrice=50))

    async with trading(redis_url, session, sim) as front:
        again = await front.submit("place_order", key=KEY, **order(orderType="LMT", lmtPrice=50))
        cancelled = await front.submit("cancel_order", orderId=placed["orderId"])

        assert again["permId"] == placed["permId"]
        assert (cancelled["status"], frames(sim)) == ("Cancelled", 1)


async def test_an_order_of_which_redis_knows_nothing_is_known_by_its_reference(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        placed = await front.submit("place_order", key=KEY, **order(orderType="LMT", lmtPrice=50))

    async with trading(redis_url, f"{session}-new", sim, order_timing=SOON) as front:
        again = await front.submit("place_order", key=KEY, **order(orderType="LMT", lmtPrice=50))

        assert (again["permId"], again["replayed"], frames(sim)) == (placed["permId"], True, 1)


async def test_a_key_whose_order_is_forgotten_here_and_in_redis_places_no_other(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "KEPT_DONE", 1)
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **order())
        for symbol in ("IBM", "MSFT"):
            await front.submit("place_order", **order(symbol=symbol))
        bus_client = front.bus_client
        await bus_client.pipe.send("DEL", bus_client.keys.order(KEY), bus_client.keys.answer(KEY))

        error = await front.refused_order(key=KEY, **order(totalQuantity=2))

        assert (error.code, "has placed an order before" in error.message) == ("idempotency_conflict", True)
        assert frames(sim) == 3


@pytest.mark.fault(42)
async def test_an_order_that_tws_has_not_shown_is_not_changed_since_a_change_would_place_it(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on order 1 ignore")
    async with trading(redis_url, session, sim) as front:
        pending = await front.refused_order(key=KEY, deadline_s=3, **order(orderType="LMT", lmtPrice=50))
        change = await front.refused_order("modify_order", orderId=0, orderKey=KEY, lmtPrice=51)

        assert (pending.code, change.code) == ("pending", "not_ready")
        assert "would place one" in change.message
        assert frames(sim) == 1


@pytest.mark.fault(42)
async def test_an_order_that_is_not_found_is_not_changed_and_can_not_be_cancelled(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on order 1 ignore")
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        placed = await front.refused_order(key=KEY, **order(orderType="LMT", lmtPrice=50))
        change = await front.refused_order("modify_order", orderId=0, orderKey=KEY, lmtPrice=51)
        cancel = await front.refused_order("cancel_order", orderId=0, orderKey=KEY)

        assert [each.code for each in (placed, change, cancel)] == ["not_found"] * 3
        assert "10147" in cancel.message
        assert frames(sim) == 1


@pytest.mark.fault(42)
async def test_an_order_whose_messages_are_lost_is_found_by_looking(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("swallow openOrder 1")
    sim.fault("swallow orderStatus 1")
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        told = await front.submit("place_order", **order(orderType="LMT", lmtPrice=50))

        assert (told["status"], frames(sim)) == ("Submitted", 1)
