"""Market-data lines and account updates: one upstream however many listen, kept over faults, freed when abandoned."""

import asyncio
from dataclasses import replace

import ib_async
import pytest

from bridge.tool import ToolError
from bridge.tools.types import ContractArguments
from ib_worker.handlers.market.market_data import FIRST_QUOTE_S
from ib_worker.pacing.caller import acting_for, max_share
from ib_worker.pacing.message_pacer import Priority
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.busy import BUSY_S
from tests.stacks.streams import first_ticks
from tests.stacks.worker import FAST, Stand, ready_session, trading
from tests.waiting import until

SPY = "quotes-756733"


async def spy(stand: Stand, symbol: str = "SPY") -> ib_async.Contract:
    return await stand.session.contracts.contract(ContractArguments(symbol=symbol))


async def quoted(stand: Stand, count: int = 1) -> None:
    seen = len(stand.published.of("quote"))
    await until(lambda: len(stand.published.of("quote")) >= seen + count, "quotes are published")


@pytest.mark.fault(36)
async def test_many_streams_of_one_contract_use_one_line(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        contract = await spy(stand)

        lines = [await stand.session.quotes.open(contract) for _ in range(20)]
        await asyncio.gather(*(each.settled.wait() for each in lines))

        assert len({id(each) for each in lines}) == 1
        assert (len(stand.session.quotes), len(sim.journal.entries("in", 1))) == (1, 1)


async def test_every_tick_of_the_wire_is_published_as_it_was(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        await stand.session.quotes.open(await spy(stand))
        await quoted(stand, 10)
        stand.session.quotes.disconnected()

        ticks = [tick for quote in stand.published.of("quote") for tick in quote["ticks"]]
        published = [(tick["tickType"], tick["price"], tick["size"]) for tick in ticks]
        sent: list[tuple[int, float | None, float]] = []
        for entry in sim.journal.entries("out"):
            if entry.msgId == 1:
                sent.append((int(entry.fields[3]), float(entry.fields[4]), float(entry.fields[5] or 0)))
            elif entry.msgId == 2:
                sent.append((int(entry.fields[3]), None, float(entry.fields[4])))
        assert published == sent[: len(published)]
        assert len(published) > 10


async def test_an_abandoned_line_is_given_back(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        line = await stand.session.quotes.open(await spy(stand))
        await line.settled.wait()

        stand.session.abandoned(line.stream)
        await until(lambda: sim.journal.entries("in", 2), "the line is cancelled")

        assert sim.journal.entries("in", 2)[0].fields[2] == sim.journal.entries("in", 1)[0].fields[3 - 1]
        await until(lambda: len(stand.session.quotes) == 0, "no line is counted")
        assert stand.published.open == []


async def test_a_line_is_opened_anew_after_it_was_given_back(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        contract = await spy(stand)
        for _ in range(3):
            line = await stand.session.quotes.open(contract)
            await line.settled.wait()
            stand.session.abandoned(line.stream)
        await until(lambda: len(sim.journal.entries("in", 2)) == 3, "three lines were cancelled")

        assert len(sim.journal.entries("in", 1)) == 3


async def test_a_line_that_can_not_be_asked_for_has_a_problem_and_the_others_live(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        strange = await stand.session.quotes.open(ib_async.Contract(conId=5, symbol="A\u00e9", exchange="SMART"))
        good = await stand.session.quotes.open(await spy(stand))
        await asyncio.gather(strange.settled.wait(), good.settled.wait())
        stand.session.quotes.connected(stand.session.tws.require_connection())  # `run` asks for all of them anew
        await quoted(stand)

        assert strange.problem is not None
        assert strange.problem.code == "invalid_arguments"
        assert good.problem is None
        assert len(stand.session.quotes) == 1


@pytest.mark.fault(37)
async def test_more_lines_than_allowed_are_refused(sim: Simulator) -> None:
    async with ready_session(sim, market_data_lines=2) as stand:
        first = await stand.session.quotes.open(await spy(stand, "SPY"))
        await stand.session.quotes.open(await spy(stand, "IBM"))

        with pytest.raises(ToolError, match="line_limit"):
            await stand.session.quotes.open(await spy(stand, "AAPL"))

        stand.session.abandoned(first.stream)
        await until(lambda: len(stand.session.quotes) == 1, "the first line is free")
        await stand.session.quotes.open(await spy(stand, "AAPL"))


async def test_one_client_leaves_lines_to_others_and_all_leave_some_to_orders(sim: Simulator) -> None:
    sim.fault("on reqMktData each ignore")
    async with ready_session(sim, market_data_lines=50) as stand:
        lines = stand.session.quotes
        with acting_for("hungry"):
            for conId in range(max_share(50)):
                await lines.open(ib_async.Contract(conId=conId + 1, symbol="SPY", exchange="SMART"))
            with pytest.raises(ToolError, match="the most for one client"):
                await lines.open(ib_async.Contract(conId=60, symbol="SPY", exchange="SMART"))
        with acting_for("quiet"):
            for conId in range(100, 109):
                await lines.open(ib_async.Contract(conId=conId, symbol="SPY", exchange="SMART"))
            with pytest.raises(ToolError, match="kept for orders"):
                await lines.open(ib_async.Contract(conId=60, symbol="SPY", exchange="SMART"))

            await lines.open(ib_async.Contract(conId=60, symbol="SPY", exchange="SMART"), Priority.ORDERS)
            with pytest.raises(ToolError, match="line_limit"):
                await lines.open(ib_async.Contract(conId=61, symbol="SPY", exchange="SMART"), Priority.ORDERS)


async def test_one_clients_new_lines_do_not_wait_behind_anothers(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        contract, lines = await spy(stand), stand.session.quotes

        with acting_for("hungry"):
            flood = [
                asyncio.create_task(lines.open(ib_async.Contract(conId=conId + 1, symbol="X", exchange="SMART")))
                for conId in range(70)
            ]
        await asyncio.sleep(0)
        with acting_for("quiet"):
            line = await lines.open(contract)

        assert line.reqId is not None
        assert sum(each.done() for each in flood) < 20
        await asyncio.gather(*flood)


async def test_a_line_that_would_wait_too_long_is_refused_and_not_kept(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        contract, session = await spy(stand), stand.session
        with acting_for("hungry"):
            flood = [asyncio.create_task(session.tws.pacer.wait_turn(Priority.READS)) for _ in range(420)]
            await asyncio.sleep(0)
            with pytest.raises(ToolError, match="paced"):
                await session.quotes.open(contract)

        assert (len(session.quotes), stand.published.open) == (0, [])
        for each in flood:
            each.cancel()
        await asyncio.gather(*flood, return_exceptions=True)


@pytest.mark.fault(6)
async def test_lines_come_back_after_a_reset_with_a_gap_between(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        line = await stand.session.quotes.open(await spy(stand))
        await quoted(stand, 2)

        sim.fault("reset")
        await stand.reaches("connecting")
        gaps = stand.published.of("gap")
        await stand.ready()
        await quoted(stand, 2)

        assert len(gaps) == 1
        assert {gaps[0][name] for name in ("bid", "ask", "last", "marketDataType")} == {None}
        assert line.values.priced
        assert len(sim.journal.entries("in", 1)) == 2


@pytest.mark.fault(14)
async def test_after_1101_lines_are_asked_for_anew(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        await stand.session.quotes.open(await spy(stand))
        await quoted(stand, 2)

        sim.fault("link down")
        sim.fault("link lost")
        await until(lambda: len(sim.journal.entries("in", 1)) == 2, "the line is asked for again")
        await stand.ready()
        await quoted(stand, 2)

        kinds = [kind for _, kind, _ in stand.published.ticks]
        assert kinds.count("gap") == 1
        assert {stand.published.of("gap")[0][name] for name in ("bid", "ask", "last")} == {None}


@pytest.mark.fault(13)
async def test_after_1102_lines_are_left_alone(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        await stand.session.quotes.open(await spy(stand))
        await quoted(stand, 2)

        sim.fault("link down")
        sim.fault("link up")
        await stand.ready()
        await quoted(stand, 2)

        assert len(sim.journal.entries("in", 1)) == 1


@pytest.mark.fault(24)
async def test_a_line_that_is_refused_ends_with_a_gap_and_its_reason(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        line = await stand.session.quotes.open(await spy(stand))
        await quoted(stand)

        sim.fault("competing on")
        await until(lambda: line.problem is not None, "the line is refused")

        assert line.problem is not None
        assert line.problem.code == "no_data"
        assert stand.published.ticks[-1][1] == "gap"
        assert len(stand.session.quotes) == 0


async def test_a_competing_session_is_told_until_prices_come(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        lines = stand.session.quotes
        sim.fault("competing on")
        await lines.open(await spy(stand))
        await until(lambda: lines.competing, "the competing session is known")

        sim.fault("competing off")
        await lines.open(await spy(stand))
        await until(lambda: not lines.competing, "prices come")


@pytest.mark.fault(39)
async def test_delayed_data_is_said_to_be_delayed() -> None:
    async with Simulator(SimulatorConfig(faults="entitlement delayed")) as sim, ready_session(sim) as stand:
        line = await stand.session.quotes.open(await spy(stand))
        await line.settled.wait()
        await quoted(stand)

        quote = stand.published.of("quote")[-1]
        assert quote["marketDataType"] == "delayed"
        assert quote["bid"] is not None


async def test_closing_gives_every_line_back(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        for symbol in ("SPY", "IBM", "AAPL"):
            await stand.session.quotes.open(await spy(stand, symbol))
        await until(lambda: len(sim.journal.entries("in", 1)) == 3, "three lines are open")

        await stand.session.quotes.release()

        await until(lambda: len(sim.journal.entries("in", 2)) == 3, "three lines are cancelled")


async def test_a_listener_hears_what_the_line_says(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        opened = await front.ask("open_market_data", symbol="SPY")
        async with front.bus_client.listen(opened["stream"]) as feed:
            ticks = await first_ticks(feed, 5)

        assert opened["stream"] == SPY
        assert opened["quote"]["bid"] is not None
        assert {tick.kind for tick in ticks} == {"quote"}
        assert [tick.seq for tick in ticks] == list(range(ticks[0].seq, ticks[0].seq + len(ticks)))


async def test_a_line_without_a_price_is_waited_for_once(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("on reqMktData each ignore")
    async with trading(redis_url, session, sim) as front:
        await front.ask("open_market_data", symbol="SPY")
        async with asyncio.timeout(FIRST_QUOTE_S / 2):
            opened = await front.ask("open_market_data", symbol="SPY")

    assert opened["quote"] is None


async def test_what_is_told_at_the_opening_says_up_to_which_tick(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        early = await front.ask("open_market_data", symbol="SPY")
        async with front.bus_client.listen(early["stream"]) as feed:
            await first_ticks(feed, 3)
            opened = await front.ask("open_market_data", symbol="SPY")
            feed.resume_from(opened["life"], opened["seq"])
            ticks = await first_ticks(feed, 3)
        account = await front.ask("open_account_updates")

    assert (opened["life"], feed.gaps) == (early["life"], 0)
    assert early["seq"] + 3 <= opened["seq"] < ticks[0].seq
    assert (account["seq"], bool(account["life"])) == (0, True)


async def test_a_line_asked_for_without_a_gateway_is_opened_when_there_is_one(sim: Simulator) -> None:
    timing = replace(FAST, first_pause_s=0.3, longest_cheap_pause_s=0.3)
    async with ready_session(sim, timing) as stand:
        contract = await spy(stand)
        sim.fault("reset")
        await stand.reaches("connecting")

        line = await stand.session.quotes.open(contract)
        await stand.ready()

        async with asyncio.timeout(5 + BUSY_S):
            await line.settled.wait()
