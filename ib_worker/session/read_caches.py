"""Answers of TWS that are kept for a while, so that the next reader costs TWS no message."""

import time
from collections.abc import Callable, Hashable
from typing import Any

from ib_worker.account.exchange_rates import AccountRates
from ib_worker.answers.kept_answers import KeptAnswers
from ib_worker.pacing.long_lists import LongList
from ib_worker.pacing.reference_data import ReferenceData


class ReadCaches:
    """The kept answers of one session."""

    def __init__(self, version: Callable[[], Hashable]) -> None:
        """Build empty caches. `version` changes when a list of orders or executions may be incomplete."""
        self.account_rates: dict[str, tuple[float, AccountRates]] = {}  # by account, and when they were read
        self.market_rules: dict[int, tuple[float, tuple[tuple[float, float], ...]]] = {}  # until when, and what
        self.daily_pnl: dict[
            str, tuple[float, float | None]
        ] = {}  # by account: when asked for an order, and the figure
        self.answers = KeptAnswers()
        self.executions: LongList[Any] = LongList(time.monotonic, version)
        self.completed_orders: LongList[Any] = LongList(time.monotonic, version)
        self.reference_data = ReferenceData(time.monotonic)
