"""Account updates: one upstream however many listen, told whole first and then as they change."""

import asyncio

import ib_async
import pytest

from bridge.tool import ToolError
from ib_worker.account.updates import stream_of
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.busy import BUSY_S
from tests.stacks.streams import first_ticks
from tests.stacks.worker import ready_session, trading
from tests.waiting import until


async def test_account_updates_are_told_whole_and_then_as_they_change(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        opened, again = await asyncio.gather(front.ask("open_account_updates"), front.ask("open_account_updates"))
        async with front.bus_client.listen(opened["stream"]) as feed:
            await front.submit("place_order", symbol="AAPL", action="BUY", totalQuantity=3)
            ticks = await first_ticks(feed, 1)

        kinds = {each["kind"] for each in opened["updates"]}
        assert (opened["stream"], opened["account"], kinds) == (
            "account-DU1234567",
            "DU1234567",
            {"value", "portfolio"},
        )
        assert len(opened["updates"]) == len(again["updates"])
        assert {tick.kind for tick in ticks} <= {"value", "portfolio"}
        assert len(sim.journal.entries("in", 6)) == 1


async def test_a_second_accounts_updates_wait_for_the_firsts_end() -> None:
    config = SimulatorConfig(accounts=("DU1111111", "DU2222222"))
    async with Simulator(config) as sim, ready_session(sim) as stand:
        updates = stand.session.account_updates
        updates.open("DU1111111")
        await updates.complete.wait()

        with pytest.raises(ToolError, match="in_use"):
            updates.open("DU2222222")

        stand.session.abandoned(stream_of("DU1111111"))
        assert updates.known() == []
        updates.open("DU2222222")
        await updates.complete.wait()
        assert {each.account for each in updates.known()} == {"DU2222222"}
        asked = [entry.fields[2:4] for entry in sim.journal.entries("in", 6)]
        assert asked[-1] == ["1", "DU2222222"]


async def test_account_updates_come_back_after_a_reset(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        updates = stand.session.account_updates
        updates.open("DU1234567")
        await updates.complete.wait()

        sim.fault("reset")
        await stand.reaches("connecting")
        assert updates.known() == []
        await stand.ready()
        async with asyncio.timeout(5 + BUSY_S):
            await updates.complete.wait()

        assert updates.known() != []


@pytest.mark.fault(14)
async def test_after_1101_the_account_is_told_anew_after_a_gap_with_what_was_closed_meanwhile(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        updates = stand.session.account_updates
        updates.open("DU1234567")
        await updates.complete.wait()
        held = ib_async.Contract(conId=5, symbol="X", secType="STK")
        updates.portfolio(ib_async.PortfolioItem(held, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, "DU1234567"))
        updates.flush()
        told = stand.published.ticks
        told.clear()

        sim.fault("link down")
        sim.fault("link lost")
        await until(lambda: len(sim.journal.entries("in", 6)) == 2, "the account is asked for again")
        await until(lambda: len(told) > 1, "it is told again")

        kinds = [kind for _, kind, _ in told]
        assert (kinds[0], kinds.count("gap"), told[0][2]["tag"]) == ("gap", 1, None)
        closed = [body for body in stand.published.of("portfolio") if body["position"] == 0]
        assert [(body["contract"]["conId"], body["marketValue"]) for body in closed] == [(5, None)]
        assert {body["tag"] for body in stand.published.of("value")} == {
            each.tag for each in updates.known() if each.tag
        }


async def test_a_break_before_anything_is_told_is_no_gap(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        updates = stand.session.account_updates
        updates.open("DU1234567")
        updates.connected(stand.session.tws.require_connection())
        await updates.complete.wait()

        assert stand.published.ticks == []


async def test_a_portfolio_line_of_a_closed_position_disappears(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        updates = stand.session.account_updates
        updates.open("DU1234567")
        await updates.complete.wait()
        held = ib_async.Contract(conId=5, symbol="X", secType="STK")

        updates.portfolio(ib_async.PortfolioItem(held, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, "DU1234567"))
        assert 5 in {each.contract.conId for each in updates.known() if each.contract}
        updates.portfolio(ib_async.PortfolioItem(held, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, "DU1234567"))
        updates.portfolio(ib_async.PortfolioItem(held, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, "DU9999999"))

        assert 5 not in {each.contract.conId for each in updates.known() if each.contract}


async def test_an_account_that_is_wanted_again_at_once_is_told_whole(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        updates = stand.session.account_updates
        updates.open("DU1234567")
        await updates.complete.wait()

        stand.session.abandoned(stream_of("DU1234567"))
        updates.open("DU1234567")  # before TWS is told that nobody wants it
        async with asyncio.timeout(5 + BUSY_S):
            await updates.complete.wait()

        assert updates.known() != []


async def test_a_reader_is_never_told_what_a_break_has_just_emptied(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        updates, wire = stand.session.account_updates, stand.session.tws.require_connection()
        reading = asyncio.create_task(updates.read("DU1234567"))
        await asyncio.sleep(0)
        updates.ended("DU1234567")
        updates.connected(wire)  # 1101 in the same packet: what was told is forgotten before the reader goes on

        async with asyncio.timeout(5 + BUSY_S):
            assert await reading != []
