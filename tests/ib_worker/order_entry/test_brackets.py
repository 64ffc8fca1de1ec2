"""A bracket goes out whole, and its answer says what IBKR has of it."""

from typing import Any

import pytest

from bridge.order_references import order_ref
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import SOON, frames, trading

KEY = "a-key-of-the-caller"
BRACKET: dict[str, Any] = {
    "symbol": "AAPL", "action": "BUY", "totalQuantity": 2, "takeProfitPrice": 600, "stopLossPrice": 300,
}  # fmt: skip


async def test_a_bracket_of_which_ibkr_knows_a_part_is_not_placed_again(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        await front.submit("place_bracket_order", key=KEY, **BRACKET)

    for line in ("swallow completedOrder 9", "swallow execDetails 9"):  # as on the day after the entry was filled
        sim.fault(line)
    async with trading(redis_url, f"{session}-new", sim, order_timing=SOON) as front:
        error = await front.refused_order("place_bracket_order", key=KEY, **BRACKET)

    assert error.code == "idempotency_conflict"
    assert frames(sim) == 3


async def test_a_bracket_goes_out_whole_and_its_exits_wait(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.submit("place_bracket_order", key=KEY, **BRACKET)
        again = await front.submit("place_bracket_order", key=KEY, **BRACKET)
        left = await front.ask("get_open_orders")

    assert told["entry"]["status"] == "Filled"
    assert [told[leg]["action"] for leg in ("takeProfit", "stopLoss")] == ["SELL", "SELL"]
    assert (told["takeProfit"]["lmtPrice"], told["stopLoss"]["auxPrice"]) == (600, 300)
    assert told["idempotencyKey"] == KEY
    assert {each["orderRef"] for each in left} == {order_ref(KEY, "takeProfit"), order_ref(KEY, "stopLoss")}
    assert again["entry"]["orderId"] == told["entry"]["orderId"]
    assert frames(sim) == 3
    assert [frame.request.placed[1].transmit for frame in sim.journal.orders()] == [False, False, True]


@pytest.mark.fault(54)
async def test_a_bracket_whose_exit_ibkr_does_not_have_says_so(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("on order 2 ignore")
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        told = await front.submit("place_bracket_order", key=KEY, **BRACKET)

    assert told["message"].startswith("IBKR does not have takeProfit: the entry stands without it. Each exit is good")
    assert (told["entry"]["status"], told["takeProfit"]["status"]) == ("Filled", "unknown")
