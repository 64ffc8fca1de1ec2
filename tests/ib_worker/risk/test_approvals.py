"""Approvals: a live order waits for a human, and for this very order."""

import asyncio
from typing import Any

import pytest

from bridge.bus.controls.approvals import Approval, ask_approval, give_approval, waiting_approvals
from bridge.bus.events.event import Cursor
from bridge.bus.events.event_log import read_events
from bridge.bus.keys import Keys
from bridge.tasks import cancel_and_wait
from ib_worker.risk.approvals import UNREADABLE, Approvals, end_overdue_approvals
from ibgateway.simulator.server.server import Simulator
from tests.stacks.bus import pipe_to
from tests.stacks.worker import Caller, caller, frames, order, worker
from tests.waiting import until

KEY = "a-key-of-the-caller"
LIVE: dict[str, Any] = {"trading_mode": "live", "live_accounts": frozenset({"DU1234567"})}


@pytest.mark.usefixtures("no_limits")
async def test_a_live_order_waits_for_a_human(redis_url: str, session: str, sim: Simulator) -> None:
    async with worker(redis_url, session, sim.port, **LIVE), caller(redis_url, session) as front:
        await front.writable()
        held = await front.refused_order(key=KEY, **order())
        (waiting,) = await waiting_approvals(front.bus_client.pipe, front.bus_client.keys)
        assert frames(sim) == 0
        own = await front.ask("get_approval_state", orderKey=KEY)
        foreign = await Caller(front.bus_client, "another").refused("get_approval_state", orderKey=KEY)
        wrong = await give_approval(front.bus_client.pipe, front.bus_client.keys, KEY, "another digest", "bert")
        given = await give_approval(front.bus_client.pipe, front.bus_client.keys, KEY, waiting.digest, "anna")
        twice = await give_approval(front.bus_client.pipe, front.bus_client.keys, KEY, waiting.digest, "anna")
        other = await front.refused_order(key="another-key", **order())
        filled = await front.submit("place_order", key=KEY, **order())

    assert (held.code, other.code) == ("approval_required", "approval_required")
    assert (own["details"]["state"], foreign.code) == ("asked", "forbidden")
    assert waiting.summary.startswith(
        "SIMULATED, no real money. Place: BUY 1 AAPL (SMART NASDAQ USD conId 265598) as MKT, DAY, account DU***567."
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
        (waiting,) = await waiting_approvals(front.bus_client.pipe, front.bus_client.keys)
        await give_approval(front.bus_client.pipe, front.bus_client.keys, KEY, waiting.digest, "anna")
        filled = await front.submit("place_order", key=KEY, **order(confirmationToken=token))
        again = await front.refused_order(key="another-key", **order(confirmationToken=token))

    assert (held.code, filled["status"], again.code) == ("approval_required", "Filled", "confirmation_invalid")
    assert frames(sim) == 1


async def test_an_order_whose_time_is_over_is_told_though_nobody_asks(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        looking = asyncio.create_task(end_overdue_approvals(pipe, keys, every_s=0.02))
        await ask_approval(pipe, keys, Approval(KEY, "digest", "claude", "BUY 1 AAPL"))
        await pipe.send("PEXPIRE", keys.approval(KEY), 100)

        async def over() -> bool:
            page = await read_events(pipe, keys, Cursor())
            return [each.event.details["state"] for each in page.events] == ["asked", "expired"]

        await until(over, "the log says that it has expired")
        await cancel_and_wait([looking])


async def test_a_damaged_approval_is_of_no_client_and_stops_nobody_who_reads_on(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await pipe.send("SET", keys.approval("key-1"), "no hash")
        await pipe.send("HSET", keys.approval("key-2"), "caller", b"\xff")
        approvals = Approvals(pipe, keys, forms=True)

        assert await approvals.owner("key-1") == UNREADABLE
        assert await approvals.owner("key-2") not in ("", "claude")
        assert await approvals.owner("key-3") == ""
