"""The console's overview, at the simulator over TCP: asking again costs TWS no message, and it ends by itself."""

from typing import Any

import pytest

from bridge.tools.console.overview import SessionOverview
from ib_worker.account import live_portfolio
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, caller, order, trading
from tests.waiting import until

SINGLE, CANCEL_SINGLE = 94, 95  # TWS's message ids of reqPnLSingle and its cancel


async def overview_of(front: Caller) -> SessionOverview:
    return SessionOverview.model_validate(await front.ask("get_overview"))


def sent(sim: Simulator, message: int) -> int:
    return len(sim.journal.entries("in", message))


async def test_figures_are_live_while_somebody_looks_and_cost_one_subscription_a_position(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_portfolio, "WANTED_S", 1.5)
    monkeypatch.setattr(live_portfolio, "LOOK_S", 0.1)
    async with trading(redis_url, session, sim) as front:
        told: list[SessionOverview] = []

        async def known() -> bool:
            told.append(await overview_of(front))
            (account,) = told[-1].accounts
            figures = [each.dailyPnL for each in told[-1].positions]
            return None not in (*figures, account.netLiquidation, account.dailyPnL)

        await until(known, "every figure is known", 20)
        for _ in range(20):
            await overview_of(front)
        opened = sent(sim, SINGLE)

        async def over() -> bool:
            return sent(sim, CANCEL_SINGLE) == opened

        await until(over, "the subscriptions end when nobody looks", 20)

    last = told[-1]
    assert sorted(each.name for each in last.positions) == ["IBM", "MSFT", "SPY"]
    assert opened == 3
    for each in last.positions:
        assert each.marketPrice is not None
        assert each.marketValue == pytest.approx(each.position * each.marketPrice, abs=0.02)
    assert (last.accounts[0].currency, last.lines_most) == ("USD", 100)


async def test_orders_limits_and_clients_are_told(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front, caller(redis_url, session, "console") as console:
        await front.submit("place_order", key="resting-key", **order(orderType="LMT", lmtPrice=10))
        await front.submit("place_order", key="filled-key-1", **order())
        await console.ask("get_positions")
        told = await overview_of(console)

    orders: dict[Any, Any] = {each.key: each for each in told.orders}
    assert (orders["resting-key"].open, orders["filled-key-1"].open, told.ended) == (True, False, 1)
    assert (orders["filled-key-1"].status, orders["resting-key"].lmtPrice) == ("Filled", 10)
    used = {each.name: (each.used, each.allowed, each.variable) for each in told.limits}
    assert used["max_open_orders"] == (1, 100, "LIMIT_MAX_OPEN_ORDERS")
    assert used["allowed_symbols"] == (None, "off", "LIMIT_ALLOWED_SYMBOLS")
    assert [(each.name, each.operation, each.calls) for each in told.clients] == [("claude", "place_order", 2)]
