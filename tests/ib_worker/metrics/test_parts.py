"""A standby has the metrics of its lease, and none of a session."""

from bridge.bus.server.server import BusServer
from bridge.metrics.table import read_rows
from ib_worker.metrics.parts import WorkerParts
from ib_worker.metrics.table import ROWS
from tests.stacks.timing import PATIENT


async def test_a_standby_tells_that_it_does_not_lead_and_nothing_of_the_session(redis_url: str, session: str) -> None:
    async with BusServer(redis_url, session, "standby", timing=PATIENT) as bus:
        found = {each.name: dict(each.values) for each in read_rows(ROWS, await WorkerParts(bus).scrape())}

    assert found["ibkr_worker_leader"] == {(): 0.0}
    assert found["ibkr_worker_redis_up"] == {(): 1.0}
    assert "ibkr_worker_session_state" not in found
    assert "ibkr_worker_orders" not in found


async def test_without_redis_a_scrape_has_all_else() -> None:
    async with BusServer("redis://127.0.0.1:1/0", "gone", "standby") as bus:
        found = {each.name: dict(each.values) for each in read_rows(ROWS, await WorkerParts(bus).scrape())}

    assert found["ibkr_worker_redis_up"] == {(): 0.0}
    assert "ibkr_worker_approvals_waiting" not in found
