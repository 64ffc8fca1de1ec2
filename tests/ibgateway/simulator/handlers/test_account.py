"""What is asked once about accounts, and what is followed from then on."""

from __future__ import annotations

from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import market_order
from tests.stacks.ibgateway.raw_client import Raw


async def test_a_third_account_summary_is_refused(client: Raw) -> None:
    for reqId in (7, 8, 9):
        client.send(62, 1, reqId, "All", "NetLiquidation")

    told = await client.everything()

    assert [frame[1:3] for frame in told if frame[0] == "4"] == [["9", "322"]]


async def test_positions_portfolio_and_values_follow_a_fill(sim: Simulator, client: Raw) -> None:
    for request in ((61, 1), (74, 1, 7, "DU1234567", ""), (6, 2, 1, "")):
        client.send(*request)
    await client.everything()
    client.send(*market_order(1, 3))

    told = await client.everything()

    held = {frame[0]: frame for frame in told if frame[0] in {"61", "71", "7"}}
    assert [held["61"][14], held["71"][15], held["7"][13]] == ["103", "103", "103"]


async def test_a_position_that_is_not_held_has_no_profit(client: Raw) -> None:
    client.send(94, 7, "DU1234567", "", 265598)

    (told,) = await client.everything()

    assert told[:3] == ["95", "7", "0"]
    assert set(told[3:]) == {"1.7976931348623157E308"}
