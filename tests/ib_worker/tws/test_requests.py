"""Answers that come in parts: a long one may take its time, one that has stopped may not."""

import asyncio
from typing import Any

import pytest

from bridge.tools.types import ContractArguments
from ib_worker.session.wrapper import OPEN_ORDERS
from ib_worker.tws.errors import ConnectionLost
from ib_worker.tws.requests import PendingRequests
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import ready_session

SILENCE_S = 0.2


async def test_an_answer_that_keeps_coming_is_not_late() -> None:
    requests = PendingRequests()
    loop = asyncio.get_running_loop()

    with requests.expect("orders") as pending:
        for number in range(6):
            loop.call_later(number * SILENCE_S / 2, requests.add, "orders", number)
        loop.call_later(3 * SILENCE_S, requests.finish, "orders")

        assert await pending.whole(SILENCE_S) == list(range(6))


async def test_an_answer_that_has_stopped_is_given_up() -> None:
    requests = PendingRequests()

    with requests.expect("orders") as pending:
        requests.add("orders", 1)
        with pytest.raises(TimeoutError):
            await pending.whole(SILENCE_S)


async def test_of_each_part_no_more_is_kept_than_is_wanted() -> None:
    requests = PendingRequests()

    with requests.expect("orders", keep=lambda part: part % 2) as pending:
        for number in range(4):
            requests.add("orders", number)
        requests.finish("orders")

        assert await pending.whole(SILENCE_S) == [0, 1, 0, 1]


async def test_a_request_takes_no_id_that_an_order_or_a_question_has(sim: Simulator) -> None:
    async def far(floor: int) -> int:
        return floor + 3

    async with ready_session(sim) as stand:
        session = stand.session
        session.order_ids = far
        orderId = await session.fresh_order_id()
        assert session.require_connection().getReqId() == orderId + 1

        with session.requests.expect(orderId + 2), session.requests.expect(orderId + 3):
            found = await session.ask_executions()
            contract = await session.contracts.contract(ContractArguments(symbol="IBM"))

        assert (found, contract.symbol) == ([], "IBM")
        assert sim.journal.entries("in", 7)[-1].fields[2] == str(orderId + 4)


async def test_the_late_end_of_a_list_that_was_given_up_does_not_end_the_next_one_early() -> None:
    async with Simulator() as sim, ready_session(sim) as stand:
        session = stand.session

        async def listed(silence_s: float) -> list[Any]:
            found: list[Any] = await session.ask_kind(
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


async def test_a_list_that_never_ends_holds_up_the_next_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ib_worker.tws.requests.LATE_S", 0.1)
    requests = PendingRequests()
    requests.given_up("orders")

    await requests.none_late("orders")
    await requests.none_late("orders")
    requests.given_up("orders")
    requests.fail_all(ConnectionLost("it broke"))
    async with asyncio.timeout(0.05):
        await requests.none_late("orders")
