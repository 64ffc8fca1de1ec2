"""The equity curve of an account: one row for each session that a snapshot or a statement tells. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise, product

from bridge.bus.history.records import AccountSnapshot
from bridge.bus.history.store import Flows, seconds
from ib_worker.account_history.dealings import Dealing
from ib_worker.account_history.explained import tolerance, unexplained

# Of two snapshots of one session the first in this list counts.
PREFERRED = ("close", "flex", "late", "start")
NEAR_S = 2.0  # the clock of TWS and the worker's may differ by so much


@dataclass(frozen=True)
class EquityRow:
    """One row. Amounts are in the account's base currency, `returnPercent` is without flows.

    `flow`: deposits less withdrawals by a statement, None where none covers the time since the row before.
    `unexplained`: the rest that prices, executions and flows do not explain, None where it cannot be told.
    """

    snapshot: AccountSnapshot
    returnPercent: float | None = None
    flow: float | None = None
    unexplained: float | None = None
    suspected: bool = False  # the rest is so large that money has come or gone

    @property
    def date(self) -> str:
        return self.snapshot.date


def sessions(snapshots: Sequence[AccountSnapshot], dealt: Sequence[Dealing], flows: Flows) -> list[EquityRow]:
    """Return the curve of one account, oldest first. All arguments are of that account; dealings are by time."""
    chosen = _chosen(snapshots)
    times = [each.at for each in dealt]
    rows = [EquityRow(chosen[0])] if chosen else []
    for before, after in pairwise(chosen):
        cuts = product(*(_cuts(times, seconds(each.time)) for each in (before, after)))
        rows.append(_row(before, after, [dealt[first:last] for first, last in cuts], flows))
    return rows


def _cuts(times: Sequence[float], at: float) -> list[int]:
    """Return where the executions before a snapshot may end, the likeliest first. TWS tells only the second of an
    execution, so whether one of that moment is in the snapshot is seen from its positions."""
    return list(
        dict.fromkeys((bisect_right(times, at), bisect_left(times, at - NEAR_S), bisect_right(times, at + NEAR_S)))
    )


def _chosen(snapshots: Sequence[AccountSnapshot]) -> list[AccountSnapshot]:
    """Return one snapshot for each date. That of a start counts only where no other came before it."""
    best: dict[str, AccountSnapshot] = {}
    for each in snapshots:
        known = best.get(each.date)
        if known is None or PREFERRED.index(each.kind) < PREFERRED.index(known.kind):
            best[each.date] = each
    ordered = [best[day] for day in sorted(best)]
    return [each for number, each in enumerate(ordered) if each.kind != "start" or number == 0]


def _row(
    before: AccountSnapshot, after: AccountSnapshot, between: Sequence[Sequence[Dealing]], flows: Flows
) -> EquityRow:
    """`between`: the executions that may be between both, the likeliest first."""
    flow = _flow(before, after, flows)
    known = "flex" not in (before.kind, after.kind)  # a statement's days have no positions here
    rests = (unexplained(before, after, each) for each in between) if known else iter(())
    rest = next((each for each in rests if each is not None), None)
    if rest is not None and flow is not None:
        rest = round(rest - flow, 2)
    suspected = rest is not None and abs(rest) > tolerance(before.netLiquidation)
    came = (flow or 0.0) + (rest or 0.0 if suspected else 0.0)
    gain = None
    if before.netLiquidation > 0 and before.base == after.base:
        gain = round(((after.netLiquidation - came) / before.netLiquidation - 1) * 100, 4)
    return EquityRow(after, gain, flow, rest, suspected)


def _flow(before: AccountSnapshot, after: AccountSnapshot, flows: Flows) -> float | None:
    """Return the flow of the days after one snapshot's date, up to the other's; None where a day is not covered."""
    day, last = date.fromisoformat(before.date) + timedelta(days=1), date.fromisoformat(after.date)
    while day <= last:
        if not any(each.first <= day.isoformat() <= each.last for each in flows.covered):
            return None
        day += timedelta(days=1)
    total = 0.0
    for each in flows.flows:
        if before.date < each.date <= after.date:
            rate = 1.0 if each.currency == after.base else each.rate
            if rate is None:
                return None
            total += each.amount * rate
    return round(total, 2)
