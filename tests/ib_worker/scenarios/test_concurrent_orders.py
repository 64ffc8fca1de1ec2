"""Calls that come at the same time: what each is checked against holds until it is written."""

import asyncio
from typing import Any

import pytest

from bridge.bus.controls.kill_switch import set_halt
from bridge.tool import ToolError
from ib_worker.orders.timing import OrderTiming
from ib_worker.risk.limit_settings import Limits
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.worker import Caller, order, trading
from tests.waiting import until

KEY = "a-key-of-the-caller"
BRACKET: dict[str, Any] = {"symbol": "AAPL", "takeProfitPrice": 20, "stopLossPrice": 900}


async def tried(front: Caller, operation: str = "place_order", **arguments: Any) -> dict[str, Any] | str:
    """The answer, or the error's code."""
    try:
        told: dict[str, Any] = await front.submit(operation, **arguments)
    except ToolError as error:
        return error.code
    return told


async def test_orders_at_the_same_time_pass_no_count_together(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, limits=Limits(max_open_orders=2)) as front:
        prices = range(50, 58)
        told = await asyncio.gather(*(tried(front, **order(orderType="LMT", lmtPrice=price)) for price in prices))
        left = await front.ask("get_open_orders")

    assert len(left) == 2
    assert [each for each in told if isinstance(each, str)] == ["limit_exceeded"] * 6


async def test_orders_and_previews_of_several_accounts_leave_in_the_order_of_their_ids(
    redis_url: str, session: str
) -> None:
    """TWS takes no orderId below one that it has shown."""
    accounts = ("DU1234567", "DU7654321")
    async with Simulator(SimulatorConfig(accounts=accounts)) as sim, trading(redis_url, session, sim) as front:
        asked = [order(orderType="LMT", lmtPrice=50 + number, account=accounts[number % 2]) for number in range(12)]
        calls = [front.ask("preview_order", **each) for each in asked]
        calls += [front.submit("place_order", **each) for each in asked]
        await asyncio.gather(*calls)
        ids = [int(each.fields[1]) for each in sim.journal.entries("in", 3)]

    assert len(ids) == 24
    assert ids == sorted(ids)


@pytest.mark.fault(105)
async def test_closing_orders_at_the_same_time_close_no_more_than_there_is(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(totalQuantity=10))
        await set_halt(front.bus_client.pipe, front.bus_client.keys, "reduce_only", "the operator", "a test")
        told = await asyncio.gather(
            *(tried(front, **order(action="SELL", totalQuantity=size)) for size in (10, 9, 8, 7))
        )

        async def held() -> float:
            rows = await front.ask("get_positions")
            return sum((float(each["position"]) for each in rows if each["contract"]["symbol"] == "AAPL"), 0.0)

        await asyncio.sleep(1)
        assert await held() >= 0
    assert sorted(each for each in told if isinstance(each, str)) == ["halted"] * 3


@pytest.mark.trial("A18")
async def test_closing_orders_close_no_more_than_there_is_however_late_the_position_comes(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(totalQuantity=30))
        await until(lambda: held(front, 30), "thirty are held")
        await set_halt(front.bus_client.pipe, front.bus_client.keys, "reduce_only", "the operator", "a test")
        sim.fault("delay position 30")
        told = []
        for size in (10, 20, 11, 1):
            told.append(await tried(front, **order(action="SELL", totalQuantity=size)))
            sim.skip(10)

        assert [each if isinstance(each, str) else each["status"] for each in told] == [
            "Filled", "Filled", "halted", "halted",
        ]  # fmt: skip
        sim.skip(60)
        await until(lambda: held(front, 0), "the position has come")


@pytest.mark.trial("A18")
async def test_a_fill_that_no_position_shows_for_long_is_looked_for(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=OrderTiming(position_lag_s=0)) as front:
        await front.submit("place_order", **order(totalQuantity=30))
        await until(lambda: held(front, 30), "thirty are held")
        await set_halt(front.bus_client.pipe, front.bus_client.keys, "reduce_only", "the operator", "a test")
        sim.fault("swallow position 1")
        sold = [await tried(front, **order(action="SELL", totalQuantity=size)) for size in (10, 20, 1)]

    assert [each if isinstance(each, str) else each["status"] for each in sold] == ["Filled", "Filled", "halted"]


async def held(front: Caller, quantity: float) -> bool:
    rows = await front.ask("get_positions")
    return sum((float(each["position"]) for each in rows if each["contract"]["symbol"] == "AAPL"), 0.0) == quantity


@pytest.mark.fault(105)
async def test_a_bracket_is_never_a_closing_order_since_its_exits_would_open_another_position(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(totalQuantity=10))
        await set_halt(front.bus_client.pipe, front.bus_client.keys, "reduce_only", "the operator", "a test")

        told = await tried(front, "place_bracket_order", action="SELL", totalQuantity=10, **BRACKET)

    assert told == "halted"
    assert len(sim.journal.orders()) == 1


async def test_the_exits_of_a_bracket_are_held_against_the_limits_too(
    redis_url: str, session: str, sim: Simulator
) -> None:
    buys = BRACKET | {"takeProfitPrice": 900, "stopLossPrice": 20, "action": "BUY", "totalQuantity": 1}
    async with trading(redis_url, session, sim, limits=Limits(allowed_order_types=frozenset({"MKT"}))) as front:
        kinds = await front.refused_order("place_bracket_order", **buys)
    async with trading(redis_url, session, sim, limits=Limits(max_open_orders=2)) as front:
        count = await front.refused_order("place_bracket_order", **buys)
    async with trading(redis_url, session, sim) as front:
        through = await front.refused_order("place_bracket_order", **buys | {"takeProfitPrice": 300})

    limits = [each.details["limit"] for each in (kinds, count, through)]
    assert limits == ["allowed_order_types", "max_open_orders", "price_collar"]
    assert sim.journal.orders() == []


@pytest.mark.fault(50)
async def test_two_changes_at_the_same_time_do_not_undo_each_other(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **order(orderType="LMT", lmtPrice=50, totalQuantity=5))
        told = await asyncio.gather(
            tried(front, "modify_order", orderId=placed["orderId"], lmtPrice=51),
            tried(front, "modify_order", orderId=placed["orderId"], totalQuantity=7),
        )
        done = [each for each in told if isinstance(each, dict)]
        (left,) = await front.ask("get_open_orders")

    price, quantity = (isinstance(each, dict) for each in told)
    assert done
    assert (left["lmtPrice"], left["totalQuantity"]) == (51 if price else 50, 7 if quantity else 5)


@pytest.mark.fault(50)
async def test_while_a_change_is_not_confirmed_no_other_is_sent(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **order(orderType="LMT", lmtPrice=40))
        sim.fault("on placeOrder hold 4")
        first = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=60)
        back = await front.refused_order("modify_order", orderId=placed["orderId"], lmtPrice=40)

        async def confirmed() -> bool:
            return bool((await front.ask("get_open_orders"))[0]["lmtPrice"] == 60)

        await until(confirmed, "the first change is carried out")
        again = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=40)

    assert "not confirmed yet" in first["message"]
    assert (back.code, "another change" in back.message) == ("not_ready", True)
    assert again["message"] == "TWS has confirmed the new terms."


async def test_a_bracket_counts_as_the_orders_that_it_has(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, limits=Limits(max_orders_per_minute=4)) as front:
        bracket = BRACKET | {"action": "BUY", "totalQuantity": 1, "takeProfitPrice": 900, "stopLossPrice": 20}
        told = [await tried(front, "place_bracket_order", **bracket, lmtPrice=price) for price in (50, 51)]
        told += [await tried(front, **order(orderType="LMT", lmtPrice=price)) for price in (52, 53)]

    assert [isinstance(each, str) and each for each in told] == [False, "limit_exceeded"] * 2
