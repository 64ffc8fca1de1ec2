"""The figures of pnlSingle for some seconds, so that a portfolio that is read again costs no messages."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

KEPT = timedelta(seconds=5)  # TWS works them out each second; an answer tells their age
MOST = 500  # positions whose figures are kept

Key = tuple[str, str, int]  # account, model and conId
Figures = tuple[float, ...]  # position, daily, unrealized and realized profit, value


@dataclass(frozen=True)
class ProfitFigures:
    """The figures of one position, the time at which TWS told them, and the connection."""

    figures: Figures
    at: datetime
    connection: object


class PositionProfits:
    """The latest figures of each position. `ask` requests them from TWS."""

    def __init__(
        self,
        ask: Callable[[str, str, int], Awaitable[Figures]],
        now: Callable[[], datetime],
        connection: Callable[[], object],
    ) -> None:
        """`connection`: the present one; what another one told is not reused."""
        self._ask = ask
        self._now = now
        self._connection = connection
        self._kept: dict[Key, ProfitFigures] = {}

    async def of(self, account: str, modelCode: str, conId: int, position: float) -> ProfitFigures:
        """Return the figures of a position; those that are kept where they are of this quantity. Raises as `ask`."""
        key = account, modelCode, conId
        kept = self._kept.get(key)
        if kept is not None and kept.figures[0] == position and self._is_recent(kept):
            return kept
        figures = await self._ask(*key)
        self._kept.pop(key, None)
        self._kept[key] = ProfitFigures(figures, self._now(), self._connection())
        while len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return self._kept[key]

    def _is_recent(self, kept: ProfitFigures) -> bool:
        return kept.connection is self._connection() and self._now() - kept.at < KEPT
