"""What the audit log rebuilds is what the ledger knows, whatever came in whatever order."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.audit_chain import AuditEntry, encode
from bridge.bus.controls.audit_log import NewEntry, new_entry, read_log
from bridge.bus.events.event import EventDraft
from bridge.order_references import is_ours, order_ref
from bridge.tools.types import Contract
from ib_worker.audit.replay import replay_orders
from ib_worker.audit.trail import AuditTrail
from ib_worker.orders.events import (
    CancelSent,
    Commission,
    Completed,
    ErrorReported,
    Event,
    Fill,
    ListedOpen,
    ModifySent,
    NotListed,
    OpenOrderReported,
    Sent,
    Status,
    Terms,
)
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import OrderTracker
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, caller, order, trading, worker
from tests.waiting import until

START = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
AAPL = Contract(conId=265598, symbol="AAPL", secType="STK", primaryExchange="NASDAQ", strike=None)


class Paper:
    """A pen that writes lines without a Redis."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    async def append(self, event: str, drafts: Sequence[EventDraft] = (), **fields: Any) -> int:
        return await self.append_all([new_entry(event, drafts, **fields)])

    async def append_all(self, entries: Sequence[NewEntry]) -> int:
        self.lines += [encode(AuditEntry(0, "", "", each.event, **each.fields)) for each in entries]
        return len(self.lines)

    async def go_on(self) -> None:
        """Nothing is ever lost."""


def terms(number: int, price: float = 100.0) -> Terms:
    return Terms(AAPL, "DU1", "BUY", 10.0, "LMT", price, None, "DAY" if number else None)


def ref_of(number: int) -> str:
    """Even ones are our own; those of others share a reference."""
    return order_ref(f"key-000{number}") if number % 2 == 0 else "strategy"


def event(number: int, kind: str, amount: float, at: datetime) -> Event:
    """One message about the order of this number."""
    perm, ref = 100 + number, ref_of(number)
    made: dict[str, Event] = {
        "unnamed": OpenOrderReported(at, None, ref, terms(number), "PendingSubmit"),
        "opened": OpenOrderReported(at, perm, ref, terms(number), "Submitted"),
        "renamed": OpenOrderReported(at, perm + 50, ref, terms(number), "Submitted"),
        "status": Status(at, perm, "Submitted", amount, 10 - amount, 99.5, 99.0, None),
        "cancelled": Status(at, perm, "Cancelled", amount, 10 - amount),
        "fill": Fill(at, f"{number}.{amount:g}.01", 2.0, 99.0, amount + 2, 99.5, perm, ref),
        "corrected": Fill(at, f"{number}.{amount:g}.02", 2.0, 98.0, amount + 2, 98.5, perm, ref),
        "paid": Commission(at, f"{number}.{amount:g}.01", 1.0, "USD", None),
        "said": ErrorReported(at, 399, "held until the open"),
        "rejected": ErrorReported(at, 201, "rejected"),
        "change": ModifySent(at, terms(number, 101.0)),
        "cancel": CancelSent(at),
        "completed": Completed(at, perm, ref, terms(number), "Cancelled", amount, "by trader"),
        "vanished": NotListed(at, at),
        "unlisted": ErrorReported(at, 10999, "of next year"),
        "listed": ListedOpen(at, at, "Submitted", amount, 10 - amount),
    }
    return made[kind]


KINDS = sorted(
    ["unnamed", "opened", "renamed", "status", "cancelled", "fill", "corrected", "paid", "said", "rejected", "change",
     "cancel", "completed", "vanished", "unlisted", "listed"]
)  # fmt: skip
STEPS = st.tuples(st.integers(0, 3), st.sampled_from(KINDS), st.sampled_from([0.0, 2.0, 4.0, 8.0]))
STORIES = st.lists(STEPS, max_size=30)


@given(STORIES)
def test_the_log_rebuilds_the_ledger(story: list[tuple[int, str, float]]) -> None:
    paper = Paper()
    audit = AuditTrail(paper)
    ledger = OrderTracker(1, [audit.record])
    for number, (which, kind, amount) in enumerate(story):
        at = START + timedelta(seconds=20 * number)
        ref = ref_of(which)
        known = ledger.by_perm(100 + which) or ledger.by_ref(ref) or ledger.by_id(which + 1, 2)
        if known is None and is_ours(ref):
            known = ledger.add(which + 1, terms(which), ref, f"key-000{which}")
            ledger.take(known, Sent(at, terms(which)))
        elif known is None:
            known = ledger.entry(which + 1, 2, 100 + which, ref, terms(which))
            assert known is not None
            ledger.take(known, event(which, "unnamed", 0.0, at))
        ledger.take(known, event(which, kind, amount, at))
    asyncio.run(audit.flush())

    assert sorted(replay_orders(paper.lines), key=name) == sorted((each.state for each in ledger.all()), key=name)


def name(state: OrderState) -> tuple[int, int]:
    return state.clientId, state.orderId


async def lines_of(front: Caller) -> list[bytes]:
    return [line async for line in read_log(front.bus_client.pipe, front.bus_client.keys)]


@pytest.mark.fault(107)
async def test_the_log_rebuilds_what_tws_knows_over_a_restart_of_the_worker(
    redis_url: str, session: str, sim: Simulator
) -> None:
    resting = order(totalQuantity=3, orderType="LMT", lmtPrice=400)
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order())
        placed = [await front.submit("place_order", **resting | {"lmtPrice": 400 - number}) for number in range(4)]
        await front.submit("modify_order", orderId=placed[0]["orderId"], lmtPrice=401)
        await front.submit("cancel_order", orderId=placed[1]["orderId"])
        await front.refused_order(**order(totalQuantity=3, orderType="LMT", lmtPrice=0.0001))
    async with worker(redis_url, session, sim.port), caller(redis_url, session) as front:
        await front.reaches("ready")
        await front.writable()
        await front.submit("cancel_order", orderId=0, permId=placed[2]["permId"])
        await front.submit("place_order", **order(totalQuantity=2))
        told = await front.ask("get_open_orders") + await front.ask("get_completed_orders")
        seen = {each["orderRef"]: shown(each) for each in told}

        async def written() -> bool:
            rebuilt = {each.orderRef: each for each in replay_orders(await lines_of(front))}
            return {ref: (each.status, each.filled, each.permId, each.terms.lmtPrice) for ref, each in rebuilt.items()
                    if ref in seen} == seen  # fmt: skip

        await until(written, "the log rebuilds every order as TWS tells it")
        events = [msgspec.json.decode(line, type=AuditEntry).event for line in await lines_of(front)]

    assert len(seen) >= 6
    assert "refused" in events


def shown(report: dict[str, Any]) -> tuple[Any, ...]:
    return report["status"], report["filled"], report["permId"], report.get("lmtPrice")


@pytest.mark.trial("A16")
def test_a_log_of_an_earlier_release_rebuilds_the_same_orders() -> None:
    """Its looks do not tell when they began, and none of its lists contradicts an end."""
    at = START.isoformat()
    details = [
        ("Sent", {"at": at, "terms": msgspec.to_builtins(terms(0), enc_hook=lambda each: each.model_dump())}),
        ("Said", {"at": at, "code": 10999, "text": "unlisted"}),
        ("Vanished", {"at": at}),
        ("Vanished", {"at": at}),
    ]
    lines = [
        encode(AuditEntry(number, "", "", name, clientId=1, orderId=7, orderRef=ref_of(0), details=each))
        for number, (name, each) in enumerate(details, 1)
    ]

    (state,) = replay_orders(lines)

    assert (state.not_found, state.rejected, state.done) == (True, None, False)


@pytest.mark.trial("A17")
def test_the_log_rebuilds_two_orders_under_one_reference() -> None:
    paper = Paper()
    audit = AuditTrail(paper)
    ledger = OrderTracker(1, [audit.record])
    ours = ledger.add(7, terms(0), ref_of(0))
    ledger.take(ours, Sent(START, terms(0)))
    ledger.take(ours, event(0, "opened", 0.0, START))
    foreign = ledger.entry(7, 9, 500, ref_of(0), terms(0))
    assert foreign is not None
    ledger.take(foreign, OpenOrderReported(START, 500, ref_of(0), terms(0), "Submitted"))
    ledger.take(ours, event(0, "cancelled", 0.0, START))
    asyncio.run(audit.flush())

    assert [(each.permIds, each.status) for each in replay_orders(paper.lines)] == [
        ((100,), "Cancelled"), ((500,), "Submitted"),
    ]  # fmt: skip
