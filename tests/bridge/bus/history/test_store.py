"""The shelves of the account's past in a real Redis: written once, capped, and by the leader alone."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from bridge.bus.history.records import AccountSnapshot, CashFlow, CoveredDays, TradeCommission, TradeExecution
from bridge.bus.history.store import (
    EXECUTIONS,
    FLOWS,
    OPERATOR,
    SNAPSHOTS,
    commission_record,
    covered_record,
    execution_record,
    flow_record,
    names_on,
    put,
    read_flows,
    read_records,
    seconds,
    snapshot_record,
    snapshots_of,
    trades_of,
)
from bridge.bus.keys import Keys
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.timing import PATIENT

TOKEN = "7"
EXECUTION = TradeExecution(
    "e5.01.01", "DU1", "2025-06-11T14:30:00+00:00", "2025-06-11T14:30:00+00:00", 265598, "AAPL", "AAPL", "STK", "USD",
    "BOT", 10.0, 190.0,
)  # fmt: skip


@pytest_asyncio.fixture
async def pipe(redis_url: str) -> AsyncIterator[CommandPipeline]:
    async with CommandPipeline(redis_url, PATIENT) as pipe:
        yield pipe


@pytest_asyncio.fixture
async def keys(pipe: CommandPipeline, session: str) -> Keys:
    keys = Keys(session)
    await pipe.send("SET", keys.lease, TOKEN)
    return keys


def snapshot(day: int, worth: float = 1_000.0) -> AccountSnapshot:
    date = f"2025-06-{day:02d}"
    return AccountSnapshot("DU1", date, f"{date}T20:05:00+00:00", "close", "USD", worth)


async def test_a_snapshot_is_written_once(pipe: CommandPipeline, keys: Keys) -> None:
    first = await put(pipe, keys, TOKEN, SNAPSHOTS, [snapshot_record(snapshot(11))])
    again = await put(pipe, keys, TOKEN, SNAPSHOTS, [snapshot_record(snapshot(11, 2_000.0))])
    rows, _ = await read_records(pipe, keys, SNAPSHOTS)

    assert (first.added, again.added) == (1, 0)
    assert snapshots_of(rows) == [snapshot(11)]


async def test_a_worker_that_does_not_lead_writes_nothing(pipe: CommandPipeline, keys: Keys) -> None:
    with pytest.raises(Fenced):
        await put(pipe, keys, "6", SNAPSHOTS, [snapshot_record(snapshot(11))])

    assert await names_on(pipe, keys, SNAPSHOTS) == set()


async def test_the_operator_needs_no_lease(pipe: CommandPipeline, keys: Keys) -> None:
    written = await put(pipe, keys, OPERATOR, SNAPSHOTS, [snapshot_record(snapshot(11))])

    assert written.added == 1


async def test_a_full_shelf_drops_its_oldest(pipe: CommandPipeline, keys: Keys) -> None:
    small = replace(SNAPSHOTS, most=2)
    await put(pipe, keys, TOKEN, small, [snapshot_record(snapshot(day)) for day in (13, 11, 12)])

    rows, _ = await read_records(pipe, keys, SNAPSHOTS)

    assert [each.date for each in snapshots_of(rows)] == ["2025-06-12", "2025-06-13"]


async def test_a_shelf_is_bound_by_its_bytes_too(pipe: CommandPipeline, keys: Keys) -> None:
    records = [snapshot_record(snapshot(day)) for day in (11, 12, 13)]
    small = replace(SNAPSHOTS, most_bytes=2 * len(bytes(records[0].line)))
    await put(pipe, keys, TOKEN, small, records)

    assert len(await names_on(pipe, keys, SNAPSHOTS)) == 2
    assert await pipe.send("HGET", keys.history("snapshots"), "") == str(small.most_bytes).encode()


async def test_a_writer_learns_that_what_it_wrote_is_gone(pipe: CommandPipeline, keys: Keys) -> None:
    record = snapshot_record(snapshot(11))
    await put(pipe, keys, TOKEN, SNAPSHOTS, [record])
    whole = await put(pipe, keys, TOKEN, SNAPSHOTS, [], known=record.field)
    await pipe.send("DEL", *SNAPSHOTS.keys(keys))
    lost = await put(pipe, keys, TOKEN, SNAPSHOTS, [], known=record.field)

    assert (whole.whole, lost.whole) == (True, False)


async def test_a_commission_is_completed_and_an_execution_stays(pipe: CommandPipeline, keys: Keys) -> None:
    at = seconds(EXECUTION.time)
    paid = TradeCommission(EXECUTION.execId, 1.0, "USD")
    await put(pipe, keys, TOKEN, EXECUTIONS, [execution_record(EXECUTION), commission_record(paid, at)])
    complete = TradeCommission(EXECUTION.execId, 1.0, "USD", 22.5)
    await put(pipe, keys, TOKEN, EXECUTIONS, [commission_record(complete, at)])

    trades = trades_of((await read_records(pipe, keys, EXECUTIONS))[0])

    assert trades.executions == [EXECUTION]
    assert trades.commissions == {EXECUTION.execId: complete}


async def test_many_records_are_read_page_by_page_newest_first(pipe: CommandPipeline, keys: Keys) -> None:
    flows = [CashFlow(f"{number}", "DU1", f"2025-01-{1 + number % 28:02d}", number, "USD") for number in range(1_200)]
    await put(pipe, keys, TOKEN, FLOWS, [flow_record(each) for each in flows])

    rows, more = await read_records(pipe, keys, FLOWS, most=1_100)

    assert (len(rows), more) == (1_100, True)
    assert len({each.field for each in rows}) == 1_100
    assert [each.at for each in rows] == sorted((each.at for each in rows), reverse=True)


async def test_flows_and_covered_days_are_told_apart(pipe: CommandPipeline, keys: Keys) -> None:
    flow, covered = CashFlow("9", "DU1", "2025-06-11", 500.0, "USD"), CoveredDays("DU1", "2025-06-01", "2025-06-30")
    await put(pipe, keys, TOKEN, FLOWS, [flow_record(flow), covered_record(covered)])

    found = await read_flows(pipe, keys)

    assert (found.flows, found.covered) == ([flow], [covered])


async def test_a_key_of_another_type_is_begun_anew(pipe: CommandPipeline, keys: Keys) -> None:
    for name in SNAPSHOTS.keys(keys):
        await pipe.send("SET", name, "something else")

    assert await names_on(pipe, keys, SNAPSHOTS) == set()
    assert await read_records(pipe, keys, SNAPSHOTS) == ([], False)
    assert (await put(pipe, keys, TOKEN, SNAPSHOTS, [snapshot_record(snapshot(11))])).added == 1


async def test_a_record_that_can_not_be_read_is_passed_over(pipe: CommandPipeline, keys: Keys) -> None:
    await put(pipe, keys, TOKEN, SNAPSHOTS, [snapshot_record(snapshot(11)), snapshot_record(snapshot(12))])
    await pipe.send("HSET", keys.history("snapshots"), "d2025-06-11 DU1", "no JSON")

    assert snapshots_of((await read_records(pipe, keys, SNAPSHOTS))[0]) == [snapshot(12)]
