"""What is told of orders: ours, others', and each under its own name."""

from datetime import datetime
from typing import Any

import pytest

from bridge.tools.order_report import absent_prices
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.other_programs import Simulated
from tests.stacks.worker import frames, order, trading


@pytest.mark.trial("D10")
@pytest.mark.fault(55)
async def test_orders_of_others_are_shown_and_not_cancelled(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front, Simulated(sim, clientId=9) as other:
        orderId = await other.place()

        opened = await front.ask("get_open_orders")
        error = await front.refused_order("cancel_order", orderId=orderId)

        assert [(each["orderId"], each["clientId"]) for each in opened] == [(orderId, 9)]
        assert "belongs to client 9; TWS lets only that client change or cancel it" in error.message
        assert "cancel_all_orders(everyClient=true) cancels the orders of every client" in error.message

        await other.cancel(orderId)
        ended = await front.ask("get_order", permId=opened[0]["permId"])
        assert ended["order"]["status"] == "Cancelled"
        assert await front.ask("get_open_orders") == []


async def test_orders_of_others_that_share_a_reference_are_each_shown(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front, Simulated(sim, clientId=9) as other:
        ids = [await other.place("strategy-1") for _ in range(2)]
        opened = await front.ask("get_open_orders")
        error = await front.refused("get_order", orderRef="strategy-1")
        for each in ids:
            await other.cancel(each)
        archived = await front.ask("get_completed_orders")

    assert sorted(each["orderId"] for each in opened) == ids
    assert error.code == "invalid_arguments"
    assert sorted(error.details["permIds"]) == sorted(each["permId"] for each in opened)
    assert [each["status"] for each in archived] == ["Cancelled", "Cancelled"]


KEY = "a-key-of-the-caller"
TRAIL: dict[str, Any] = {"action": "SELL", "totalQuantity": 3, "orderType": "TRAIL"}


@pytest.mark.trial("C5")
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (TRAIL | {"trailingPercent": 5}, {"trailingPercent": 5, "lmtPrice": None, "auxPrice": None}),
        (TRAIL | {"auxPrice": 50, "outsideRth": True}, {"auxPrice": 50, "trailingPercent": None, "outsideRth": True}),
        ({"orderType": "REL", "auxPrice": 0.01}, {"auxPrice": 0.01, "lmtPrice": None, "trailStopPrice": None}),
        ({"orderType": "MIDPRICE"}, {"auxPrice": None, "lmtPrice": None, "outsideRth": None}),
        ({"orderType": "LOC", "lmtPrice": 400}, {"lmtPrice": 400, "auxPrice": None, "goodTillDate": None}),
        ({"orderType": "STP", "auxPrice": 600}, {"auxPrice": 600, "lmtPrice": None, "parentId": None}),
    ],
    ids=lambda each: each.get("orderType", ""),
)
async def test_an_order_is_told_with_the_terms_of_its_type_alone(
    redis_url: str, session: str, sim: Simulator, asked: dict[str, Any], told: dict[str, Any]
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **order(**asked))
        stands = await front.ask("get_order", orderKey=KEY)
    async with trading(redis_url, session, sim) as front:
        life = await front.ask("get_order", orderKey=KEY)

    prices = {"lmtPrice", "auxPrice", "trailingPercent"} - absent_prices(asked["orderType"])
    unset = [name for name, value in told.items() if value is None and name in prices]  # the rest is left out
    for report in (placed, stands["order"], life["order"]):
        assert {name: report.get(name) for name in told} == told
        assert [name for name, value in told.items() if value is None and name in report] == unset
        assert datetime.fromisoformat(report["placed_at"]).tzinfo is not None
    # TWS's first word on a trailing order does not have the stop yet.
    assert (life["order"].get("trailStopPrice") is not None) == (asked["orderType"] == "TRAIL")


async def test_lists_of_orders_and_fills_are_of_one_account_where_one_is_named(redis_url: str, session: str) -> None:
    accounts = ("DU1111111", "DU2222222")
    async with Simulator(SimulatorConfig(accounts=accounts)) as sim, trading(redis_url, session, sim) as front:
        for number, account in enumerate(accounts, 1):
            await front.submit("place_order", **order(account=account, totalQuantity=number))
            await front.submit(
                "place_order", **order(account=account, orderType="LMT", lmtPrice=1, totalQuantity=number)
            )
        tools = ("get_open_orders", "get_completed_orders", "get_executions")
        second = [await front.ask(tool, account="DU2222222") for tool in tools]
        every = [await front.ask(tool, account="all") for tool in tools]
        wrong = [(await front.refused(tool, account="DU3333333")).code for tool in tools]

    assert [[each["account"] for each in rows] for rows in second] == [["DU2222222"]] * 3
    assert [len(rows) for rows in every] == [2, 2, 2]
    assert wrong == ["wrong_account"] * 3


async def test_a_fill_names_the_key_of_its_order_to_a_later_worker_too(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **order())
        first = await front.ask("get_executions")
    async with trading(redis_url, session, sim) as front:
        later = await front.ask("get_executions")

    assert first[0]["idempotencyKey"] == later[0]["idempotencyKey"] == KEY


@pytest.mark.trial("C5", "C12")
async def test_a_trailing_percentage_is_changed_and_the_events_say_from_what_to_what(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **order(**TRAIL, trailingPercent=5))
        changed = await front.submit("modify_order", orderId=0, orderKey=KEY, trailingPercent=4, totalQuantity=2)
        wrong = await front.refused_order("modify_order", orderId=placed["orderId"], auxPrice=3)
        fixed = await front.submit("place_order", **order(**TRAIL, auxPrice=50))
        other = await front.refused_order("modify_order", orderId=fixed["orderId"], trailingPercent=4)
    async with trading(redis_url, session, sim) as front:
        events = (await front.ask("get_order", orderKey=KEY))["events"]

    assert (changed["trailingPercent"], changed["totalQuantity"]) == (4, 2)
    assert changed["message"].startswith("TWS has confirmed the new terms.")  # and then where its stop is
    told = "totalQuantity from 3 to 2, trailingPercent from 5 to 4"
    assert [each["what"] for each in events if each["source"] == "change sent"] == [told]
    assert any(each["source"] == "openOrder" and each["what"].endswith(told) for each in events)
    assert "Change trailingPercent" in wrong.message
    assert "does not trail by a percentage but by an amount: change auxPrice" in other.message
    assert frames(sim) == 3
