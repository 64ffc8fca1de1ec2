"""Samples of net liquidation: taken though nobody looks, of each account, and not again where nothing changed."""

from dataclasses import replace

from bridge.bus.history.store import EQUITY, SNAPSHOTS, equity_of, read_records, snapshots_of
from bridge.bus.keys import Keys
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ten_days import ACCOUNTS, SOON, reader, standing
from tests.stacks.worker import trading
from tests.waiting import until


async def test_each_account_is_sampled_and_an_equal_figure_is_not_written_again(redis_url: str, session: str) -> None:
    timing = replace(SOON, equity_s=0.1)
    async with Simulator(standing()) as sim, trading(redis_url, session, sim, history_timing=timing):
        async with reader(redis_url) as pipe:

            async def sampled() -> bool:
                return len((await read_records(pipe, Keys(session), EQUITY))[0]) == len(ACCOUNTS)

            await until(sampled, "each account has a sample", 20)
            asked = len(sim.journal.entries("in", 76))  # reqAccountUpdatesMulti
            await until(lambda: len(sim.journal.entries("in", 76)) >= asked + 4, "it is asked again", 20)
            rows, _ = await read_records(pipe, Keys(session), EQUITY)
        figures = {
            account: float(each.value)
            for account in ACCOUNTS
            for each in sim.world.account_values(account)
            if each.tag == "NetLiquidation"
        }

    samples = equity_of(rows)
    assert {each.account: each.netLiquidation for each in samples} == figures
    assert len(samples) == len(ACCOUNTS)
    assert {each.base for each in samples} == {"USD"}


async def test_an_account_that_tws_tells_nothing_of_keeps_no_other_from_its_samples_and_snapshots(
    redis_url: str, session: str
) -> None:
    timing = replace(SOON, equity_s=0.1, told_s=0.2)
    accounts = ",".join(("DU0000001", *ACCOUNTS))
    config = replace(standing(), faults=f"rewrite managedAccounts 2 {accounts}")  # TWS answers the first by error 321
    async with (
        Simulator(config) as sim,
        trading(redis_url, session, sim, history_timing=timing),
        reader(redis_url) as pipe,
    ):

        async def recorded() -> bool:
            samples = equity_of((await read_records(pipe, Keys(session), EQUITY))[0])
            snapshots = snapshots_of((await read_records(pipe, Keys(session), SNAPSHOTS))[0])
            return {each.account for each in samples} == {each.account for each in snapshots} == set(ACCOUNTS)

        await until(recorded, "the other accounts have both", 20)
