"""Samples each account's net liquidation once a minute, for the equity curve of the day, whoever looks at it."""

import asyncio
import time
from typing import NoReturn

from bridge.bus.history.records import EquitySample
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.outage_log import Outage
from bridge.tool import ToolError
from ib_worker.account.exchange_rates import AccountRow
from ib_worker.account.portfolio import cents, picture
from ib_worker.session.session import Session
from ib_worker.tws.errors import ConnectionLost, TwsError

MOST_ACCOUNTS = 5  # of one login: each costs TWS two messages a minute
SAME_S = 600.0  # a figure that has not changed is written as often, so that a gap means that no worker was there


class EquitySampler:
    """One for each term of leadership."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._past = session.services.past
        self._written: dict[str, tuple[float, float]] = {}  # by account: the figure, and when, by the monotonic clock
        self._not_taken = Outage("equity_sample_not_taken")

    async def run(self) -> NoReturn:
        """For ever: take a sample of each account."""
        while True:
            await asyncio.sleep(self._past.timing.equity_s)
            await self._session.until_ready()
            try:
                await self._take()
            except (BusError, ConnectionLost, TwsError, ToolError, TimeoutError) as error:
                self._not_taken.failed(error)
            except Fenced:
                pass  # another worker leads, and takes them
            else:
                self._not_taken.over()

    async def _take(self) -> None:
        """Write the samples of all accounts that TWS tells of. Raises the first error of another afterwards."""
        fresh, failed = list[EquitySample](), list[Exception]()
        for account in self._session.accounts[:MOST_ACCOUNTS]:
            try:
                sample = await self._sample(account)
            except (TwsError, ToolError, TimeoutError) as error:
                failed.append(error)
            else:
                fresh += [sample] if sample is not None and self._is_news(sample) else []
        if fresh:
            await self._past.add_equity(fresh)
            self._written |= {each.account: (each.netLiquidation, time.monotonic()) for each in fresh}
        if failed:
            raise failed[0]

    async def _sample(self, account: str) -> EquitySample | None:
        """Return the account's figure as TWS tells it now; None where TWS has none."""
        rows = [AccountRow(*each) for each in await self._session.tws.ask_account_values(account)]
        told = picture(account, rows, [])
        net = cents(told.values.get("NetLiquidation"))
        at = self._session.now().replace(microsecond=0).isoformat()
        return None if net is None else EquitySample(account, at, net, told.rates.base or "")

    def _is_news(self, sample: EquitySample) -> bool:
        figure, at = self._written.get(sample.account, (None, 0.0))
        return sample.netLiquidation != figure or time.monotonic() - at >= SAME_S
