"""The requests of the one connection: their ids, their ends, and lists without an id."""

import asyncio
from typing import Any

import pytest

from bridge.tools.types import ContractArguments
from ib_worker.tws.errors import ConnectionLost
from ib_worker.tws.requests import OPEN_ORDERS
from ibgateway.simulator.server.server import Simulator
from tests.busy import BUSY_S
from tests.stacks.worker import ready_session
from tests.waiting import until


async def test_a_request_takes_no_id_that_an_order_or_a_question_has(sim: Simulator) -> None:
    async def far(floor: int) -> int:
        return floor + 3

    async with ready_session(sim) as stand:
        session = stand.session
        session.tws.order_ids = far
        orderId = await session.tws.fresh_order_id()
        assert session.tws.require_connection().getReqId() == orderId + 1

        with session.tws.requests.expect(orderId + 2), session.tws.requests.expect(orderId + 3):
            found = await session.tws.ask_executions()
            contract = await session.contracts.contract(ContractArguments(symbol="IBM"))

        assert (found, contract.symbol) == ([], "IBM")
        assert sim.journal.entries("in", 7)[-1].fields[2] == str(orderId + 4)


async def test_the_late_end_of_a_list_that_was_given_up_does_not_end_the_next_one_early() -> None:
    async with Simulator() as sim, ready_session(sim) as stand:
        session = stand.session

        async def listed(silence_s: float) -> list[Any]:
            found: list[Any] = await session.tws.request_list(
                OPEN_ORDERS, lambda wire: wire.reqAllOpenOrders(), silence_s=silence_s
            )
            return found

        before = len(sim.journal.entries("in", 16))
        sim.fault("delay openOrderEnd 1 1")
        with pytest.raises(TimeoutError):
            await listed(0.2)
        again = asyncio.create_task(listed(5))
        await asyncio.sleep(0.3)
        assert len(sim.journal.entries("in", 16)) == before + 1  # the next waits for the end of the first

        assert await again == []
        assert len(sim.journal.entries("in", 16)) == before + 2


async def test_requests_under_way_at_a_reset_all_end(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        sim.fault("on reqExecutions each ignore")
        asked = [asyncio.create_task(stand.session.tws.ask_executions()) for _ in range(5)]
        await until(lambda: len(stand.session.tws.requests) == 5, "five requests are under way")

        sim.fault("reset")
        async with asyncio.timeout(1 + BUSY_S):
            outcomes = await asyncio.gather(*asked, return_exceptions=True)

        assert {type(each) for each in outcomes} == {ConnectionLost}
        assert len(stand.session.tws.requests) == 0
