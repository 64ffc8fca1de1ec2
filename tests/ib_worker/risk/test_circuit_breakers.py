"""What sets the kill switch by itself, and what does not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.controls.audit_log import read_log
from bridge.bus.controls.kill_switch import clear_halt, read_halt, set_halt
from bridge.tool import ToolError
from bridge.tools.types import Contract
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.orders.events import ErrorReported, Event, ModifySent, NotListed, OpenOrderReported, Sent, Status, Terms
from ib_worker.orders.history import LIFE_EVENTS
from ib_worker.orders.state import OrderState, apply
from ib_worker.risk.circuit_breakers import LIVE, CircuitBreakers, CircuitBreakerSettings
from ib_worker.risk.limit_settings import Limits
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import SOON, Caller, loses_all, order, trading
from tests.waiting import until

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
TERMS = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 10.0, "LMT", 100.0, None, "DAY")
KEY = "a-key-of-the-caller"


def an_order(number: int, *events: Event, at: datetime = AT) -> OrderState:
    state = OrderState(number, 1, TERMS, orderRef=f"ref-{number}")
    for event in (Sent(at, TERMS), *events):
        state = apply(state, event)
    return state


def rejected(number: int, at: datetime = AT) -> OrderState:
    return an_order(number, ErrorReported(at, 201, "no margin"), at=at)


def working(number: int, *permIds: int) -> OrderState:
    return an_order(number, *(OpenOrderReported(AT, each, None, TERMS, "Submitted") for each in permIds or (number,)))


def breakers_of(**changes: Any) -> CircuitBreakers:
    return CircuitBreakers(CircuitBreakerSettings(**changes).in_force("live"))


def reasons(breakers: CircuitBreakers) -> list[str]:
    return [f"{each.level}: {each.reason}" for each in breakers.tripped]


def test_orders_rejected_in_a_row_trip_it() -> None:
    breakers = breakers_of(rejects=3)
    for number in (1, 2, 2, 3):  # what TWS says again is one rejection
        assert reasons(breakers) == []
        breakers.observe(rejected(number))

    assert reasons(breakers) == ['halt: IBKR rejected 3 orders in a row; of the last TWS said (201): "no margin"']


def test_an_order_that_ibkr_takes_begins_the_row_anew() -> None:
    breakers = breakers_of(rejects=3)
    for state in (rejected(1), rejected(2), working(3), rejected(4), rejected(5)):
        breakers.observe(state)

    assert reasons(breakers) == []


def test_what_becomes_of_an_older_order_does_not_end_the_row() -> None:
    breakers = breakers_of(rejects=2)
    old = working(9)
    for state in (old, rejected(1, AT + timedelta(seconds=1)), old, rejected(2, AT + timedelta(seconds=2))):
        breakers.observe(state)

    assert len(reasons(breakers)) == 1


def test_rejections_that_an_archive_tells_are_no_news() -> None:
    breakers = breakers_of(rejects=1)
    breakers.observe(apply(OrderState(1, 1, TERMS, orderRef="ref-1"), ErrorReported(AT, 201, "no margin")))

    assert reasons(breakers) == []


def test_two_orders_under_one_reference_trip_it_once() -> None:
    breakers = breakers_of()
    for _ in range(2):
        breakers.observe(working(1, 11, 12))

    assert reasons(breakers) == ["halt: IBKR has two orders under one reference, permId 11 and 12"]


def test_an_order_that_tws_splits_when_it_is_changed_is_one() -> None:
    breakers = breakers_of()
    breakers.observe(an_order(1, OpenOrderReported(AT, 11, None, TERMS, "Submitted"), ModifySent(AT, TERMS),
                                OpenOrderReported(AT, 12, None, TERMS, "Submitted")))  # fmt: skip

    assert reasons(breakers) == []


def test_a_changed_order_of_many_events_is_one_still() -> None:
    breakers = breakers_of()
    many = [Status(AT, 11, "Submitted", 0.0, 10.0, whyHeld=str(each)) for each in range(LIFE_EVENTS)]
    first, *rest = (OpenOrderReported(AT, each, None, TERMS, "Submitted") for each in (11, 12))
    held = [ErrorReported(AT, 399, str(each)) for each in range(LIFE_EVENTS // 2)]
    breakers.observe(an_order(1, first, *held, ModifySent(AT, TERMS), *many, *rest))

    assert reasons(breakers) == []


def test_an_order_that_vanishes_is_unknown_from_then_on() -> None:
    breakers, seen = breakers_of(unknown_s=60.0), AT + timedelta(hours=1)
    gone = an_order(1, OpenOrderReported(AT, 11, None, TERMS, "Submitted"), NotListed(seen))
    breakers.look([gone], seen + timedelta(seconds=60))
    assert reasons(breakers) == []
    breakers.look([gone], seen + timedelta(seconds=61))

    assert len(reasons(breakers)) == 1


def test_an_order_that_stays_unknown_trips_it_once() -> None:
    breakers, late = breakers_of(unknown_s=60.0), AT + timedelta(seconds=61)
    breakers.look([an_order(1), working(2)], AT + timedelta(seconds=60))
    assert reasons(breakers) == []
    for _ in range(2):
        breakers.look([an_order(1), working(2)], late)

    assert reasons(breakers) == ["halt: the outcome of order 1 has been unknown for 60 s"]


def test_an_order_that_ibkr_does_not_have_is_not_unknown() -> None:
    breakers, later = breakers_of(unknown_s=60.0), AT + timedelta(seconds=30)
    breakers.look([an_order(1, NotListed(AT), NotListed(later))], AT + timedelta(days=1))

    assert reasons(breakers) == []


def test_the_days_loss_leaves_closing_orders() -> None:
    breakers = breakers_of()
    breakers.refused(ToolError("limit_exceeded", "too large", limit="max_quantity", allowed=3))
    breakers.refused(ToolError("limit_exceeded", "a loss", limit="max_daily_loss", allowed=500.0))

    assert reasons(breakers) == ["reduce_only: the day's loss has reached its limit of 500"]


@pytest.mark.parametrize("name", list(LIVE))
def test_each_wire_can_be_taken_down_by_name(name: str) -> None:
    breakers = breakers_of(**{name: "off"} | ({"rejects": 1} if name != "rejects" else {}))
    breakers.observe(rejected(1))
    breakers.observe(working(2, 11, 12))
    breakers.look([an_order(3)], AT + timedelta(days=1))
    breakers.refused(ToolError("limit_exceeded", "a loss", limit="max_daily_loss", allowed=500.0))
    breakers.lost_data("Redis has lost its history")

    assert len(breakers.tripped) == len(LIVE) - 1


@pytest.mark.trial("A20")
def test_on_paper_only_what_costs_nobody_a_day_is_on() -> None:
    paper = CircuitBreakerSettings().in_force("paper")

    assert paper == CircuitBreakerSettings(
        rejects="off", unknown_s="off", doubled="on", daily_loss="on", data_loss="on"
    )
    assert CircuitBreakerSettings(rejects=7).in_force("paper").rejects == 7


async def halted(front: Caller) -> str | None:
    found = await read_halt(front.bus_client.pipe, front.bus_client.keys)
    return found.reason if found and found.by == "the worker" else None


async def test_a_tripped_wire_halts_every_replica_until_a_human_releases_it(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on order each answer 201 Order rejected - reason: no margin")
    async with trading(redis_url, session, sim, breakers=CircuitBreakerSettings(rejects=2)) as front:
        codes = [(await front.refused_order(**order(totalQuantity=each))).code for each in (1, 2)]
        await until(lambda: halted(front), "it is halted")
        sim.fault("clear")
        refused = await front.refused_order(**order())
        await clear_halt(front.bus_client.pipe, front.bus_client.keys, "a human")
        placed = await front.submit("place_order", **order(totalQuantity=3))

    assert codes == ["rejected", "rejected"]
    assert refused.code == "halted"
    assert placed["status"] == "Filled"


async def test_the_days_loss_halts_all_but_closing_orders_for_good(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(totalQuantity=100))
        await front.submit("place_order", key=KEY, **order(action="SELL", totalQuantity=1))  # the spread is lost

    async with trading(redis_url, session, sim, limits=Limits(max_daily_loss=0.01)) as front:
        refused = await front.refused_order(**order())
        await until(lambda: halted(front), "only closing orders are taken")
        closing = await front.submit("place_order", **order(action="SELL", totalQuantity=10))

    assert refused.details["limit"] == "max_daily_loss"
    assert closing["status"] == "Filled"


async def test_a_redis_that_lost_its_history_is_traded_on_only_when_a_human_says_so(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    async with trading(
        own_redis.url, session, sim, breakers=CircuitBreakerSettings(data_loss="on"), order_timing=SOON
    ) as front:
        await front.submit("place_order", key=KEY, **order(orderType="LMT", lmtPrice=50))
        assert await halted(front) is None
        await loses_all(own_redis, tmp_path)
        await front.writable(30)

        assert "lost its history" in (await halted(front) or "")
        assert (await front.refused_order(**order())).code == "halted"


@pytest.mark.parametrize("known", [False, True])
async def test_a_worker_that_finds_its_orders_at_ibkr_and_nothing_in_redis_takes_that_for_a_loss(
    redis_url: str, session: str, sim: Simulator, known: bool
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        await front.submit("place_order", key=KEY, **order(orderType="LMT", lmtPrice=50))

    again = session if known else f"{session}-new"
    async with trading(
        redis_url, again, sim, breakers=CircuitBreakerSettings(data_loss="on"), order_timing=SOON
    ) as front:
        assert (await halted(front) is None) is known


async def test_a_gateway_that_has_merely_counted_orders_is_no_loss(
    redis_url: str, session: str, sim: Simulator
) -> None:
    """Their ids went to somebody, an earlier year or by hand: nothing says that Redis knew of them."""
    sim.fault("ids 2")
    async with trading(
        redis_url, session, sim, breakers=CircuitBreakerSettings(data_loss="on"), order_timing=SOON
    ) as front:
        placed = await front.submit("place_order", **order())

        assert await halted(front) is None
        assert placed["status"] == "Filled"


@pytest.mark.parametrize("entry", ["no JSON", '{"event": "halt", "at_ms": 1}', "latest"])
async def test_a_switch_record_that_can_not_be_read_is_passed_over(
    redis_url: str, session: str, sim: Simulator, entry: str
) -> None:
    if entry == "latest":
        entry = '{"event": "halt", "level": "halt", "by": "x", "reason": "y", "at_ms": 9000000000000000000}'
    async with trading(redis_url, session, sim) as front:
        pipe, keys = front.bus_client.pipe, front.bus_client.keys
        await pipe.send("RPUSH", keys.switched, entry)
        await set_halt(pipe, keys, "halt", "a human", "odd fills")

        async def logged() -> bool:
            return any([b"odd fills" in line async for line in read_log(pipe, keys)])

        await until(logged, "the log tells of the switch that was set after it")
        assert (await front.status())["is_connected"]


async def test_a_switch_that_was_written_in_part_is_set_all_the_same(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.bus_client.pipe.send("HSET", front.bus_client.keys.halt, "level", "halt", "since_ms", "now")

        found = await read_halt(front.bus_client.pipe, front.bus_client.keys)
        refused = await front.refused_order(**order())

    assert found is not None
    assert (found.level, found.by, found.since_ms) == ("halt", "", 0)
    assert refused.code == "halted"
