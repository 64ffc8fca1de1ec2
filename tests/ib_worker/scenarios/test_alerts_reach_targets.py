"""An alert from its tool to a webhook, through a whole worker that restarts while the webhook is down."""

from typing import Any

from ibgateway.simulator.server.server import Simulator
from tests.stacks.webhook import Webhook, listening
from tests.stacks.worker import FAST, caller, order, worker
from tests.waiting import until

SECRET = "0123456789abcdef"


async def test_an_alert_and_a_fill_reach_a_webhook_that_was_down_over_a_restart(
    redis_url: str, session: str, sim: Simulator
) -> None:
    hook = Webhook()
    async with listening(hook):
        pass  # its port is known, and it is down
    settings: dict[str, Any] = {
        "alert_targets": f"desk={hook.url}", "alert_events": "fills", "alert_secret": SECRET
    }  # fmt: skip
    async with caller(redis_url, session) as front:
        async with worker(redis_url, session, sim.port, FAST, **settings):
            await front.writable()
            level = {"event": "price", "symbol": "SPY", "above": 1}
            made = await front.ask("create_alert", events=[level], targets=["desk"], note="now")
            await front.submit("place_order", **order())
        async with listening(hook), worker(redis_url, session, sim.port, FAST, **settings):
            await until(lambda: len({*hook.ids}) >= 2, "both have come", timeout_s=20)

    told = {each["kind"]: each for each in hook.events}
    assert told["alert"]["details"]["watch"] == made["alertId"]
    assert "Note: now" in told["alert"]["text"]
    assert told["execution"]["symbol"] == "AAPL"
    assert all("***" in each["account"] for each in hook.events if each.get("account"))
