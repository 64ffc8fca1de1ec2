"""Requests for the past: all kinds take their turns of the one history pacer, and equal ones share an answer."""

import asyncio
from datetime import UTC

import ib_async
import pytest

from bridge.tool import ToolError
from bridge.tools.types import ContractArguments
from ib_worker.history import requests
from ib_worker.history.requests import BarSeries
from ib_worker.session.session import Session
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import ready_session

BARS, TICKS = 20, 96  # TWS's message ids


async def spy(session: Session) -> ib_async.Contract:
    return await session.contracts.contract(ContractArguments(symbol="SPY"))


async def test_equal_requests_are_one(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        contract, until = await spy(stand.session), requests.deadline()
        days = BarSeries("5 D", "1 day", "TRADES")
        bars = await asyncio.gather(*(requests.bars(stand.session, contract, days, UTC, until) for _ in range(3)))
        end = ("", "20250611-14:00:00")
        ticks = await asyncio.gather(*(requests.ticks(stand.session, contract, "TRADES", *end, True) for _ in range(3)))

    assert bars[0] == bars[1] == bars[2]
    assert len(ticks[0]) >= requests.MOST_TICKS
    assert len(sim.journal.entries("in", BARS)) == len(sim.journal.entries("in", TICKS)) == 1


async def test_quotes_of_the_past_count_twice_and_every_kind_counts(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        contract = await spy(stand.session)
        await requests.head_timestamp(stand.session, contract, "MIDPOINT", useRTH=True)
        await requests.sessions(stand.session, contract, 3)
        await requests.histogram(stand.session, contract, "1 day", useRTH=True)
        await requests.ticks(stand.session, contract, "BID_ASK", "", "20250611-14:00:00", useRTH=True)
        sent = [each.request for each in stand.session.history_pacer._sent]

    assert [each.weight for each in sent] == [1, 1, 1, 2]
    assert {each.contract for each in sent} == {(contract.conId, "SMART")}


async def test_silence_ends_as_a_timeout(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "HISTORY_S", 0.3)
    sim.fault("on reqHistogramData ignore")
    async with ready_session(sim) as stand:
        contract = await spy(stand.session)
        with pytest.raises(TimeoutError):
            await requests.histogram(stand.session, contract, "1 day", useRTH=True)


async def test_a_refusal_is_tws_error(sim: Simulator) -> None:
    sim.fault("on reqHistoricalTicks answer 162 HMDS query returned no data")
    async with ready_session(sim) as stand:
        contract = await spy(stand.session)
        with pytest.raises(Exception, match="no data") as refused:
            await requests.ticks(stand.session, contract, "TRADES", "20250611-14:00:00", "", useRTH=True)

    assert not isinstance(refused.value, ToolError)
