"""One login: its requests' ids, its accounts, and what it knows of orders and callers."""

import asyncio

import pytest

from bridge.bus.identity.clients import Client
from bridge.bus.identity.rights import Rights
from bridge.tool import ToolError
from ib_worker.client_rights.current import acting_as
from ib_worker.session.session import Session
from ib_worker.settings import WorkerSettings
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Published, same_id, services_without_bus, trading
from tests.waiting import until


@pytest.fixture
def alone() -> Session:
    """A session without a connection."""
    settings = WorkerSettings(trading_mode="paper")
    return Session(settings, "a-worker", Published(), same_id, services_without_bus(settings))


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


OF_ONE = Client("claude", Rights(accounts=frozenset({"DU1"})))


def test_a_client_has_its_own_accounts_alone(alone: Session) -> None:
    alone.accounts = ["DU1", "DU2"]

    with acting_as(OF_ONE):
        assert alone.account(None) == "DU1"
        assert (alone.may_trade("DU1"), alone.may_trade("DU2")) == (True, False)
        for refused in (alone.account, alone.require_tradable):
            with pytest.raises(ToolError, match="forbidden"):
                refused("DU2")
    assert alone.may_trade("DU2")


def test_a_client_without_an_account_of_this_login_is_told_of_its_rights(alone: Session) -> None:
    alone.accounts = ["DU2"]

    with acting_as(OF_ONE), pytest.raises(ToolError, match="forbidden"):
        alone.account(None)


def test_a_session_that_never_connected_shows_no_time_of_the_gateway(alone: Session) -> None:
    status = alone.status()

    assert (status.is_connected, status.gateway_time, status.serverVersion) == (False, None, None)
    assert not status.simulated


def test_without_a_connection_nothing_can_be_asked(alone: Session) -> None:
    with pytest.raises(ToolError):
        alone.tws.require_connection()
    with pytest.raises(ToolError):
        alone.require_ready()


def test_orders_of_one_account_are_checked_one_after_the_other(alone: Session) -> None:
    assert alone.order_lock("DU1") is alone.order_lock("DU1")
    assert alone.order_lock("DU1") is not alone.order_lock("DU2")


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
