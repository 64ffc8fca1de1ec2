"""Live figures by position: those of a connection that is gone are forgotten, and a refused one is not asked again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import ib_async
import pytest

from bridge.tools.account import PnL
from ib_worker.account import live_portfolio
from ib_worker.account.live_portfolio import LivePortfolio
from ib_worker.account.positions import Positions
from tests.waiting import until

ACCOUNT = "DU1"
AAPL = ib_async.Contract(conId=265598, symbol="AAPL", secType="STK", currency="USD")
AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)


class Gateway:
    """A gateway that notes what it is asked."""

    def __init__(self) -> None:
        self.wire: object | None = object()
        self.losses = 0
        self.opened: list[int] = []
        self.ended: list[int] = []

    async def subscribe(self, send: Callable[[Any, int], None]) -> int:
        self.opened.append(len(self.opened) + 1)
        return self.opened[-1]

    def unsubscribe(self, reqId: int, cancel: Callable[[Any, int], None]) -> None:
        self.ended.append(reqId)

    async def ask_pnl(self, account: str, modelCode: str) -> PnL:
        return PnL(account=account, modelCode="", dailyPnL=12.5, unrealizedPnL=1.0, realizedPnL=None)

    async def ask_account_values(self, account: str) -> list[tuple[str, str, str, str]]:
        return [(account, "NetLiquidation", "1000", "USD"), (account, "ExchangeRate", "1", "USD")]


@asynccontextmanager
async def followed(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LivePortfolio]:
    """The live figures of one position, looked at once."""
    monkeypatch.setattr(live_portfolio, "LOOK_S", 0.02)
    positions = Positions()
    positions.take(ACCOUNT, AAPL, 10.0, 100.0)
    live = LivePortfolio(gateway, positions, lambda: AT, lambda: (gateway.wire, gateway.losses))
    task = asyncio.create_task(live.run())
    live.look([ACCOUNT])
    try:
        yield live
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_figures_are_those_that_tws_told_last(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway()
    async with followed(gateway, monkeypatch) as live:
        await until(lambda: live.look([ACCOUNT])[0].read is not None, "the account is known")
        live.told(1, (10.0, 5.0, 20.0, 0.0, 1020.0))
        (account,) = live.look([ACCOUNT])
        stranger = live.told(99, (1.0, 1.0, 1.0, 1.0, 1.0))

    (held,) = account.holdings
    assert (held.dailyPnL, held.unrealizedPNL, held.marketValue, held.marketPrice) == (5.0, 20.0, 1020.0, 102.0)
    assert account.profit is not None
    assert (account.profit.dailyPnL, account.picture.values["NetLiquidation"]) == (12.5, 1000.0)
    assert not stranger


async def test_after_a_lost_link_each_position_is_asked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway()
    async with followed(gateway, monkeypatch) as live:
        await until(lambda: gateway.opened == [1], "the position is asked for")
        live.told(1, (10.0, 5.0, 20.0, 0.0, 1020.0))
        gateway.losses = 1  # the same connection: TWS may still send the first
        await until(lambda: gateway.opened == [1, 2], "it is asked for anew")
        (account,) = live.look([ACCOUNT])
        gateway.wire = object()
        await until(lambda: gateway.opened == [1, 2, 3], "and on the next connection")

    assert gateway.ended == [1]
    assert account.holdings[0].marketValue is None


async def test_figures_of_an_earlier_look_are_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway()
    monkeypatch.setattr(live_portfolio, "WANTED_S", 0.1)
    async with followed(gateway, monkeypatch) as live:
        await until(lambda: gateway.ended == [1], "nobody looks any more")
        (account,) = live.look([ACCOUNT])

    assert (account.read, account.profit, account.holdings[0].marketValue) == (None, None, None)


async def test_a_position_that_tws_refuses_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway()
    async with followed(gateway, monkeypatch) as live:
        await until(lambda: gateway.opened == [1], "the position is asked for")
        refused, again = live.refused(1), live.refused(1)
        await until(lambda: live.look([ACCOUNT])[0].read is not None, "a step has passed")

    assert (refused, again, gateway.opened) == (True, False, [1])
