"""The operator's refusals in the audit log."""

from bridge.bus.controls.approvals import Approval, ask_approval, refuse_approval
from ibgateway.simulator.server.server import Simulator
from tests.stacks.orders import entries
from tests.stacks.worker import caller, trading
from tests.waiting import until

ASKED = Approval("a-key-of-the-caller", "digest", "claude", "BUY 1 SPY")


async def test_what_was_refused_while_no_worker_led_is_written_once_by_the_next(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with caller(redis_url, session) as beside:
        pipe, keys = beside.bus_client.pipe, beside.bus_client.keys
        await ask_approval(pipe, keys, ASKED)
        await refuse_approval(pipe, keys, ASKED.key, ASKED.digest, "operator anna", "too large")
        async with trading(redis_url, session, sim) as front:

            async def written() -> bool:
                return not await pipe.send("EXISTS", keys.refusals)

            await until(written, "the queue is empty")
            kept = [each for each in await entries(front) if each.event == "refused"]

    assert [(each.caller, each.key, each.status) for each in kept] == [("operator anna", ASKED.key, "approval_refused")]
    assert kept[0].details["message"] == "too large"
