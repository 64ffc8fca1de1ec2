"""Positions, the account's summary and profits, as the tools tell them."""

import asyncio
import time

import pytest

from ib_worker.handlers.account import SETTLES_S
from ib_worker.tws.client import FIGURE_S
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.busy import BUSY_S
from tests.stacks.worker import ready_session, trading
from tests.waiting import until

UNSET = "1.7976931348623157E308"

SPY = 756733


@pytest.mark.fault(35)
async def test_positions_come_from_what_tws_has_told(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        asked = len(sim.journal.entries("in", 61))

        answers = await asyncio.gather(*(front.ask("get_positions") for _ in range(5)))

        assert len({str(each) for each in answers}) == 1
        assert {each["contract"]["symbol"] for each in answers[0]} >= {"SPY", "IBM"}
        assert len(sim.journal.entries("in", 61)) == asked


async def test_positions_are_found_by_each_form_of_a_name_and_named_where_a_fill_is_not_in_them(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", symbol="SPY 2025-06-20 370 C", action="BUY", totalQuantity=1)

        async def held(symbol: str) -> list[str]:
            return [each["contract"]["localSymbol"] for each in await front.ask("get_positions", symbol=symbol)]

        await until(lambda: held("SPY 2025-06-20 370 C"), "the option is held")
        fills = await front.ask("get_executions", symbol="SPY JUN25 370 C")
        vague = await front.refused("get_positions", symbol="SPY 2025-06-20")
        sim.fault("delay position 1 1")
        await front.submit("place_order", symbol="NVDA", action="SELL", totalQuantity=3)
        waited = await front.ask("get_positions_to_close", symbol="NVDA")
        sim.fault("swallow position 1")
        await front.submit("place_order", symbol="IBM", action="BUY", totalQuantity=3)
        lost = await front.ask("get_positions_to_close", conId=8314)
        other = await front.ask("get_positions_to_close", symbol="Microsoft")

        assert await held("SPY 20JUN25 370 P") == []
        assert await held("US4592001014") == ["IBM"]

    assert [each["contract"]["right"] for each in fills] == ["C"]
    assert [(each["position"], waited["unshown"]) for each in waited["positions"]] == [(-3, [])]
    assert [each["position"] for each in lost["positions"]] == [100]
    assert lost["unshown"] == [{"account": "DU1234567", "conId": 8314, "name": "IBM"}]
    assert (other["positions"], "IBM" in other["others"]) == ([], True)
    assert vague.code == "invalid_arguments"
    assert "may be a future, or the options of that expiry" in vague.message


async def test_a_positions_change_is_seen(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        before = {each["contract"]["symbol"]: each["position"] for each in await front.ask("get_positions")}

        await front.submit("place_order", symbol="SPY", action="SELL", totalQuantity=int(before["SPY"]))

        async def sold() -> bool:
            return "SPY" not in {each["contract"]["symbol"] for each in await front.ask("get_positions")}

        await until(sold, "the position is closed")


@pytest.mark.fault(35)
async def test_an_account_summary_is_complete_and_leaves_no_subscription(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        both = await asyncio.gather(front.ask("get_account_summary"), front.ask("get_account_summary"))

        tags = {each["tag"]: each["value"] for each in both[0]}
        assert both[0] == both[1]
        assert tags["AccountType"] == "INDIVIDUAL"
        assert tags["NetLiquidation"] > 0

        async def left() -> bool:
            return len(sim.journal.entries("in", 63)) == 1

        await until(left, "the subscription is cancelled")
        assert len(sim.journal.entries("in", 62)) == 1


@pytest.mark.fault(35)
async def test_profit_and_loss_is_asked_once_for_all_and_left(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("delay pnl 0.5 1")
    async with trading(redis_url, session, sim) as front:
        answers = await asyncio.gather(*(front.ask("get_pnl") for _ in range(3)))
        single = await front.ask("get_pnl_single", symbol="spy")
        by_id = await front.ask("get_pnl_single", conId=SPY, account="DU1234567")
        whole = await front.ask("get_pnl_single")

        assert {each["account"] for each in answers} == {"DU1234567"}
        assert answers[0]["dailyPnL"] is not None
        assert (single["conId"], single["symbol"], single["position"]) == (SPY, "SPY", by_id["position"])
        assert (whole["conId"], whole["value"]) == (None, None)
        assert {each["currency"] for each in (*answers, single, whole)} == {"USD"}
        counts = {each: len(sim.journal.entries("in", each)) for each in (92, 94)}
        assert counts == {92: 2, 94: 2}
        await until(lambda: len(sim.journal.entries("in", 93)) == 2, "both subscriptions are left")
        await until(lambda: len(sim.journal.entries("in", 95)) == 2, "both are left")


@pytest.mark.fault(28)
async def test_profit_and_loss_that_tws_has_not_computed_is_null(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("rewrite pnl 3 1.7976931348623157E308")
    async with trading(redis_url, session, sim) as front:
        pnl = await front.ask("get_pnl")

        assert pnl["unrealizedPnL"] is None
        assert pnl["dailyPnL"] is not None


async def test_a_symbol_that_is_not_held_is_looked_up(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        asked = asyncio.create_task(front.ask("get_pnl_single", symbol="VTI"))
        await until(lambda: sim.journal.entries("in", 94) or asked.done(), "the contract is known")

        outcome = (await asyncio.gather(asked, return_exceptions=True))[0]
        assert isinstance(outcome, dict | Exception)
        assert len(sim.journal.entries("in", 9)) == 1


@pytest.mark.trial("D2")
async def test_one_of_several_accounts_must_be_named(redis_url: str, session: str) -> None:
    config = SimulatorConfig(accounts=("DU1111111", "DU2222222"))
    async with Simulator(config) as sim, trading(redis_url, session, sim) as front:
        missing = await front.refused("get_pnl")
        wrong = await front.refused("get_pnl", account="DU3333333")
        right = await front.ask("get_pnl", account="DU2222222")
        for read in ("get_positions", "get_account_summary"):
            every, one = await front.ask(read, account="All"), await front.ask(read, account="DU1111111")
            assert {each["account"] for each in every} == {"DU1111111", "DU2222222"}  # as TWS's own request names it
            assert len(every) == 2 * len(one)

        assert (missing.code, missing.details["accounts"]) == ("account_required", ["DU1111111", "DU2222222"])
        assert wrong.code == "wrong_account"
        assert right["account"] == "DU2222222"


@pytest.mark.trial("B13")
@pytest.mark.parametrize("operation", ["get_pnl", "get_pnl_single"])
async def test_a_profit_and_loss_that_is_not_computed_yet_is_waited_for(
    redis_url: str, session: str, sim: Simulator, operation: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault(f"rewrite pnl 2 {UNSET} 1")
        told = await front.ask(operation)

    assert told["dailyPnL"] is not None


@pytest.mark.trial("B13")
async def test_a_position_whose_profit_is_not_computed_yet_is_waited_for(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault(f"rewrite pnlSingle 3 {UNSET} 1")
        told = await front.ask("get_pnl_single", symbol="SPY")

    assert told["dailyPnL"] is not None


@pytest.mark.trial("B13")
async def test_figures_that_never_come_are_null_after_two_seconds(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        sim.fault(f"rewrite pnl 2 {UNSET}")
        began = time.monotonic()
        told = await stand.session.tws.ask_pnl(stand.session.account(None), "")

    assert told.dailyPnL is None
    assert told.unrealizedPnL is not None
    assert FIGURE_S <= time.monotonic() - began < FIGURE_S + BUSY_S


async def test_positions_show_a_fill_of_a_moment_ago(redis_url: str, session: str, sim: Simulator) -> None:
    """TWS tells the position a moment after the fill. One that it does not tell soon is told as it is, and holds up no
    later read."""
    async with trading(redis_url, session, sim) as front:
        sim.fault("delay position 0.5 1")
        await front.submit("close_position", account="DU1234567", conId=8314)
        closed = await front.ask("get_positions", symbol="IBM")
        sim.fault("swallow position 1")
        await front.submit("place_order", symbol="NVDA", action="BUY", totalQuantity=3)
        lost = await front.ask("get_positions", symbol="NVDA")
        began = time.monotonic()
        for _ in range(10):
            await front.ask("get_positions", symbol="NVDA")
        later_s = time.monotonic() - began

    assert (closed, lost) == ([], [])
    assert later_s < 10 * SETTLES_S
