"""Executions as they changed an account, and when. A correction takes back what it corrects. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from bridge.bus.history.records import TradeCommission, TradeExecution
from bridge.bus.history.store import Trades, seconds
from bridge.text.execution_id import trade_of, version_of

COMBINATION = "BAG"  # its legs have executions of their own


class Dealing(NamedTuple):
    """One change by an execution. `sign` is -1 where a correction takes it back."""

    at: float
    execution: TradeExecution
    paid: TradeCommission | None
    sign: int = 1

    @property
    def quantity(self) -> float:
        """Return the change of the position: below zero for a sale."""
        return self.sign * self.execution.shares * (1 if self.execution.side == "BOT" else -1)

    @property
    def cost(self) -> float:
        return self.sign * self.paid.commission if self.paid else 0.0


def newest_executions(trades: Trades) -> list[tuple[TradeExecution, TradeCommission | None]]:
    """Return each execution in its latest version with its commission, oldest first."""
    latest = (versions[-1] for versions in _versions(trades.executions))
    found = [(each, _paid(trades, each)) for each in latest]
    return sorted(found, key=lambda each: (seconds(each[0].time), each[0].execId))


def dealings(trades: Trades) -> list[Dealing]:
    """Return every change, oldest first. An execution counts from its own time on, a correction from when it came."""
    found: list[Dealing] = []
    for versions in _versions(each for each in trades.executions if each.secType != COMBINATION):
        before = None
        for each in versions:
            at = seconds(each.time) if before is None else seconds(each.heard)
            if before is not None:
                found.append(before._replace(at=at, sign=-1))
            before = Dealing(at, each, _paid(trades, each))
            found.append(before)
    return sorted(found, key=lambda each: each.at)


def _versions(executions: Iterable[TradeExecution]) -> list[list[TradeExecution]]:
    """Return the versions of each execution, the original first."""
    found = defaultdict[str, list[TradeExecution]](list)
    for each in executions:
        found[trade_of(each.execId)].append(each)
    return [sorted(versions, key=lambda each: version_of(each.execId)) for versions in found.values()]


def _paid(trades: Trades, execution: TradeExecution) -> TradeCommission | None:
    """Return the commission of this version, else of the latest version that has one: TWS need not tell it again."""
    if (own := trades.commissions.get(execution.execId)) is not None:
        return own
    head = trade_of(execution.execId)
    same = (
        [execId for execId in trades.commissions if trade_of(execId) == head]
        if version_of(execution.execId) > 1
        else []
    )
    return trades.commissions[max(same, key=version_of)] if same else None
