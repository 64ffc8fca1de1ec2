"""An order's history from the audit log: by the log's index, and without it where Redis accepts no writes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.order_history import EVENTS_OF_AN_ORDER, run
from bridge.bus.controls.audit_log import AuditLog
from bridge.bus.server.server import BusServer
from bridge.order_references import order_ref
from bridge.tools.types import Contract
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.audit.order_history import OrderHistoryReader, Placed
from ib_worker.audit.trail import AuditTrail
from ib_worker.orders.events import Event, OpenOrderReported, Sent, Status, Terms
from ib_worker.orders.state import OrderState, apply
from ibgateway.simulator.server.server import Simulator
from tests.stacks.orders import resting
from tests.stacks.timing import waits_at
from tests.stacks.worker import caller, trading, worker

BEGAN = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
TERMS = Terms(Contract(conId=265598, symbol="AAPL", secType="STK", strike=None), "DU1", "BUY", 10.0, "LMT", 100.0)
KEY = "a-key-of-the-caller"
OURS = order_ref(KEY)
ELSEWHERE: list[Event] = [
    OpenOrderReported(BEGAN, 101, "strategy", TERMS, "Submitted"),
    Status(BEGAN + timedelta(seconds=1), 101, "Submitted", 4, 6),
    Status(BEGAN + timedelta(seconds=2), 102, "Submitted", 5, 5),  # TWS gave it another permId
]
PLACED_HERE: list[Event] = [
    Sent(BEGAN, TERMS),
    OpenOrderReported(BEGAN + timedelta(seconds=1), 201, OURS, TERMS, "Submitted"),
]


class Log:
    """An audit log that orders are written into, and its reader."""

    def __init__(self, bus: BusServer, token: int) -> None:
        self.bus = bus
        self.pen = AuditLog(bus.pipe, bus.keys, token)
        self.trail = AuditTrail(self.pen)
        self.reader = OrderHistoryReader(bus.pipe, bus.keys)

    async def write(self, state: OrderState, key: str | None, *events: Event) -> OrderState:
        for event in events:
            state = apply(state, event)
            self.trail.record(state, key, event)
        await self.trail.flush()
        return state

    async def sources(self, state: OrderState) -> list[str]:
        return [each.source for each in await self.reader.of(state)]


@asynccontextmanager
async def log_at(url: str, session: str) -> AsyncIterator[Log]:
    async with BusServer(url, session, "w1", timing=waits_at(url)) as bus:
        token = await bus.lead()
        yield Log(bus, token)


def elsewhere(*permIds: int) -> OrderState:
    """An order of another program, as a worker knows it that has just started."""
    return OrderState(0, 9, TERMS, permIds=permIds, orderRef="strategy")


def ours() -> OrderState:
    return OrderState(7, 1, TERMS, orderRef=OURS)


@pytest.mark.parametrize("permIds", [(101,), (101, 102)])
async def test_order_placed_elsewhere_has_every_event_of_its_permIds(
    redis_url: str, session: str, permIds: tuple[int, ...]
) -> None:
    async with log_at(redis_url, session) as log:
        await log.write(elsewhere(), None, *ELSEWHERE)
        await log.write(ours(), KEY, *PLACED_HERE)
        found = await log.sources(elsewhere(*permIds))

    assert found == ["openOrder", "orderStatus", "orderStatus"]


async def test_order_of_ours_begins_where_it_was_sent(redis_url: str, session: str) -> None:
    async with log_at(redis_url, session) as log:
        await log.write(elsewhere(), None, *ELSEWHERE)
        known = await log.write(ours(), KEY, *PLACED_HERE)
        found = await log.sources(known)

    assert found == ["sent", "openOrder"]


async def test_events_that_are_not_in_the_log_yet_are_added(redis_url: str, session: str) -> None:
    async with log_at(redis_url, session) as log:
        known = await log.write(ours(), KEY, *PLACED_HERE)
        known = apply(known, Status(BEGAN + timedelta(seconds=5), 201, "Filled", 10, 0))
        found = await log.sources(known)

    assert found == ["sent", "openOrder", "orderStatus"]


async def test_history_is_the_same_while_redis_accepts_no_writes(own_redis: EmbeddedRedis, session: str) -> None:
    async with log_at(own_redis.url, session) as log:
        await log.write(elsewhere(), None, *ELSEWHERE)
        by_index = await log.reader.of(elsewhere(101))
        await log.bus.pipe.send("DEL", log.bus.keys.audit_index)
        await log.bus.pipe.send("CONFIG", "SET", "maxmemory", "1")
        by_search = await log.reader.of(elsewhere(101))

    assert by_search == by_index
    assert len(by_index) == len(ELSEWHERE)


async def test_the_log_names_who_placed_an_order_and_when(redis_url: str, session: str) -> None:
    async with log_at(redis_url, session) as log:
        await log.pen.append("intent", caller="anna", orderRef=OURS, key=KEY)
        await log.write(ours(), KEY, *PLACED_HERE)
        principal = await log.reader.principal_of(OURS)
        nobody = await log.reader.principal_of(order_ref("another-key"))
        placed = await log.reader.placed({OURS, order_ref("another-key")})

    assert (principal, nobody) == ("anna", None)
    assert placed == [Placed(OURS, KEY, BEGAN)]


async def test_an_orders_life_goes_back_to_before_the_worker_started(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=401)
    async with worker(redis_url, session, sim.port), caller(redis_url, session) as front:
        await front.reaches("ready")
        await front.writable()
        await front.submit("cancel_order", orderId=0, orderKey=KEY)
        life = await front.ask("get_order", orderKey=KEY)

    told = [each["source"] for each in life["events"]]
    assert told[0] == "sent"
    assert told.index("sent") < told.index("change sent") < told.index("cancel sent")
    assert life["events"][-1]["what"].startswith(("Cancelled", "202"))
    assert [each["at"] for each in life["events"]] == sorted(each["at"] for each in life["events"])


async def test_benchmark_finds_every_event(capsys: pytest.CaptureFixture[str]) -> None:
    await run(entries=EVENTS_OF_AN_ORDER * 100, calls=3)

    assert "800 entries" in capsys.readouterr().out
