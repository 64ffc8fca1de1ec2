"""The day's refused order calls, told to the client that made them: by a list, and by the key of one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.audit_chain import AuditEntry
from bridge.bus.controls.audit_index import read_entries
from bridge.bus.controls.audit_log import AuditLog, new_entry
from bridge.bus.messages import TRUNCATED, BusCaller
from bridge.bus.server.server import BusServer
from bridge.tool import OPERATIONS, ToolError, ToolRequest
from bridge.tools.order_queries import GetCompletedOrders
from ib_worker.audit.refused_calls import MOST, RefusedCalls, refused_report
from ib_worker.risk.limit_settings import Limits
from ibgateway.simulator.server.server import Simulator
from tests.stacks.timing import waits_at
from tests.stacks.worker import Caller, order, trading
from tests.waiting import until

KEY = "a-key-of-the-caller"
IBM = 8314


async def refused_calls(front: Caller, several: int = 0, **filters: Any) -> list[dict[str, Any]]:
    """The client's refusals, once the log has so many."""
    found: list[dict[str, Any]] = []

    async def written() -> bool:
        found[:] = await front.ask("get_completed_orders", refused=True, **filters)
        return len(found) >= several

    await until(written, f"the log has {several} refusals")
    return found


async def test_a_client_is_told_which_of_its_calls_were_refused_and_why(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, limits=Limits(max_quantity=100)) as front:
        other = replace(front, name="another client")
        sim.fault("on order answer 201 Order rejected - reason: no margin")
        by_tws = await front.refused_order(key=KEY, **order(symbol="NVDA", orderType="LMT", lmtPrice=50))
        await front.refused_order(key="too-many-at-once", **order(symbol="NVDA", totalQuantity=101))
        await front.refused_order("close_position", account="DU1234567", conId=265598)
        await front.refused_order(action="SELL", conId=IBM, totalQuantity=101, closeOnly=True)
        await other.refused_order(**order(symbol="AAPL", totalQuantity=102))
        told = await refused_calls(front, 4)
        of_one = await refused_calls(front, symbol="IBM")
        latest = await refused_calls(front, limit=1)
        of_other = await refused_calls(other, 1)
        by_key = await front.refused("get_order", orderId=0, orderKey="too-many-at-once")
        not_own = await other.refused("get_order", orderId=0, orderKey="too-many-at-once")
        ended = await front.ask("get_completed_orders")

    assert by_tws.code == "rejected"
    assert [(each["action"], each["totalQuantity"], each["contract"]["symbol"]) for each in told] == [
        ("BUY", 1, "NVDA"), ("BUY", 101, "NVDA"), (None, None, "AAPL"), ("SELL", 101, "IBM"),
    ]  # fmt: skip
    assert {each["status"] for each in told} == {"Refused"}
    assert (told[0]["idempotencyKey"], told[0]["lmtPrice"], told[0]["orderId"]) == (KEY, 50, by_tws.details["orderId"])
    assert "ibkr_place_order rejected: IBKR rejected the order (error 201): " in told[0]["message"]
    assert "limit max_quantity" in told[1]["message"]
    assert "ibkr_close_positions nothing_to_close: " in told[2]["message"]
    assert of_one == latest == told[3:]
    assert [each["totalQuantity"] for each in of_other] == [102]
    assert (by_key.details["refused"], not_own.details.get("refused")) == ("limit_exceeded", None)
    assert by_key.message.startswith("Refused at ")
    assert all(each["status"] != "Refused" for each in ended)


def test_a_refused_call_shows_its_own_side_and_type_or_none() -> None:
    exits = {"action": "BUY", "totalQuantity": 5, "takeProfitPrice": 90, "stopLossPrice": 110, "exitsOnly": True}
    calls = (
        ("place_bracket_order", exits | {"symbol": "IBM"}, ("BUY", None, 90, 110, "GTC")),
        ("place_bracket_order", exits | {"symbol": "IBM", "takeProfitPrice": 120}, ("SELL", None, 120, 110, "GTC")),
        ("place_bracket_order", exits | {"symbol": "IBM", "account": "DU***567"}, ("BUY", None, 90, 110, "GTC")),
        ("modify_order", {"orderId": 7, "lmtPrice": 50}, (None, None, 50, None, None)),
        ("close_position", {"account": "DU1", "conId": IBM}, (None, "MKT", None, None, None)),
        ("place_order", {"symbol": "IBM", "action": "SELL"}, ("SELL", "MKT", None, None, None)),
    )
    for tool, asked, wanted in calls:
        entry = AuditEntry(
            seq=1, prev="", event="refused",
            at="2025-06-11T15:00:00+00:00", caller="claude", tool=tool, key="k", status="rejected",
            details={"request": asked},
        )  # fmt: skip
        told = refused_report(entry, None, 1, timedelta(0))
        assert (told.action, told.orderType, told.lmtPrice, told.auxPrice, told.tif) == wanted


class AnyTerms(ToolRequest):
    """An order's arguments, of any type."""

    symbol: Any = None
    conId: Any = None
    action: Any = None
    totalQuantity: Any = None
    account: Any = None
    tif: Any = None
    lmtPrice: Any = None
    outsideRth: Any = None
    strike: Any = None


async def test_no_call_of_a_client_keeps_its_refusals_from_it_and_the_log_has_no_secret(
    redis_url: str, session: str, sim: Simulator
) -> None:
    """A front of another release may send what this one refuses: lists, texts and numbers in any field."""
    place, limits = OPERATIONS["place_order"], Limits(max_quantity=100)
    odd: list[dict[str, Any]] = [
        {"symbol": ["AAPL"], "action": {"a": 1}, "totalQuantity": "many", "conId": [1]},
        {"conId": 10**40, "action": "BUY", "totalQuantity": 1, "account": ["DU1234567"]},
        {"symbol": {"deep": 1}, "tif": 5, "lmtPrice": "high", "outsideRth": "perhaps", "strike": [1]},
    ]
    async with trading(redis_url, session, sim, limits=limits) as front:
        bus = front.bus_client
        by = BusCaller(principal=front.name, request_id="r-1")
        for number, terms in enumerate(odd):
            with pytest.raises(ToolError, match="invalid_arguments"):
                await bus.submit(place, AnyTerms(**terms), by, key=f"odd-terms-{number}")
        first = await refused_calls(front, len(odd))
        token = (await front.ask("preview_order", **order()))["confirmationToken"]
        wrong = await front.refused_order(**order(totalQuantity=2, confirmationToken=token, account="DU1234567"))
        for _ in range(MOST):
            await front.refused_order(**order(totalQuantity=101))
        told = await refused_calls(front, MOST)
        part = await bus.reply(OPERATIONS["get_completed_orders"], GetCompletedOrders(refused=True), by)
        log = b"".join([line async for line in read_entries(bus.pipe, bus.keys, list(range(1, 4 * MOST)))])

    assert [each["contract"]["conId"] for each in first] == [0] * len(odd)
    assert wrong.code == "confirmation_invalid"
    assert {each["totalQuantity"] for each in told} == {101}
    assert part.details[TRUNCATED]["of"] == len(odd) + 1 + MOST
    assert b"many" in log
    assert token.encode() not in log
    assert b"U1234567" not in log


async def test_a_flood_of_other_clients_refusals_takes_none_of_ones_own(redis_url: str, session: str) -> None:
    fields: dict[str, Any] = {"tool": "place_order", "status": "limit_exceeded"}
    async with BusServer(redis_url, session, "w1", timing=waits_at(redis_url)) as bus:
        log = AuditLog(bus.pipe, bus.keys, await bus.lead())
        await log.append("refused", caller="claude", key="own-call", **fields)
        flood = [new_entry("refused", caller=f"other {number % 3}", **fields) for number in range(500)]
        for _ in range(3):
            await log.append_all(flood)
        found = await RefusedCalls(bus.pipe, bus.keys).of("claude", datetime.now(UTC) - timedelta(hours=1))

    assert [each.key for each in found] == ["own-call"]
