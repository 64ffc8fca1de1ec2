"""Approvals: a live order waits for a human, and for this very order."""

from typing import Any

import pytest

from bridge.bus.controls.approvals import give_approval, waiting_approvals
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import caller, frames, order, worker

KEY = "a-key-of-the-caller"
LIVE: dict[str, Any] = {"trading_mode": "live", "live_accounts": frozenset({"DU1234567"})}


@pytest.mark.usefixtures("no_limits")
async def test_a_live_order_waits_for_a_human(redis_url: str, session: str, sim: Simulator) -> None:
    async with worker(redis_url, session, sim.port, **LIVE), caller(redis_url, session) as front:
        await front.writable()
        held = await front.refused_order(key=KEY, **order())
        (waiting,) = await waiting_approvals(front.asker.pipe, front.asker.keys)
        assert frames(sim) == 0
        wrong = await give_approval(front.asker.pipe, front.asker.keys, KEY, "another digest", "bert")
        given = await give_approval(front.asker.pipe, front.asker.keys, KEY, waiting.digest, "anna")
        twice = await give_approval(front.asker.pipe, front.asker.keys, KEY, waiting.digest, "anna")
        other = await front.refused_order(key="another-key", **order())
        filled = await front.submit("place_order", key=KEY, **order())

    assert (held.code, other.code) == ("approval_required", "approval_required")
    assert waiting.summary.startswith(
        "LIVE, real money. Place: BUY 1 AAPL (SMART NASDAQ USD conId 265598) as MKT, DAY, account DU***567. Worth"
    )
    assert (wrong, given, twice, filled["status"]) == (False, True, False, "Filled")
    assert frames(sim) == 1


@pytest.mark.usefixtures("no_limits")
async def test_a_previewed_order_that_waits_for_a_human_is_still_confirmed_when_it_comes_again(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with worker(redis_url, session, sim.port, **LIVE), caller(redis_url, session) as front:
        await front.writable()
        token = (await front.ask("preview_order", **order()))["confirmationToken"]
        held = await front.refused_order(key=KEY, **order(confirmationToken=token))
        (waiting,) = await waiting_approvals(front.asker.pipe, front.asker.keys)
        await give_approval(front.asker.pipe, front.asker.keys, KEY, waiting.digest, "anna")
        filled = await front.submit("place_order", key=KEY, **order(confirmationToken=token))
        again = await front.refused_order(key="another-key", **order(confirmationToken=token))

    assert (held.code, filled["status"], again.code) == ("approval_required", "Filled", "confirmation_invalid")
    assert frames(sim) == 1
