"""Every fault of orders that is a gateway's doing: its line of script, and that it happens as stated."""

from __future__ import annotations

import pytest

from ibgateway.simulator.faults import ScriptError
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import cancel, limit_order, market_order, order
from tests.stacks.ibgateway.raw_client import Raw, started

PARENT_ID = 28  # where placeOrder has it
ORDER_MESSAGES = ("openOrder", "orderStatus", "execDetails", "commissionReport")


def ids(frames: list[list[str]]) -> list[str]:
    return [frame[0] for frame in frames]


async def resting(client: Raw, orderId: int = 1) -> None:
    client.send(*limit_order(orderId))
    await client.until("3", "Submitted")


async def test_a_reset_at_an_order_loses_it(sim: Simulator, client: Raw) -> None:
    sim.fault("on placeOrder reset")
    client.send(*limit_order(1))

    assert await client.rest() == []
    assert len(sim.journal.orders()) == 1
    assert sim.world.open_orders(None) == []


async def test_a_reset_after_an_order_loses_only_its_acknowledgement(sim: Simulator, client: Raw) -> None:
    sim.fault("on placeOrder reset after")
    client.send(*limit_order(1))

    assert await client.rest() == []
    assert [one.orderId for one in sim.world.open_orders(1)] == [1]


async def test_an_order_at_the_moment_of_the_restart(sim: Simulator, client: Raw) -> None:
    sim.fault("on placeOrder restart 82")
    client.send(*limit_order(1))

    assert await client.rest() == []
    assert sim.world.open_orders(None) == []


async def test_an_order_can_be_rejected_with_any_code(sim: Simulator, client: Raw) -> None:
    sim.fault("on order answer 201 Order rejected - reason:No trading permission.")
    client.send(*limit_order(7))

    ((_, reqId, code, text, *_),) = await client.everything()

    assert (reqId, code, text) == ("7", "201", "Order rejected - reason:No trading permission.")


async def test_an_inactive_order_comes_alive_again(sim: Simulator, client: Raw) -> None:
    await resting(client)
    await client.everything()
    sim.fault("status last Inactive")
    sim.fault("after 2 status last Submitted")
    sim.skip(2)

    told = await client.everything()

    assert [frame[2] for frame in told if frame[0] == "3"] == ["Inactive", "Submitted"]


async def test_an_order_of_which_nobody_hears(sim: Simulator, client: Raw) -> None:
    for message in ORDER_MESSAGES:
        sim.fault(f"swallow {message}")
    client.send(*market_order(1))

    assert await client.everything() == []
    assert len(sim.world.completed_orders(False)) == 1


async def test_filled_before_its_execution(sim: Simulator, client: Raw) -> None:
    sim.fault("delay execDetails 5")
    client.send(*market_order(1))
    told = await client.everything()
    assert "11" not in ids(told)
    assert "Filled" in [frame[2] for frame in told if frame[0] == "3"]

    sim.skip(5)

    assert ids(await client.everything()) == ["11"]


async def test_an_execution_before_its_order(sim: Simulator, client: Raw) -> None:
    sim.fault("delay openOrder 5")
    sim.fault("delay orderStatus 5")
    client.send(*market_order(1))
    assert ids(await client.everything())[0] == "11"

    sim.skip(5)

    assert ids(await client.everything())[0] == "5"


async def test_partial_fills_then_a_cancellation(sim: Simulator, client: Raw) -> None:
    client.send(*limit_order(1, quantity=10))
    await client.until("3", "Submitted")
    sim.fault("fill 1 3 99.5")
    sim.fault("fill 1 2 99.25")
    client.send(*cancel(1))

    told = [frame for frame in await client.everything() if frame[0] == "3"]

    assert [frame[3:5] for frame in told if frame[2] == "Cancelled"] == [["5", "5"]]


async def test_a_parent_that_is_filled_before_its_children_are_sent(sim: Simulator, client: Raw) -> None:
    client.send(*limit_order(1))
    await client.until("3", "Submitted")
    sim.fault("fill 1")
    child = order(2, "LMT", 1, 900.0, "SELL")
    client.send(*child[:PARENT_ID], 1, *child[PARENT_ID + 1 :])

    told = [frame for frame in await client.everything() if frame[0] == "3"]

    assert [frame[2] for frame in told if frame[1] == "1"][-1] == "Filled"
    assert [frame[2] for frame in told if frame[1] == "2"][-1] == "Submitted"  # it works alone, and waits for nobody


async def test_a_fill_that_overtakes_the_cancellation(sim: Simulator, client: Raw) -> None:
    await resting(client)
    sim.fault("on cancelOrder fill this")
    client.send(*cancel(1))

    told = await client.everything()

    assert "Filled" in [frame[2] for frame in told if frame[0] == "3"]
    (refusal,) = [frame for frame in told if frame[0] == "4"]
    assert refusal[2] == "10148"


async def test_a_fill_after_cancelled(sim: Simulator, client: Raw) -> None:
    await resting(client)
    sim.fault("on cancelOrder status this Cancelled")
    sim.fault("on cancelOrder fill this")
    sim.fault("on cancelOrder ignore")
    client.send(*cancel(1))

    told = [frame[2] for frame in await client.everything() if frame[0] == "3"]

    assert told[0] == "Cancelled"
    assert told[-1] == "Filled"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (10147, "OrderId 1 that needs to be cancelled is not found."),
        (10148, "OrderId 1 that needs to be cancelled cannot be cancelled, state: Filled."),
        (161, "Cancel attempted when order is not in a cancellable state.  Order permId = 1"),
    ],
)
async def test_a_cancellation_is_refused(sim: Simulator, client: Raw, code: int, text: str) -> None:
    await resting(client)
    await client.everything()
    sim.fault(f"on cancelOrder answer {code} {text}")
    client.send(*cancel(1))

    (refusal,) = await client.everything()

    assert refusal[1:3] == ["1", str(code)]
    assert len(sim.world.open_orders(1)) == 1


async def test_a_cancellation_that_is_acknowledged_hours_later(sim: Simulator, client: Raw) -> None:
    await resting(client)
    await client.everything()
    sim.fault("on cancelOrder hold 3600")
    client.send(*cancel(1))
    assert await client.everything() == []

    sim.skip(3600)

    assert "Cancelled" in [frame[2] for frame in await client.everything() if frame[0] == "3"]


@pytest.mark.parametrize("code", [110, 201, 105])
async def test_a_refused_modification_leaves_the_order_as_it_was(sim: Simulator, client: Raw, code: int) -> None:
    await resting(client)
    await client.everything()
    sim.fault(f"on placeOrder answer {code} no")
    client.send(*limit_order(1, price=101.0))

    (refusal,) = await client.everything()

    assert refusal[1:3] == ["1", str(code)]
    assert [one.order.lmtPrice for one in sim.world.open_orders(1)] == [100.0]


async def test_a_modification_with_two_permanent_ids(sim: Simulator, client: Raw) -> None:
    await resting(client)
    first = {frame[6] for frame in await client.everything() if frame[0] == "3"}
    sim.fault("rewrite orderStatus 6 424242")
    sim.fault("rewrite openOrder 25 424242")
    client.send(*limit_order(1, price=101.0))

    told = await client.everything()

    assert {frame[6] for frame in told if frame[0] == "3"} == {"424242"} != first
    assert {frame[25] for frame in told if frame[0] == "5"} == {"424242"}


async def test_a_corrected_execution_keeps_its_id_but_for_the_last_part(sim: Simulator, client: Raw) -> None:
    client.send(*market_order(1))
    (first,) = [frame for frame in await client.until("59") if frame[0] == "11"]
    await client.everything()
    sim.fault("correct 123.45")
    (second,) = await client.everything()

    assert (first[14][:-2], first[14][-2:]) == (second[14][:-2], "01")
    assert (second[14][-2:], second[20], second[19]) == ("02", "123.45", first[19])
    client.send(7, 3, 9, 0, "", "", "", "", "", "", 2147483647, 0)
    asked = await client.until("55")
    assert [frame[14] for frame in asked if frame[0] == "11"] == [second[14]]


async def test_an_order_entered_by_hand_is_seen_by_all_and_bound_to_client_0(sim: Simulator, client: Raw) -> None:
    async with started(sim.port, clientId=0) as zero:
        zero.send(15, 1, 1)
        await zero.everything()
        sim.fault("manual BUY 10 SPY 100")

        told = await zero.everything()
        assert ids(told)[0] == "5"
        (bound,) = [frame for frame in told if frame[0] == "100"]
        assert (bound[2], bound[3]) == ("0", "-1")
        assert await client.everything() == []
        client.send(16, 1)
        assert [frame[24] for frame in await client.until("53") if frame[0] == "5"] == ["0"]


@pytest.mark.trial("D10")
@pytest.mark.parametrize("listed", [False, True])
async def test_another_clients_order_is_not_found_by_its_number(sim: Simulator, client: Raw, listed: bool) -> None:
    await resting(client)
    async with started(sim.port, clientId=2) as other:
        if listed:
            other.send(16, 1)
            await other.until("53")
        other.send(*cancel(1))

        assert [frame[1:3] for frame in await other.everything() if frame[0] == "4"] == [["1", "10147"]]
        assert [frame[0] for frame in await client.everything()] == []


@pytest.mark.trial("D10")
async def test_client_0_cancels_another_clients_order_that_it_was_shown(sim: Simulator, client: Raw) -> None:
    await resting(client)
    async with started(sim.port, clientId=0) as zero:
        zero.send(*cancel(1))
        assert [frame[1:3] for frame in await zero.everything() if frame[0] == "4"] == [["1", "10147"]]

        zero.send(16, 1)
        await zero.until("53")
        zero.send(*cancel(1))
        assert "Cancelled" in [frame[2] for frame in await zero.everything() if frame[0] == "3"]
    assert "Cancelled" in [frame[2] for frame in await client.everything() if frame[0] == "3"]


@pytest.mark.trial("D10")
async def test_a_number_that_two_clients_have_is_each_ones_own(sim: Simulator, client: Raw) -> None:
    await resting(client)
    async with started(sim.port, clientId=2) as other:
        await resting(other)
        other.send(16, 1)
        await other.until("53")
        other.send(*cancel(1))

        assert "Cancelled" in [frame[2] for frame in await other.everything() if frame[0] == "3"]
        assert await client.everything() == []


async def test_a_liquidation_is_an_execution_of_no_order_of_the_clients(sim: Simulator, client: Raw) -> None:
    client.send(61, 1)
    await client.until("62")
    sim.fault("liquidate SELL 100 SPY")

    told = await client.everything()

    executed = [frame for frame in told if frame[0] == "11"]
    assert {(frame[2], frame[18], frame[23]) for frame in executed} == {("-1", "SLD", "1")}
    assert [frame[14] for frame in told if frame[0] == "61"][-1] == "0"


@pytest.mark.parametrize(
    "line", ["fill 99", "status last Filled", "correct 1", "manual BUY 1 NOSUCH", "fill this", "halt NOSUCH 5"]
)
async def test_what_is_not_there_can_not_be_steered(sim: Simulator, line: str) -> None:
    with pytest.raises(ScriptError):
        sim.fault(line)
