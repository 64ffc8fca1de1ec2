"""One term of leadership: it serves from its beginning, and gives up what it holds at its end."""

import pytest

from bridge.bus.server.server import BusServer
from ib_worker import leader
from ib_worker.leader import session_status
from ibgateway.simulator.server.server import Simulator
from tests.stacks.timing import PATIENT
from tests.stacks.worker import caller, order, ready_session, trading, worker
from tests.waiting import until


async def test_a_term_that_is_to_stop_leaves_the_gateway_and_says_so(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with caller(redis_url, session) as front:
        async with worker(redis_url, session, sim.port) as stopping:
            await front.writable()
            assert len(sim.gateway.clients) == 1
            stopping.set()

            status = await front.reaches("disconnected")
        await until(lambda: len(sim.gateway.clients) == 0, "the gateway is left")

    assert status["cause"] == "The worker was stopped."


async def test_a_term_writes_what_happens_to_orders_into_the_audit_log_and_counts_rejections(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key="a-key-of-the-caller", **order())

        async def told() -> bool:
            life = await front.ask("get_order", orderKey="a-key-of-the-caller")
            return bool(life["order"]["status"] == "Filled")

        await until(told, "the order is filled")
        assert await front.bus_client.pipe.send("EXISTS", front.bus_client.keys.audit_head) == 1


async def test_order_ids_never_go_back_though_the_gateways_do(redis_url: str, session: str) -> None:
    async with BusServer(redis_url, session, "a-worker", timing=PATIENT) as bus:
        await bus.lead()

        ids = [await bus.order_ids(floor) for floor in (7, 7, 100, 1)]

    assert ids == sorted(set(ids))
    assert (ids[0] >= 7, ids[2] >= 100) == (True, True)


async def test_the_status_has_the_warnings_and_the_next_weekly_login(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        stand.session.redis.data_loss = "Redis has lost its data"

        told = session_status(stand.session, orders_today=3)
        assert (told.limits["max_order_value"], told.limits["max_orders_per_day"]) == (250_000, 500)
        assert "max_daily_loss" not in told.limits  # off
        assert told.left == {"orders_today": 497, "open_orders": 100}

    assert told.is_connected
    assert told.weekly_login_due is not None
    assert any(each.what.startswith("Redis has lost its data") for each in told.concerns)


async def test_the_status_after_a_cancel_counts_the_order_no_more(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written with the answer, and does not wait for the next beat."""
    monkeypatch.setattr(leader, "BEAT_S", 600)

    async with trading(redis_url, session, sim) as front:

        async def left(several: int) -> None:
            async def told() -> bool:
                return bool((await front.status())["left"]["open_orders"] == several)

            await until(told, f"the status says that {several} more orders may be open")

        await front.submit("place_order", **order(orderType="LMT", lmtPrice=100))
        await left(99)
        await front.submit("cancel_all_orders")
        await left(100)
