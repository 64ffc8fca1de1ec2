"""A bracket of NVDA, placed, cancelled and looked at."""

from typing import Any

from bridge.order_references import order_ref
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller
from tests.waiting import until

KEY = "a-key-of-the-caller"
FAR: dict[str, Any] = {  # an entry that rests
    "symbol": "NVDA", "action": "BUY", "totalQuantity": 10, "lmtPrice": 60, "takeProfitPrice": 600, "stopLossPrice": 20,
}  # fmt: skip
FILLED: dict[str, Any] = {each: FAR[each] for each in FAR if each != "lmtPrice"}
ENTRY, TARGET, STOP = order_ref(KEY), order_ref(KEY, "takeProfit"), order_ref(KEY, "stopLoss")


async def bracket(front: Caller, **terms: Any) -> Any:
    return await front.submit("place_bracket_order", key=KEY, **terms)


async def cancel(front: Caller, **name: Any) -> Any:
    return await front.submit("cancel_order", **({"orderId": 0} | name))


async def settles(front: Caller, position: int) -> None:
    async def held() -> bool:
        found = await front.ask("get_positions")
        return bool(position == sum(each["position"] for each in found if each["contract"]["symbol"] == "NVDA"))

    await until(held, f"the position is {position}")


def quantities(sim: Simulator) -> dict[int, int]:
    """What each open order of this session asks for, as IBKR has it."""
    return {one.orderId: int(one.order.totalQuantity) for one in sim.world.open_orders(1)}
