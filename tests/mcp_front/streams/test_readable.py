"""Streams that can be read, through the whole stack: nothing lost, none doubled, each gap marked, over restarts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.events.stream_handles import StreamHandle
from bridge.bus.identity.rights import Rights
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from ibgateway.simulator.server.server import Simulator
from mcp_front.protocol.results import ERROR_META
from mcp_front.streams import readable
from tests.stacks.front import ERAS, MODERN, Running, serving
from tests.stacks.tokens import as_caller, write_tokens
from tests.stacks.whole import whole_stack
from tests.stacks.worker import FAST, caller, worker
from tests.waiting import until

Result = dict[str, Any]
RESTING: Result = {"symbol": "IBM", "action": "BUY", "totalQuantity": 2, "orderType": "LMT", "lmtPrice": 1}


async def called(front: Running, tool: str, era: str = MODERN, caller: str = "", **arguments: Any) -> Result:
    raw = as_caller(front, caller, era) if caller else front.raw(era)
    result = await raw.call(tool, **arguments)
    found: Result = result["structuredContent"] if not result["isError"] else result["_meta"][ERROR_META]
    return found


async def subscribed(front: Running, **arguments: Any) -> Result:
    return await called(front, "ibkr_subscribe", **arguments)


async def read(front: Running, opened: Result, **arguments: Any) -> Result:
    given = {"handle": opened["handle"], "cursor": opened["cursor"], "wait_seconds": 5} | arguments
    return await called(front, "ibkr_read_stream", **given)


def column(found: Result, name: str) -> list[Any]:
    if name in found.get("same", {}):
        return [found["same"][name]] * found["count"]
    at = found["columns"].index(name)
    return [row[at] for row in found["rows"]]


async def ready(front: Running) -> None:
    async def is_ready() -> bool:
        return bool((await called(front, "ibkr_get_status"))["is_connected"])

    await until(is_ready, "the session is ready")


@pytest.mark.parametrize("era", ERAS)
async def test_quotes_are_read_by_cursor_as_a_table(redis_url: str, session: str, era: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        opened = await called(stack.front, "ibkr_subscribe", era, kind="quotes", symbol="SPY")
        first = await read(stack.front, opened)
        second = await read(stack.front, opened, cursor=first["cursor"])
        again = await read(stack.front, opened, cursor=first["cursor"], format="objects", wait_seconds=0)

    assert (opened["kind"], opened["name"], opened["contract"]["symbol"]) == ("quotes", "SPY", "SPY")
    assert opened["simulated"] is True
    assert column(opened, "bid")[0] > 0
    assert first["count"] == len(first["rows"]) > 0
    assert first["same"].items() >= {"kind": "quote", "marketDataType": "live"}.items()
    assert not set(first["same"]) & set(first["columns"])
    assert {*first["same"], *first["columns"]} == set(opened["columns"])
    assert (first["gap"], first["missing"], first["session"]) == (False, 0, "ready")
    times = column(first, "time") + column(second, "time")
    assert times == sorted(set(times))
    assert [row["time"] for row in again["result"]][: second["count"]] == column(second, "time")
    assert "rows" not in again


async def test_merged_quotes_are_counted(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        opened = await subscribed(stack.front, kind="quotes", symbol="SPY")
        await asyncio.sleep(1.5)
        found = await read(stack.front, opened)

    assert found["conflated"] == sum(each - 1 for each in column(found, "updates"))


async def test_an_orders_fill_is_read_as_an_event(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        opened = await subscribed(stack.front, kind="orders")
        nothing = await read(stack.front, opened, wait_seconds=0)
        placed = await stack.front.raw().call("ibkr_place_order", **RESTING, idempotencyKey="key-0001")
        stack.sim.fault(f"fill {placed['structuredContent']['orderId']}")
        cursor, rows = opened["cursor"], list[Any]()
        async with asyncio.timeout(10):
            while not any(row[0] == "execution" for row in rows):
                found = await read(stack.front, opened, cursor=cursor, limit=1)
                cursor = found["cursor"]
                rows += found["rows"]

    assert (nothing["count"], nothing["rows"], nothing["truncated"]) == (0, [], False)
    assert {row[3] for row in rows if row[0] == "order"} == {"key-0001"}
    assert len({str(row) for row in rows}) == len(rows)


async def test_an_accounts_values_are_told_at_once_and_their_changes_are_read(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        opened = await subscribed(stack.front, kind="account")
        order: Result = {"symbol": "IBM", "action": "BUY", "totalQuantity": 2}
        await stack.front.raw().call("ibkr_place_order", **order, idempotencyKey="key-0001")
        found = await read(stack.front, opened)

    assert "NetLiquidation" in column(opened, "tag")
    assert found["count"] > 0
    assert (found["gap"], opened["account"]) == (False, opened["name"])


async def test_a_handle_outlives_its_worker_and_the_gap_is_marked(redis_url: str, session: str) -> None:
    async with Simulator() as sim, serving(redis_url, session) as front:
        async with worker(redis_url, session, sim.port, FAST):
            await ready(front)
            opened = await subscribed(front, kind="quotes", symbol="SPY")
            before = await read(front, opened)
        waiting = asyncio.create_task(read(front, opened, cursor=before["cursor"], wait_seconds=20, limit=1000))
        await asyncio.sleep(0.3)
        async with worker(redis_url, session, sim.port, FAST):
            found = await waiting
            while "gap" not in column(found, "kind"):  # the last of the worker that has gone
                found = await read(front, opened, cursor=found["cursor"], wait_seconds=20)
            after = await read(front, opened, cursor=found["cursor"], wait_seconds=20)

    assert (found["gap"], found["missing"]) == (True, None)
    assert column(found, "bid")[column(found, "kind").index("gap")] is None
    assert "quote" in column(after, "kind")
    assert after["gap"] is False


async def test_a_broken_subscription_is_marked_and_opened_again(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        opened = await subscribed(stack.front, kind="quotes", symbol="SPY")
        cursor, kinds = opened["cursor"], list[Any]()
        stack.sim.fault("link down")
        stack.sim.fault("link lost")
        async with asyncio.timeout(15):
            while "gap" not in kinds or kinds[-1] == "gap":
                found = await read(stack.front, opened, cursor=cursor)
                cursor = found["cursor"]
                kinds += column(found, "kind")

    assert kinds.count("gap") == 1


async def test_many_watchers_of_a_contract_share_a_line_and_a_log(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack, caller(redis_url, session) as other:
        handles = [await subscribed(stack.front, kind="quotes", symbol="SPY") for _ in range(3)]
        found = await asyncio.gather(*(read(stack.front, each) for each in handles))
        lines = len(stack.sim.journal.entries("in", 1))  # reqMktData
        logs = [key async for key in keys_of(other.bus_client.pipe, session, "kept")]

    assert lines == 1
    assert len(logs) == 1
    assert all(each["count"] for each in found)


async def keys_of(pipe: CommandPipeline, session: str, kind: str) -> AsyncIterator[bytes]:
    for key in await pipe.send("KEYS", f"ibkr:{{{session}}}:{kind}:*"):
        yield key


async def test_a_stream_that_is_ended_is_gone(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        opened = await subscribed(stack.front, kind="quotes", symbol="SPY")
        listed = await called(stack.front, "ibkr_get_streams")
        waiting = asyncio.create_task(read(stack.front, opened, wait_seconds=0))
        await waiting
        ended = await called(stack.front, "ibkr_unsubscribe", handle=opened["handle"])
        again = await read(stack.front, opened)
        empty = await called(stack.front, "ibkr_get_streams")

    assert listed["columns"] == ["handle", "kind", "name", "age_s", "lapses_in_s"]
    [[*named, age_s, lapses_in_s]] = listed["rows"]
    assert named == [opened["handle"], "quotes", "SPY"]
    assert (0 <= age_s < 60, 540 < lapses_in_s <= 600) == (True, True)
    assert ended["handle"] == opened["handle"]
    assert (again["code"], empty["count"], empty["rows"]) == ("not_found", 0, [])


async def test_a_handle_and_a_cursor_belong_to_their_principal(redis_url: str, session: str, tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path / "tokens.json", ["reader", "trader"])
    async with (
        Simulator() as sim,
        worker(redis_url, session, sim.port, FAST),
        serving(redis_url, session, front_tokens_file=tokens) as front,
        caller(redis_url, session) as other,
    ):
        await other.reaches("ready")
        opened = await called(front, "ibkr_subscribe", caller="reader", kind="quotes", symbol="SPY")
        own = await called(front, "ibkr_subscribe", caller="trader", kind="quotes", symbol="SPY")
        refused = [
            await called(front, "ibkr_read_stream", caller="trader", handle=opened["handle"]),
            await called(front, "ibkr_unsubscribe", caller="trader", handle=opened["handle"]),
            await called(front, "ibkr_read_stream", caller="trader", handle=own["handle"], cursor=opened["cursor"]),
        ]
        listed = await called(front, "ibkr_get_streams", caller="trader")
        found = await called(front, "ibkr_read_stream", caller="reader", handle=opened["handle"])

    assert [each["code"] for each in refused] == ["forbidden"] * 3
    assert [row[0] for row in listed["rows"]] == [own["handle"]]
    assert found["count"] > 0


async def test_a_front_that_drains_ends_a_read_with_its_cursor(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        opened = await subscribed(stack.front, kind="orders")
        waiting = asyncio.create_task(read(stack.front, opened, wait_seconds=30))
        await asyncio.sleep(0.5)
        stack.front.front.draining.set()
        found = await waiting

    assert (found["count"], found["cursor"]) == (0, opened["cursor"])
    assert "this front is stopping" in found["message"]


async def test_a_lost_session_is_told_and_not_shown_as_a_quiet_one(redis_url: str, session: str) -> None:
    async with Simulator() as sim, serving(redis_url, session) as front:
        async with worker(redis_url, session, sim.port, FAST):
            await ready(front)
            opened = await subscribed(front, kind="quotes", symbol="SPY")
        found = await read(front, opened, wait_seconds=0)

    assert found["session"] == "no_worker"
    assert "The session is no_worker" in found["message"]


async def test_handles_have_a_bound(redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readable, "HANDLES_OF_ONE", 2)
    async with serving(redis_url, session) as front:
        opened = [await subscribed(front, kind="orders") for _ in range(3)]

    assert [each.get("code") for each in opened] == [None, None, "paced"]


async def test_reads_have_a_bound_of_their_own(redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readable, "READS_OF_ONE", 2)
    async with serving(redis_url, session, front_calls_at_once=1) as front:
        opened = await subscribed(front, kind="orders")
        reads = [asyncio.create_task(read(front, opened, wait_seconds=2)) for _ in range(2)]
        await asyncio.sleep(0.5)
        refused = await read(front, opened)
        ends = await asyncio.gather(*reads)

    assert refused["code"] == "paced"
    assert [each["count"] for each in ends] == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "entry", "field"),
    [
        ({"kind": "bars5s"}, "bar", "close"),
        ({"kind": "bars", "barSizeSetting": "5 secs"}, "bar", "close"),
        ({"kind": "ticks"}, "tick", "price"),
    ],
)
async def test_bars_and_trades_are_read_and_outlive_their_worker(
    redis_url: str, session: str, arguments: dict[str, Any], entry: str, field: str
) -> None:
    async with Simulator() as sim, serving(redis_url, session) as front:
        async with worker(redis_url, session, sim.port, FAST):
            await ready(front)
            opened = await subscribed(front, symbol="SPY", **arguments)
            before = await read(front, opened, wait_seconds=20, limit=1000)
        async with worker(redis_url, session, sim.port, FAST):
            cursor, kinds = before["cursor"], list[Any]()
            async with asyncio.timeout(40):
                while "gap" not in kinds or kinds[-1] == "gap":
                    found = await read(front, opened, cursor=cursor, wait_seconds=20)
                    cursor = found["cursor"]
                    kinds += column(found, "kind")

    assert set(column(before, "kind")) == {entry}
    assert all(each > 0 for each in column(before, field))
    assert (before["conflated"], before["gap"]) == (0, False)
    assert kinds.count("gap") == 1


async def test_a_book_is_read_whole_in_each_entry_and_outlives_its_worker(redis_url: str, session: str) -> None:
    async with Simulator() as sim, serving(redis_url, session) as front:
        async with worker(redis_url, session, sim.port, FAST):
            await ready(front)
            opened = await subscribed(front, kind="depth", symbol="SPY")
            before = await read(front, opened, wait_seconds=20, limit=1000)
        async with worker(redis_url, session, sim.port, FAST):
            cursor, kinds = before["cursor"], list[Any]()
            async with asyncio.timeout(40):
                while "gap" not in kinds or kinds[-1] == "gap":
                    found = await read(front, opened, cursor=cursor, wait_seconds=20)
                    cursor = found["cursor"]
                    kinds += column(found, "kind")

    assert opened["columns"] == ["kind", "time", "book", "updates"]
    assert set(column(before, "kind")) == {"book"}
    assert all(len(each["bids"]) == len(each["asks"]) == 5 for each in column(before, "book"))
    assert kinds.count("gap") == 1


async def test_more_feeds_than_tws_gives_are_refused_with_its_words(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        symbols = ("SPY", "AAPL", "IBM", "MSFT", "NVDA", "VTI")
        opened = [await subscribed(stack.front, kind="ticks", symbol=symbol) for symbol in symbols]

    assert opened[-1]["code"] == "gateway_refused"
    assert "10190" in opened[-1]["message"]


@pytest.mark.parametrize(
    ("kind", "symbol", "may"),
    [("quotes", "BRK B", True), ("bars", "SPY", False), ("news", "", False), ("orders", "", True)],
)
def test_a_handle_is_read_while_its_symbol_is_the_clients(kind: str, symbol: str, may: bool) -> None:
    handle = StreamHandle("s-1", "claude", kind, "a stream", "a name", {}, "0.0-0", 0, 0, symbol)
    rights = Rights(frozenset({"read"}), symbols=frozenset({"BRK.B"}))
    if may:
        return readable.require_rights(handle, rights)
    with pytest.raises(ToolError, match="no right to the symbol"):
        readable.require_rights(handle, rights)
    return None
