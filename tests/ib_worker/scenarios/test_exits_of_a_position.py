"""A stop and a target on a position that is held: one call, one OCA group, and never more than the position."""

from typing import Any

from ib_worker.order_entry.build import REDUCE_WITH_BLOCK
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, frames, order, trading
from tests.waiting import until

KEY = "protects-what-i-hold"
HELD = 100  # IBM, from the start
EXITS: dict[str, Any] = {
    "symbol": "IBM", "action": "SELL", "totalQuantity": HELD, "takeProfitPrice": 900, "stopLossPrice": 20,
    "exitsOnly": True,
}  # fmt: skip


async def refused(front: Caller, **terms: Any) -> tuple[str, str]:
    error = await front.refused_order("place_bracket_order", **EXITS | terms)
    return error.code, error.message


async def test_one_call_protects_a_position_and_a_fill_in_part_leaves_the_other_exit_on_the_rest(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        too_many = await refused(front, totalQuantity=HELD + 1)
        of_a_short = await refused(front, takeProfitPrice=20, stopLossPrice=900)
        met = await refused(front, stopLossPrice=800)
        sent = frames(sim)
        placed = await front.submit("place_bracket_order", key=KEY, **EXITS)
        again = await front.submit("place_bracket_order", key=KEY, **EXITS)
        beside = await refused(front, totalQuantity=1, takeProfitPrice=901)
        group = {each.orderId: each.order for each in sim.world.open_orders(1)}
        assert frames(sim) == sent + 2
    stop, target = placed["stopLoss"]["orderId"], placed["takeProfit"]["orderId"]

    assert (too_many[0], of_a_short[0], met[0], beside[0], sent) == (
        "not_closing", "not_closing", "invalid_arguments", "not_closing", 0,
    )  # fmt: skip
    assert "so this exit would trade at once" in met[1]
    assert "entry" not in placed
    assert (placed["takeProfit"]["action"], placed["stopLoss"]["orderType"]) == ("SELL", "STP")
    assert placed["message"] == (
        "Both exits are at IBKR; one cancels the other. Each exit is good until it is cancelled (GTC)."
    )
    assert (again["replayed"], again["stopLoss"]["orderId"]) == (True, stop)
    assert (stop < target, {each.ocaType for each in group.values()}) == (True, {REDUCE_WITH_BLOCK})
    assert len({each.ocaGroup for each in group.values()}) == 1

    async with trading(redis_url, session, sim) as front:  # a new worker knows both by the key
        sim.fault(f"fill {target} 40 900")

        async def reduced() -> bool:
            open_ = await front.ask("get_open_orders")
            return {each["remaining"] for each in open_} == {60} and len(open_) == 2

        await until(reduced, "the stop is left on the rest")
        ended = await front.submit("cancel_order", orderId=0, orderKey=KEY)
        left = await front.ask("get_open_orders")

    assert [each["role"] for each in ended["group"]] == ["stopLoss", "takeProfit"]
    assert (left, ended["message"]) == (
        [], "Cancelled the stop and the target. The position of 60 IBM now has no exit order.",
    )  # fmt: skip


async def test_a_target_that_fills_ends_the_stop_and_one_that_ibkr_rejects_is_named(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        short = await front.submit("place_order", **order(symbol="NVDA", action="SELL", totalQuantity=5))
        terms = EXITS | {"symbol": "NVDA", "totalQuantity": 5, "takeProfitPrice": 20, "stopLossPrice": 900}

        async def placed() -> bool:
            found = await front.ask("get_positions", symbol="NVDA")
            return [each["position"] for each in found] == [-5]

        await until(placed, "the short is a position")
        exits = await front.submit("place_bracket_order", **terms)
        sim.fault(f"fill {exits['takeProfit']['orderId']} all 20")

        async def ended() -> bool:
            return not await front.ask("get_open_orders")

        await until(ended, "the target's fill ends the stop")
        sim.fault("on order answer 201 Order rejected - reason: no margin")
        alone = await front.submit("place_bracket_order", **EXITS)

    assert short["status"] == "Filled"
    assert (exits["stopLoss"]["action"], exits["stopLoss"]["totalQuantity"]) == ("BUY", 5)
    assert alone["message"].startswith("IBKR rejected stopLoss (error 201:")
    assert "the other exit stands alone. Each exit is good until" in alone["message"]
