"""Orders over the wire: who is told, in which order, and what the lists hold."""

from __future__ import annotations

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import cancel, limit_order, market_order, order, preview
from tests.stacks.ibgateway.raw_client import Raw


async def test_a_market_order_is_told_in_the_order_of_real_gateways(client: Raw) -> None:
    client.send(*market_order(1))

    told = [(frame[0], frame[2] if frame[0] == "3" else "") for frame in await client.until("59")]

    assert told[:3] == [("5", ""), ("3", "PreSubmitted"), ("11", "")]
    assert told[-1] == ("59", "")
    assert ("3", "Filled") in told


async def test_a_limit_order_rests_and_its_cancellation_is_told_twice(client: Raw) -> None:
    client.send(*limit_order(1))
    client.send(*cancel(1))

    told = await client.everything()

    assert [frame[2] for frame in told if frame[0] == "3"] == ["PreSubmitted", "Submitted", "Cancelled"]
    assert [frame[1:4] for frame in told if frame[0] == "4"] == [["1", "202", "Order Canceled - reason:"]]


async def test_a_cancellation_of_nothing_is_10147(client: Raw) -> None:
    client.send(*cancel(99))

    assert (await client.read())[1:3] == ["99", "10147"]


async def test_a_preview_tells_margins_and_leaves_no_trace(client: Raw) -> None:
    client.send(*preview(1))

    (told,) = await client.everything()

    assert told[0] == "5"
    client.send(16, 1)
    assert await client.until("53") == [["53", "1"]]


@pytest.mark.parametrize("quantity", ["0", "-1"])
async def test_a_quantity_of_nothing_is_no_order(sim: Simulator, client: Raw, quantity: str) -> None:
    client.send(*limit_order(1, quantity=quantity))

    told = await client.everything()

    assert told[0][0] == "4"
    assert sim.world.open_orders(None) == []


@pytest.mark.parametrize("quantity", ["NaN", "Infinite", "1_0", "٣", "1e400", ""])
async def test_a_quantity_that_is_no_number_is_refused(sim: Simulator, client: Raw, quantity: str) -> None:
    client.send(*order(1, "LMT", quantity, 100.0))

    refusal = await client.read()

    assert refusal[1:3] == ["1", "320"]
    assert sim.world.open_orders(None) == []


async def test_only_client_0_may_bind_orders_entered_by_hand(client: Raw) -> None:
    client.send(15, 1, 1)

    assert (await client.read())[2] == "321"


async def test_executions_are_filtered(client: Raw) -> None:
    client.send(*market_order(1))
    client.send(*limit_order(2))
    await client.until("59")
    for reqId, side in ((7, "BUY"), (8, "SELL")):
        client.send(7, 3, reqId, 0, "", "", "", "", "", side, 2147483647, 0)

    told = await client.everything()

    assert [frame[1] for frame in told if frame[0] == "11"] == ["7"]
    assert [frame[2] for frame in told if frame[0] == "55"] == ["7", "8"]
