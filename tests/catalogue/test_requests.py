"""Requests to the gateway that go wrong: what is told is whole, typed and in time, and nothing is left behind."""

import asyncio
import math
from typing import Any

import pytest

from bridge.tool import ToolError
from ib_worker.orders.timing import OrderTiming
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.timing import patient
from tests.stacks.worker import Caller, caller, order, ready_session, trading
from tests.waiting import until

UNSET = "1.7976931348623157E308"


def upstream(sim: Simulator) -> int:
    """Market-data lines that the gateway counts."""
    return len(sim.gateway.feeds)


def no_number_is_nonsense(value: Any) -> bool:
    """Neither NaN nor infinite nor TWS's unset value, at any depth."""
    if isinstance(value, dict):
        return all(no_number_is_nonsense(each) for each in value.values())
    if isinstance(value, list):
        return all(no_number_is_nonsense(each) for each in value)
    return not isinstance(value, float) or (math.isfinite(value) and abs(value) < 1e300)


@pytest.mark.fault(28)
@pytest.mark.parametrize("nonsense", ["NaN", "Infinity", UNSET, "-1"])
async def test_a_price_that_is_none_is_null(redis_url: str, session: str, nonsense: str) -> None:
    faults = f"rewrite tickPrice 4 {nonsense}\nrewrite tickPrice 5 {nonsense}\nrewrite tickSize 4 {nonsense}"
    async with Simulator(SimulatorConfig(faults=faults)) as sim, trading(redis_url, session, sim) as front:
        opened = await front.ask("open_market_data", symbol="SPY")
        async with front.bus_client.listen(opened["stream"]) as feed, asyncio.timeout(10):
            body = bytes((await anext(aiter(feed)))[0].body)

        quote = opened["quote"]
        assert {quote[name] for name in ("bid", "ask", "last", "high", "low", "open", "close")} == {None}
        assert b"NaN" not in body
        assert b"Infinity" not in body
        assert b"1.79" not in body


@pytest.mark.fault(28)
@pytest.mark.parametrize("nonsense", ["NaN", "Infinity", UNSET])
async def test_figures_of_the_account_and_of_a_preview_that_are_none_are_null(
    redis_url: str, session: str, nonsense: str
) -> None:
    faults = "\n".join(
        f"rewrite {message} {field} {nonsense}"
        for message, field in (("pnl", 2), ("pnl", 3), ("pnlSingle", 3), ("pnlSingle", 6), ("accountSummary", 5))
    )
    async with Simulator(SimulatorConfig(faults=faults)) as sim, trading(redis_url, session, sim) as front:
        pnl = await front.ask("get_pnl")
        single = await front.ask("get_pnl_single", symbol="SPY")
        summary = await front.ask("get_account_summary")

        assert (pnl["dailyPnL"], pnl["unrealizedPnL"], single["dailyPnL"]) == (None, None, None)
        assert no_number_is_nonsense([pnl, single, summary])


@pytest.mark.long
@pytest.mark.fault(32)
async def test_a_gateway_that_watches_the_pace_never_has_to_complain(redis_url: str, session: str) -> None:
    """Three times what a second allows, beside history and orders, against a gateway that punishes the 51st message."""
    async with Simulator(SimulatorConfig(faults="pacing on")) as sim, trading(redis_url, session, sim) as front:
        symbols = [f"SYM{number}" for number in range(150)]
        reads = [asyncio.create_task(front.refused("get_contract_details", symbol=each)) for each in symbols]
        bars = [
            asyncio.create_task(front.ask("get_historical_data", symbol="SPY", durationStr=f"{days} D"))
            for days in range(1, 9)
        ]
        placed = [await front.submit("place_order", **order(totalQuantity=each)) for each in range(1, 6)]
        answers = await asyncio.gather(*reads, *bars)

        assert {each["status"] for each in placed} == {"Filled"}
        assert {each.code for each in answers[:150]} == {"not_found"}
        assert all(answers[150:])
        told = {entry.fields[3] for entry in sim.journal.entries("out", 4)}
        assert not told & {"100", "162"}


@pytest.mark.fault(33)
async def test_an_answer_without_its_end_is_no_answer(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, order_timing=OrderTiming(shared_request_s=0.5)) as front:
        sim.fault("swallow contractDetailsEnd")
        with pytest.raises(ToolError, match="timeout"):
            await front.ask("get_contract_details", symbol="IBM")

        sim.fault("through")
        assert (await front.ask("get_contract_details", symbol="IBM"))[0]["contract"]["symbol"] == "IBM"


@pytest.mark.fault(34)
async def test_an_answer_after_its_deadline_pollutes_no_other(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.ask("get_contract_details", symbol="IBM")
        await front.ask("get_contract_details", symbol="SPY")
        sim.fault("delay historicalData 1 1")
        with pytest.raises(ToolError, match="timeout"):
            await front.ask("get_historical_data", deadline_s=0.3, symbol="IBM", durationStr="5 D")
        sent = len(sim.journal.entries("out", 17))

        right = await front.ask("get_historical_data", symbol="SPY", durationStr="3 D")
        await until(lambda: len(sim.journal.entries("out", 17)) >= sent + 2, "the late answer has come too")
        again = await front.ask("get_historical_data", symbol="IBM", durationStr="5 D")

        assert (len(right), len(again)) == (3, 5)
        assert right[0]["close"] > 1.5 * again[0]["close"]  # SPY and IBM can't be taken for one another
        assert (await front.status())["is_connected"]


@pytest.mark.fault(35)
async def test_two_clients_lists_of_orders_and_executions_are_asked_once(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front, caller(redis_url, session, "cursor") as other:
        asked = {msgId: len(sim.journal.entries("in", msgId)) for msgId in (16, 99, 7)}
        sim.fault("slow 0.3")  # so that all come while the first is under way
        tools = ("get_open_orders", "get_completed_orders", "get_executions")
        answers = await asyncio.gather(*(each.ask(tool) for tool in tools for each in (front, other)))

        assert answers[::2] == answers[1::2]
        assert {msgId: len(sim.journal.entries("in", msgId)) - was for msgId, was in asked.items()} == {
            16: 1, 99: 1, 7: 1,
        }  # fmt: skip


@pytest.mark.fault(36)
async def test_the_last_of_twenty_listeners_frees_the_line(redis_url: str, session: str, sim: Simulator) -> None:
    impatient = patient(linger_s=1.5, listener_check_s=0.1)
    async with trading(redis_url, session, sim, bus_timing=impatient) as front:
        leave, left = asyncio.Event(), asyncio.Event()
        leavers = [asyncio.create_task(listen(front, leave)) for _ in range(19)]
        stayer = asyncio.create_task(listen(front, left))
        await until(lambda: len(sim.journal.entries("in", 1)) == 1, "the line is open")

        leave.set()
        heard = await asyncio.gather(*leavers)
        assert (upstream(sim), sim.journal.entries("in", 2)) == (1, [])
        left.set()
        heard.append(await stayer)
        await until(lambda: upstream(sim) == 0, "the line is given back")

        assert all(heard)
        assert len(sim.journal.entries("in", 1)) == len(sim.journal.entries("in", 2)) == 1


async def listen(front: Caller, until_: asyncio.Event) -> int:
    """Ticks heard until the event."""
    heard = 0
    opened = await front.ask("open_market_data", symbol="SPY")
    async with front.bus_client.listen(opened["stream"]) as feed:
        async for batch in feed:
            heard += len(batch)
            if until_.is_set():
                return heard
    raise AssertionError("the feed ended by itself")


@pytest.mark.fault(37)
async def test_a_line_that_the_gateway_has_none_left_for_is_refused_and_blocks_nothing(
    redis_url: str, session: str, sim: Simulator
) -> None:
    """The account may have fewer lines than MARKET_DATA_LINES says."""
    sim.fault("limit lines 1")
    async with trading(redis_url, session, sim) as front:
        assert (await front.ask("open_market_data", symbol="SPY"))["quote"]
        refused = await front.refused("open_market_data", symbol="IBM")
        assert (refused.code, refused.details["twsCode"]) == ("line_limit", 101)
        assert (await front.ask("open_market_data", symbol="SPY"))["quote"]

        sim.fault("limit lines 2")
        assert (await front.ask("open_market_data", symbol="IBM"))["quote"]


@pytest.mark.fault(39)
async def test_data_that_is_delayed_for_this_account_says_so_in_every_quote(redis_url: str, session: str) -> None:
    config = SimulatorConfig(faults="entitlement delayed")
    async with Simulator(config) as sim, trading(redis_url, session, sim) as front:
        assert (await front.ask("open_market_data", symbol="SPY"))["quote"]["marketDataType"] == "delayed"


@pytest.mark.fault(24)
async def test_quotes_that_a_competing_session_has_taken_are_refused_and_come_back(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("competing on")
        refused = await front.refused("open_market_data", symbol="SPY")
        assert "Another session of the same IBKR login" in refused.message
        assert (await front.status())["market_data_lines"] == 0

        sim.fault("competing off")
        assert (await front.ask("open_market_data", symbol="SPY"))["quote"]


@pytest.mark.fault(31)
async def test_an_order_at_a_read_only_gateway_ends_at_once(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("read-only on")
        refused = await front.refused_order(**order())

        assert (refused.code, refused.details["twsCode"]) == ("read_only", 321)
        assert "Read-Only API setting" in refused.message
        assert await front.ask("get_positions")
        assert len(sim.journal.orders()) == 1


@pytest.mark.fault(29)
@pytest.mark.parametrize("size", [1, 1000])
async def test_however_a_message_is_cut_it_says_the_same(size: int) -> None:
    async with Simulator() as whole, ready_session(whole) as stand:
        expected = stand.session.positions.all()
    async with Simulator(SimulatorConfig(faults=f"fragment {size}")) as sim, ready_session(sim) as stand:
        assert stand.session.positions.all() == expected
