"""Contracts: asked once, remembered, and told apart where a name means several."""

import asyncio
import time
from datetime import UTC, datetime

import ib_async
import pytest

from bridge.tools.types import ContractArguments
from ib_worker.market_data.contracts import ContractResolver, one_of_symbol
from ib_worker.pacing.message_pacer import Priority
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import order, trading
from tests.waiting import until

SPY = 756733
CUSIP = "91282CHT1"


async def test_a_contract_is_asked_once_and_remembered(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.ask("get_contract_details", symbol="AAPL")
        again = await front.ask("get_contract_details", symbol="AAPL")

        assert first == again
        assert (first[0]["contract"]["conId"], first[0]["longName"]) == (265598, "APPLE INC")
        assert len(sim.journal.entries("in", 9)) == 1


async def test_callers_at_once_share_one_request(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        answers = await asyncio.gather(*(front.ask("get_contract_details", symbol="IBM") for _ in range(10)))

        assert len({str(each) for each in answers}) == 1
        assert len(sim.journal.entries("in", 9)) == 1


@pytest.mark.fault(38)
async def test_an_ambiguous_contract_lists_its_candidates(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await front.refused("get_historical_data", symbol="ES", secType="FUT", exchange="CME")

        assert error.code == "ambiguous_contract"
        candidates = error.details["candidates"]
        assert len(candidates) > 1
        one = await front.ask(
            "get_historical_data", symbol="ES", secType="FUT", conId=candidates[0]["conId"], durationStr="2 D"
        )
        assert one


async def test_a_long_list_of_candidates_is_cut(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await front.refused(
            "open_market_data", symbol="SPY", secType="OPT", lastTradeDateOrContractMonth="202507"
        )

        assert len(error.details["candidates"]) == 20
        assert "of which 20 are listed" in error.message


async def test_a_symbol_that_is_held_twice_must_be_told_apart(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        chain = await front.ask(
            "get_contract_details", symbol="SPY", secType="OPT", right="C", lastTradeDateOrContractMonth="202507"
        )
        option = chain[0]["contract"]
        asked = {"symbol": "SPY", "secType": "OPT", "conId": option["conId"], "action": "BUY", "totalQuantity": 1}
        await front.submit("place_order", **asked)

        async def held() -> bool:
            return option["conId"] in {each["contract"]["conId"] for each in await front.ask("get_positions")}

        await until(held, "the option is held")
        error = await front.refused("get_pnl_single", symbol="SPY")

        assert error.code == "ambiguous_contract"
        assert {each["conId"] for each in error.details["candidates"]} == {756733, option["conId"]}


@pytest.mark.trial("C6", "A7")
async def test_a_bond_is_named_with_its_number_and_found_by_it(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("preview_order", **order(symbol=CUSIP, secType="BOND", totalQuantity=2))
        await front.submit("place_order", **order(symbol=CUSIP, secType="BOND", totalQuantity=2))
        resting = order(symbol=CUSIP, secType="BOND", action="SELL", orderType="LMT", lmtPrice=120)
        await front.submit("place_order", **resting)
        reads = ("get_positions", "get_executions", "get_completed_orders", "get_open_orders")
        found = {each: len(await front.ask(each, symbol=CUSIP)) for each in reads}
        others = {each: len(await front.ask(each, symbol="912828XX0")) for each in reads}

    assert f"BUY 2 US-T BOND (CUSIP {CUSIP}, matures 20330815)" in told["summary"]
    assert found == dict.fromkeys(reads, 1)
    assert others == dict.fromkeys(reads, 0)


async def test_what_a_symbol_alone_means_does_not_depend_on_how_busy_the_session_is() -> None:
    future = ib_async.Contract(
        secType="FUT", conId=1, symbol="ES", exchange="CME", currency="USD", lastTradeDateOrContractMonth="20250620"
    )

    async def listed(wanted: ib_async.Contract, lane: Priority) -> list[ib_async.ContractDetails]:
        return [ib_async.ContractDetails(contract=future)] if wanted.secType == "FUT" else []

    busy = ContractResolver(listed, time.monotonic, idle=lambda: False)
    meant = await one_of_symbol(busy, ContractArguments(symbol="ES"), datetime(2025, 6, 11, tzinfo=UTC))

    assert meant.contract is future
