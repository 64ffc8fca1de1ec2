"""One key from many clients at many replicas at once: one order, and the same answer for everybody."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.front import ERAS, serving
from tests.stacks.worker import caller, order, worker

CLIENTS, REPLICAS = 10, 3


@pytest.mark.fault(93)
async def test_ten_clients_at_three_replicas_place_one_order(redis_url: str, session: str) -> None:
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator())
        await stack.enter_async_context(worker(redis_url, session, sim.port))
        fronts = [await stack.enter_async_context(serving(redis_url, session)) for _ in range(REPLICAS)]
        await (await stack.enter_async_context(caller(redis_url, session))).writable()
        raws = [fronts[number % REPLICAS].raw(ERAS[number % 2]) for number in range(CLIENTS)]
        terms = order(idempotencyKey="the-one-and-only")
        answers = await asyncio.gather(*(each.call("ibkr_place_order", **terms) for each in raws))

    # Whoever waits for the one call gets its answer; whoever comes later gets it again, and marked as such.
    reports = [_unmarked(each["structuredContent"]) for each in answers]
    assert len(sim.journal.orders()) == 1
    assert reports == [reports[0]] * CLIENTS
    assert reports[0]["status"] == "Filled"


def _unmarked(report: dict[str, Any]) -> dict[str, Any]:
    """A replayed report without what marks it as one."""
    return report | {
        "replayed": False,
        "message": report["message"].partition(" with this key. ")[2] or report["message"],
    }
