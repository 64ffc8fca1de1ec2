"""The recorder on a real Redis: batches, repetitions, outages, lost data and the archive."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import ib_async
import pytest
from structlog.typing import EventDict

from bridge.bus.history.records import TradeExecution
from bridge.bus.history.store import EXECUTIONS, SNAPSHOTS, names_on, read_records, trades_of
from bridge.bus.keys import Keys
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.account_history.archive import HistoryArchive
from ib_worker.account_history.recorder import HistoryRecorder, HistoryTiming
from tests.stacks.account_records import snapshot
from tests.stacks.timing import PATIENT
from tests.waiting import until

TOKEN = 7
FAST = HistoryTiming(record_s=0.01, retry_s=0.05, whole_s=0.05)
AAPL = ib_async.Contract(conId=265598, symbol="AAPL", secType="STK", currency="USD")


def told(execId: str = "e5.01.01", price: float = 190.0) -> ib_async.Execution:
    at = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
    return ib_async.Execution(execId, at, "DU1", "NYSE", "BOT", 10.0, price, permId=3, clientId=1, orderId=4)


def paid(execId: str = "e5.01.01", commission: float = 1.0) -> ib_async.CommissionReport:
    return ib_async.CommissionReport(execId, commission, "USD")


@asynccontextmanager
async def recorder(
    redis_url: str, session: str, archive: HistoryArchive | None = None, run: bool = True
) -> AsyncIterator[HistoryRecorder]:
    async with CommandPipeline(redis_url, PATIENT) as pipe:
        keys = Keys(session)
        await pipe.send("SET", keys.lease, str(TOKEN))
        found = HistoryRecorder(pipe, keys, TOKEN, archive, FAST)
        task = asyncio.create_task(found.run()) if run else None
        yield found
        if task is not None:
            assert not task.done()
            task.cancel()


async def executions(found: HistoryRecorder) -> list[TradeExecution]:
    return trades_of((await read_records(found.pipe, found.keys, EXECUTIONS))[0]).executions


async def has(found: HistoryRecorder, *names: str) -> None:
    async def there() -> bool:
        return set(names) <= await names_on(found.pipe, found.keys, EXECUTIONS)

    await until(there, f"{names} are written")


async def test_executions_are_written_once_with_their_commissions(redis_url: str, session: str) -> None:
    async with recorder(redis_url, session) as found:
        for _ in range(3):  # as at each look at the orders
            found.execution(AAPL, told())
            found.commission(paid())
        await has(found, "ee5.01.01", "ce5.01.01")
        rows, _ = await read_records(found.pipe, found.keys, EXECUTIONS)

    assert len(rows) == 2


async def test_a_commission_may_come_before_its_execution(redis_url: str, session: str) -> None:
    async with recorder(redis_url, session) as found:
        found.commission(paid())
        found.execution(AAPL, told())
        await has(found, "ee5.01.01", "ce5.01.01")


async def test_a_commission_that_is_completed_replaces_the_first(redis_url: str, session: str) -> None:
    async with recorder(redis_url, session) as found:
        found.execution(AAPL, told())
        found.commission(paid())
        await has(found, "ce5.01.01")
        found.commission(paid(commission=1.25))

        async def completed() -> bool:
            trades = trades_of((await read_records(found.pipe, found.keys, EXECUTIONS))[0])
            return trades.commissions["e5.01.01"].commission == 1.25

        await until(completed, "the commission is completed")


async def test_a_correction_stands_beside_its_original(redis_url: str, session: str) -> None:
    async with recorder(redis_url, session) as found:
        found.execution(AAPL, told())
        found.execution(AAPL, told("e5.01.02", 191.0))
        await has(found, "ee5.01.01", "ee5.01.02")


async def test_a_new_leader_that_is_told_all_again_doubles_nothing(redis_url: str, session: str) -> None:
    for _ in range(2):
        async with recorder(redis_url, session, run=False) as found:
            found.execution(AAPL, told())
            await found.flush()
            assert len(await executions(found)) == 1


async def test_a_recorder_that_leads_no_more_writes_nothing(redis_url: str, session: str) -> None:
    async with recorder(redis_url, session, run=False) as found:
        await found.pipe.send("SET", found.keys.lease, str(TOKEN + 1))
        found.execution(AAPL, told())
        await found.flush()
        with pytest.raises(Fenced):
            await found.add_snapshot(snapshot(11, 1_000))

        assert await executions(found) == []


async def test_a_snapshot_is_written_once(redis_url: str, session: str) -> None:
    async with recorder(redis_url, session, run=False) as found:
        await found.add_snapshot(snapshot(11, 1_000))
        await found.add_snapshot(snapshot(11, 2_000, kind="late"))

        assert await found.snapshots() == {"d2025-06-11 DU1"}


async def test_an_execution_waits_for_others_before_it_is_written(redis_url: str, session: str) -> None:
    async with recorder(redis_url, session, run=False) as slow:
        slow.timing = HistoryTiming(record_s=0.3, whole_s=60)
        task = asyncio.create_task(slow.run())
        await asyncio.sleep(0)
        slow.execution(AAPL, told())
        await slow.pipe.send("PING")
        assert await executions(slow) == []
        slow.execution(AAPL, told("e6.01.01"))
        await has(slow, "ee5.01.01", "ee6.01.01")
        task.cancel()


@pytest.mark.fault(111)
async def test_what_comes_while_redis_is_away_is_written_when_it_is_back(
    own_redis: EmbeddedRedis, session: str, logs: list[EventDict]
) -> None:
    async with recorder(own_redis.url, session) as found:
        assert own_redis.process is not None
        own_redis.process.kill()
        await own_redis.process.wait()
        found.execution(AAPL, told())
        await until(lambda: "account_history_not_written" in {each["event"] for each in logs}, "the outage is logged")
        await own_redis.start()
        await has(found, "ee5.01.01")


@pytest.mark.fault(112)
async def test_lost_data_is_filled_from_the_archive(
    redis_url: str, session: str, tmp_path: Path, logs: list[EventDict]
) -> None:
    async with recorder(redis_url, session, HistoryArchive(tmp_path, session)) as found:
        found.execution(AAPL, told())
        await found.add_snapshot(snapshot(11, 1_000))
        await has(found, "ee5.01.01")
        await until(lambda: len(HistoryArchive(tmp_path, session).read()) == 2, "both are archived")
        await found.pipe.send("DEL", *EXECUTIONS.keys(found.keys), *SNAPSHOTS.keys(found.keys))

        await has(found, "ee5.01.01")
        await until(found.lost.is_set, "TWS is to tell the day again")
        assert await found.snapshots() == {"d2025-06-11 DU1"}
        found.execution(AAPL, told("e6.01.01"))
        await has(found, "ee6.01.01")
    assert "account_history_lost" in {each["event"] for each in logs}


async def test_a_start_levels_redis_and_the_archive(redis_url: str, session: str, tmp_path: Path) -> None:
    archive = HistoryArchive(tmp_path, session)
    async with recorder(redis_url, session, run=False) as without:
        await without.add_snapshot(snapshot(11, 1_000))
    async with recorder(redis_url, f"{session}b", archive, run=False) as other:
        await other.add_snapshot(snapshot(12, 2_000))

    async with recorder(redis_url, session, archive, run=False) as found:
        await found.level()

        assert await found.snapshots() == {"d2025-06-11 DU1", "d2025-06-12 DU1"}
    assert {name for _, name in archive.read()} == {"d2025-06-11 DU1", "d2025-06-12 DU1"}


async def test_an_archive_that_can_not_be_written_holds_nothing_up(
    redis_url: str, session: str, tmp_path: Path, logs: list[EventDict]
) -> None:
    folder = tmp_path / "past"
    folder.write_text("no folder")
    async with recorder(redis_url, session, HistoryArchive(folder, session), run=False) as found:
        await found.add_snapshot(snapshot(11, 1_000))
        assert await found.snapshots() == {"d2025-06-11 DU1"}
        folder.unlink()
        await found.add_snapshot(snapshot(12, 2_000))

    assert len(HistoryArchive(folder, session).read()) == 2
    assert [each["event"] for each in logs][:2] == ["history_archive_not_written", "history_archive_not_written_over"]
