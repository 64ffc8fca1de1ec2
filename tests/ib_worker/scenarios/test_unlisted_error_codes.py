"""Errors about orders whose code no list has: they end the wait, and a complete list says what they mean."""

from dataclasses import replace
from typing import Any

import pytest

from bridge.tool import ToolError
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import SOON, Caller, frames, order, trading
from tests.waiting import until

KEY = "a-key-of-the-caller"
RESTING = order(orderType="LMT", lmtPrice=100)


async def tried(
    front: Caller, operation: str = "place_order", key: str | None = None, **arguments: object
) -> ToolError:
    return await front.refused_order(operation, key=key, deadline_s=8, **arguments)


@pytest.mark.trial("A14")
@pytest.mark.parametrize("code", [10311, 10326, 99999, 135, 2399])
async def test_an_order_that_tws_speaks_against_and_lists_nowhere_is_rejected_in_its_words(
    redis_url: str, session: str, sim: Simulator, code: int
) -> None:
    sim.fault(f'on order answer {code} "This order will be directly routed"')
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        error = await tried(front, **RESTING)

    assert (error.code, error.details["twsCode"]) == ("rejected", code)
    assert '"This order will be directly routed"' in error.message
    assert frames(sim) == 1


@pytest.mark.trial("A14")
@pytest.mark.parametrize("code", [10311, 399, 10326])
async def test_an_order_that_tws_speaks_of_and_takes_is_at_ibkr(
    redis_url: str, session: str, sim: Simulator, code: int
) -> None:
    sim.fault(f'on order notice {code} "held until the open"')
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        placed = await front.submit("place_order", **RESTING)
        shown = await front.ask("get_open_orders")

    assert placed["status"] in ("PreSubmitted", "Submitted")
    assert [each["code"] for each in shown[0]["notices"]] == [code]


@pytest.mark.trial("A14")
@pytest.mark.parametrize("silent", ["on reqAllOpenOrders each ignore", "swallow completedOrdersEnd"])
async def test_without_a_complete_list_the_order_is_pending_with_tws_words_and_settled_later(
    redis_url: str, session: str, sim: Simulator, silent: str
) -> None:
    async with trading(
        redis_url, session, sim, order_timing=replace(SOON, list_wait_s=0.3, list_silence_s=0.5, request_late_s=0.1)
    ) as front:
        sim.fault(silent)
        sim.fault('on order answer 10999 "A code of next year"')
        error = await tried(front, key=KEY, **RESTING)
        assert (error.code, error.details.get("twsCode")) == ("pending", 10999), error.message
        assert 'TWS said (10999): "A code of next year".' in error.message

        sim.fault("clear")

        async def rejected() -> bool:
            return (await tried(front, key=KEY, **RESTING)).code == "rejected"

        await until(rejected, "the key is settled")
    assert frames(sim) == 1


@pytest.mark.trial("A14")
async def test_a_warning_alone_rejects_nothing_and_is_told(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault('on order answer 399 "Order Message: held until the open"')
    async with trading(redis_url, session, sim, order_timing=SOON) as front:

        async def not_there() -> bool:
            return (await tried(front, key=KEY, **RESTING)).code != "pending"

        await until(not_there, "two looks have shown that it is not there")
        error = await tried(front, key=KEY, **RESTING)
    assert error.code == "not_found"
    assert 'TWS said (399): "Order Message: held until the open".' in error.message


@pytest.mark.trial("A13")
@pytest.mark.parametrize("code", [10326, 135, 10999, 161])
async def test_a_change_that_tws_speaks_against_is_refused_if_the_list_has_the_old_terms(
    redis_url: str, session: str, sim: Simulator, code: int
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        placed = await front.submit("place_order", **RESTING)
        sim.fault(f'on placeOrder answer {code} "not like this"')
        told = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=101)
        again = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=102)

    assert f'TWS rejected the change (error {code}): "not like this"' in told["message"]
    assert "The order is unchanged." in told["message"]
    assert (told["lmtPrice"], told["status"], again["lmtPrice"]) == (100, placed["status"], 102)


@pytest.mark.trial("A13")
async def test_a_change_that_was_made_is_confirmed_whatever_tws_said(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        placed = await front.submit("place_order", **RESTING)
        sim.fault("swallow openOrder 1")
        sim.fault('on placeOrder notice 10999 "beware"')
        told = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=101)

    assert (told["lmtPrice"], told["message"]) == (101, "TWS has confirmed the new terms.")
    assert [each["code"] for each in told["notices"]] == [10999]


@pytest.mark.trial("A13")
async def test_without_a_complete_list_a_change_is_not_confirmed_and_tws_words_are_told(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=replace(SOON, list_wait_s=0.3)) as front:
        placed = await front.submit("place_order", **RESTING)
        sim.fault("on reqOpenOrders each ignore")
        sim.fault("on reqAllOpenOrders each ignore")
        sim.fault('on placeOrder answer 10326 "not like this"')
        told = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=101)

    assert "is not confirmed yet" in told["message"]
    assert 'TWS said (10326): "not like this".' in told["message"]


@pytest.mark.trial("A13")
@pytest.mark.parametrize("code", [10999, 201])
async def test_a_cancel_that_tws_speaks_against_is_refused_if_the_list_has_the_order(
    redis_url: str, session: str, sim: Simulator, code: int
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        placed = await front.submit("place_order", **RESTING)
        sim.fault(f'on cancelOrder answer {code} "not now"')
        told = await front.submit("cancel_order", orderId=placed["orderId"])
        every = await front.submit("cancel_all_orders")

    assert f'TWS rejected the cancel (error {code}): "not now"' in told["message"]
    assert told["status"] == placed["status"]
    assert every["orders"][0]["status"] == "Cancelled"


@pytest.mark.trial("A14")
async def test_the_leg_of_a_bracket_that_is_open_makes_the_bracket_pending(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=replace(SOON, list_wait_s=0.3)) as front:
        sim.fault("on reqOpenOrders each ignore")
        sim.fault('on order each answer 10999 "of next year"')
        bracket: dict[str, Any] = order(takeProfitPrice=900, stopLossPrice=20)
        error = await tried(front, "place_bracket_order", **bracket)

    assert (error.code, error.details.get("twsCode")) == ("pending", 10999), error.message


@pytest.mark.trial("B10")
async def test_an_error_without_an_id_makes_an_order_that_waits_be_looked_for_and_rejects_nothing(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        sim.fault("on order error 321 Error validating request.-'bX' : cause - the field is missing")
        sim.fault("on order hold 1")
        lost = await tried(front, key=KEY, **RESTING)
        assert lost.code in ("pending", "not_found")
        assert "the field is missing" in lost.message

        async def shown() -> bool:
            return [each["status"] for each in await front.ask("get_open_orders")] == ["Submitted"]

        await until(shown, "the order that came late is open")
