"""Which snapshot an account lacks, and how it is taken from TWS."""

from datetime import date, datetime, time

import pytest

from bridge.bus.history.records import AccountSnapshot
from bridge.bus.history.store import SNAPSHOTS, read_records, snapshots_of
from bridge.bus.keys import Keys
from ib_worker.account_history.closes import NEW_YORK
from ib_worker.account_snapshots.snapshots import Wanted, wanted_snapshot
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ten_days import ACCOUNTS, SOON, begun, move_to, reader, recorded, standing
from tests.stacks.worker import trading


@pytest.mark.parametrize(
    ("now", "there", "wanted"),
    [
        ("2025-06-11 10:30", set(), ("2025-06-11", "start")),
        ("2025-06-11 16:06", {"s2025-06-11 DU1"}, ("2025-06-11", "close")),
        ("2025-06-11 16:06", {"d2025-06-10 DU1"}, ("2025-06-11", "close")),
        ("2025-06-11 18:00", {"d2025-06-10 DU1"}, ("2025-06-11", "late")),
        ("2025-06-16 09:00", {"d2025-06-12 DU1"}, ("2025-06-13", "late")),
        ("2025-06-11 10:30", {"d2025-06-10 DU1"}, ("2025-06-11", "start")),
        ("2025-06-11 10:30", {"d2025-06-10 DU1", "s2025-06-11 DU1"}, None),
        ("2025-06-11 10:30", {"d2025-06-10 DU2"}, ("2025-06-11", "start")),
        ("2025-06-11 17:00", {"d2025-06-11 DU1"}, None),
        ("2025-06-12 10:30", {"f2025-06-11 DU1"}, ("2025-06-11", "late")),
    ],
)
def test_a_starting_worker_takes_what_an_account_lacks(
    now: str, there: set[str], wanted: tuple[str, str] | None
) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=NEW_YORK)

    found = wanted_snapshot(there, "DU1", at, starting=True)

    assert (found and (found.day.isoformat(), found.kind)) == wanted


def test_a_running_worker_takes_closes_alone() -> None:
    morning, evening = (datetime(2025, 6, 11, hour, 6, tzinfo=NEW_YORK) for hour in (10, 16))

    assert wanted_snapshot({"s2025-06-11 DU1"}, "DU1", morning, starting=False) is None
    found = wanted_snapshot({"s2025-06-11 DU1"}, "DU1", evening, starting=False)
    assert found == Wanted(date(2025, 6, 11), "close")


async def taken(redis_url: str, session: str) -> list[AccountSnapshot]:
    async with reader(redis_url) as pipe:
        return snapshots_of((await read_records(pipe, Keys(session), SNAPSHOTS))[0])


async def test_each_account_has_its_positions_with_prices(redis_url: str, session: str) -> None:
    async with Simulator(standing()) as sim, trading(redis_url, session, sim, history_timing=SOON):
        async with reader(redis_url) as pipe:
            await begun(pipe, session)
            move_to(sim, time(16, 6))
            await recorded(pipe, session, "2025-06-11")
        books = {each: sim.world.portfolio(each) for each in ACCOUNTS}

    closes = {each.account: each for each in await taken(redis_url, session) if each.kind == "close"}
    for account in ACCOUNTS:
        held = {each.conId: (each.position, each.price, each.value) for each in closes[account].positions}
        assert held == {
            each.contract.conId: (float(each.position), each.marketPrice, each.marketValue) for each in books[account]
        }


async def test_a_stream_of_another_account_costs_the_prices_and_nothing_else(redis_url: str, session: str) -> None:
    first, second = ACCOUNTS
    async with (
        Simulator(standing()) as sim,
        trading(redis_url, session, sim, history_timing=SOON) as front,
        reader(redis_url) as pipe,
    ):
        await begun(pipe, session)
        await front.ask("open_account_updates", account=first)
        move_to(sim, time(16, 6))
        await recorded(pipe, session, "2025-06-11")
        (net,) = [each for each in sim.world.account_values(second) if each.tag == "NetLiquidation"]

    closes = {each.account: each for each in await taken(redis_url, session) if each.kind == "close"}
    assert {each.price is None for each in closes[second].positions} == {True}
    assert {each.price is None for each in closes[first].positions} == {False}
    assert closes[second].netLiquidation == float(net.value)
