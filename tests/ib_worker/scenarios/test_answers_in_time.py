"""How long answers are waited for: a first price under no lock, a first figure for two seconds, all within a minute."""

import asyncio
import time

import pytest

from bridge.tool import OPERATIONS, TOOLS
from ib_worker.history.requests import HISTORY_S
from ib_worker.risk.limit_settings import Limits
from ibgateway.simulator.server.server import Simulator
from tests.busy import BUSY_S
from tests.stacks.worker import order, trading

MINUTE_S = 60.0  # after which many hosts give a call up
UNSET = "1.7976931348623157E308"


@pytest.mark.trial("B3")
async def test_orders_of_a_silent_contract_hold_no_other_order_up(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(symbol="KO"))  # its line stands
        sim.fault("swallow tickPrice")
        silent = [
            asyncio.create_task(front.refused_order(**order(symbol="IBM", totalQuantity=number + 1)))
            for number in range(20)
        ]
        await asyncio.sleep(0)
        began = time.monotonic()
        await front.submit("place_order", **order(symbol="KO", totalQuantity=2))
        took_s = time.monotonic() - began
        first = await asyncio.gather(*silent)
        again = time.monotonic()
        second = await front.refused_order(**order(symbol="IBM", totalQuantity=99))
        waited_s = time.monotonic() - again

    assert {each.code for each in (*first, second)} == {"no_fresh_quote"}
    assert took_s < 1 + BUSY_S
    assert waited_s < 1 + BUSY_S  # a line that is known to be silent is not waited for again


@pytest.mark.trial("B13")
async def test_an_order_under_a_daily_loss_limit_waits_for_the_first_figure(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, limits=Limits(max_daily_loss=1e6)) as front:
        sim.fault(f"rewrite pnl 2 {UNSET} 1")
        placed = await front.submit("place_order", **order())

    assert placed["status"] == "Filled"


@pytest.mark.trial("B5")
def test_every_answer_comes_within_a_minute() -> None:
    plain = [
        each
        for each in (*TOOLS.values(), *OPERATIONS.values())
        if not each.waits and "duration_seconds" not in each.request.model_fields
    ]
    late = {each.name: each.deadline_s for each in plain if each.deadline_s > MINUTE_S - 3}

    assert late == {}
    assert OPERATIONS["get_historical_data"].deadline_s > HISTORY_S
