"""One login: its requests' ids, its accounts, and what it knows of orders and callers."""

import asyncio
from typing import Any

import pytest

from bridge.tool import ToolError
from bridge.tools.types import ContractArguments
from ib_worker.session.session import Session
from ib_worker.session.wrapper import OPEN_ORDERS
from ib_worker.settings import WorkerSettings
from ib_worker.tws.errors import ConnectionLost
from ibgateway.simulator.server.server import Simulator
from tests.busy import BUSY_S
from tests.stacks.worker import Published, ready_session, same_id, trading
from tests.waiting import until


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


async def test_requests_under_way_at_a_reset_all_end(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        sim.fault("on reqExecutions each ignore")
        asked = [asyncio.create_task(stand.session.ask_executions()) for _ in range(5)]
        await until(lambda: len(stand.session.requests) == 5, "five requests are under way")

        sim.fault("reset")
        async with asyncio.timeout(1 + BUSY_S):
            outcomes = await asyncio.gather(*asked, return_exceptions=True)

        assert {type(each) for each in outcomes} == {ConnectionLost}
        assert len(stand.session.requests) == 0


@pytest.fixture
def alone() -> Session:
    """A session without a connection."""
    return Session(WorkerSettings(trading_mode="paper"), "a-worker", Published(), same_id)


def test_the_only_account_need_not_be_named(alone: Session) -> None:
    alone.accounts = ["DU1"]

    assert (alone.account(None), alone.account("DU1")) == ("DU1", "DU1")


@pytest.mark.parametrize(("named", "code"), [(None, "account_required"), ("DU3", "wrong_account")])
def test_one_of_several_accounts_must_be_named(alone: Session, named: str | None, code: str) -> None:
    alone.accounts = ["DU1", "DU2"]

    with pytest.raises(ToolError) as refused:
        alone.account(named)

    assert (refused.value.code, refused.value.details["accounts"]) == (code, ["DU1", "DU2"])
    assert alone.account("DU2") == "DU2"


def test_what_could_not_be_read_passes_for_nothing_whole(alone: Session) -> None:
    alone.unread = {"5"}

    alone.require_whole("positions", frozenset({"61"}))
    with pytest.raises(ToolError, match="about orders could not be decoded"):
        alone.require_whole("orders", frozenset({"3", "5"}))


def test_without_a_connection_nothing_can_be_asked(alone: Session) -> None:
    with pytest.raises(ToolError):
        alone.require_connection()
    with pytest.raises(ToolError):
        alone.require_ready()


def test_who_has_called_lately_is_known_the_latest_last(alone: Session) -> None:
    for caller in ("claude", "codex", "claude"):
        alone.called(caller)

    assert alone.recent_clients() == ["codex", "claude"]
    assert alone.recent_clients(beside="claude") == ["codex"]


def test_orders_of_one_account_are_checked_one_after_the_other(alone: Session) -> None:
    assert alone.placing("DU1") is alone.placing("DU1")
    assert alone.placing("DU1") is not alone.placing("DU2")


SPY = 756733


async def test_a_request_that_is_never_answered_is_given_up_upstream(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on reqHistoricalData each ignore")
    async with trading(redis_url, session, sim) as front:
        asking = asyncio.create_task(front.ask("get_historical_data", symbol="SPY"))
        await until(lambda: sim.journal.entries("in", 20), "the request is under way")

        sim.fault("reset")

        error = (await asyncio.gather(asking, return_exceptions=True))[0]
        assert getattr(error, "code", None) == "retry"


async def test_a_late_answer_does_not_get_mixed_up(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("delay execDetailsEnd 0.3 1")
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", symbol="AAPL", action="BUY", totalQuantity=1)

        assert len(await front.ask("get_executions")) == 1


@pytest.mark.fault(85)
async def test_an_orders_lookups_do_not_wait_behind_reads(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        symbols = [f"NOSUCH{number}" for number in range(150)]
        reads = [asyncio.create_task(front.refused("get_contract_details", symbol=symbol)) for symbol in symbols]
        await until(lambda: len(sim.journal.entries("in", 9)) > 5, "the reads are on their way")

        await front.submit("place_order", symbol="AAPL", action="BUY", totalQuantity=1)

        waiting = len(symbols) - len(sim.journal.entries("in", 9))
        await asyncio.gather(*reads)
        assert waiting > 50
