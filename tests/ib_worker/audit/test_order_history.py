"""An order's life before this worker, out of the audit log."""

from ibgateway.simulator.server.server import Simulator
from tests.stacks.orders import resting
from tests.stacks.worker import caller, trading, worker

KEY = "a-key-of-the-caller"


async def test_an_orders_life_goes_back_to_before_the_worker_started(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=401)
    async with worker(redis_url, session, sim.port), caller(redis_url, session) as front:
        await front.reaches("ready")
        await front.writable()
        await front.submit("cancel_order", orderId=0, orderKey=KEY)
        life = await front.ask("get_order", orderKey=KEY)

    told = [each["source"] for each in life["events"]]
    assert told[0] == "sent"
    assert told.index("sent") < told.index("change sent") < told.index("cancel sent")
    assert life["events"][-1]["what"].startswith(("Cancelled", "202"))
    assert [each["at"] for each in life["events"]] == sorted(each["at"] for each in life["events"])
