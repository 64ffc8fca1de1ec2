"""Figures of a position that are used again, and those that are not."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ib_worker.account import position_profits
from ib_worker.account.position_profits import PositionProfits

START = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)


@dataclass
class Source:
    now: datetime = START
    connection: object = "first"
    asked: list[int] = field(default_factory=list)

    async def ask(self, account: str, modelCode: str, conId: int) -> tuple[float, ...]:
        self.asked.append(conId)
        return 10.0, float(len(self.asked)), 0.0, 0.0, 100.0


def profits_of(source: Source) -> PositionProfits:
    return PositionProfits(source.ask, lambda: source.now, lambda: source.connection)


async def test_figures_are_used_again_for_some_seconds_with_their_time() -> None:
    source = Source()
    profits = profits_of(source)
    first = await profits.of("DU1", "", 1, 10.0)
    source.now += timedelta(seconds=4)
    again = await profits.of("DU1", "", 1, 10.0)
    await profits.of("DU1", "Growth", 1, 10.0)
    source.now += timedelta(seconds=2)
    later = await profits.of("DU1", "", 1, 10.0)

    assert (again, again.at, later.at) == (first, START, source.now)
    assert source.asked == [1, 1, 1]


async def test_figures_of_another_quantity_or_connection_are_asked_for_anew() -> None:
    source = Source()
    profits = profits_of(source)
    await profits.of("DU1", "", 1, 10.0)
    await profits.of("DU1", "", 1, 12.0)
    source.connection = "second"
    await profits.of("DU1", "", 1, 10.0)

    assert source.asked == [1, 1, 1]


async def test_no_more_than_so_many_are_kept() -> None:
    source = Source()
    profits = profits_of(source)
    for conId in range(position_profits.MOST + 1):
        await profits.of("DU1", "", conId, 10.0)
    await profits.of("DU1", "", 1, 10.0)
    await profits.of("DU1", "", 0, 10.0)

    assert source.asked[position_profits.MOST :] == [position_profits.MOST, 0]
