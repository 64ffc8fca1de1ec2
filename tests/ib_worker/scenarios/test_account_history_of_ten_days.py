"""The account's past over ten sessions with restarts, against the simulator's own books."""

from datetime import time
from pathlib import Path

import pytest

from bridge.bus.history.store import EXECUTIONS, SNAPSHOTS, names_on
from bridge.bus.keys import Keys
from cli.local_stack.embedded_redis import EmbeddedRedis
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ten_days import (
    ACCOUNTS,
    SOON,
    TenDays,
    begun,
    buy,
    compare,
    executed,
    move_to,
    reader,
    recorded,
    standing,
)
from tests.stacks.worker import loses_all, trading, worker
from tests.waiting import until

FIRST, SECOND = ACCOUNTS


@pytest.mark.fault(110)
async def test_ten_days_with_restarts_equal_the_books_to_the_cent(own_redis: EmbeddedRedis, session: str) -> None:
    async with Simulator(standing()) as sim:
        play = TenDays(sim, own_redis.url, session, redis=own_redis)
        await play.run()
        found = await compare(own_redis.url, session, play.books)
        async with trading(own_redis.url, session, sim, history_timing=SOON) as front:
            told = await front.ask("get_account_history", account=FIRST)
            other = await front.ask("get_account_history", account=SECOND)

    assert found.differences == []
    assert (found.sessions, found.executions) == (20, 17)
    rows = [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]
    assert [each["kind"] for each in rows] == ["close"] * 4 + ["late"] + ["close"] * 5
    assert {each["date"]: each["unexplained"] for each in rows if each["suspected"]} == {"2025-06-20": 25_000}
    small = [abs(each["unexplained"]) for each in rows[1:] if not each["suspected"]]
    assert max(small) <= 2.0  # the simulator tells its correction, and does not book it
    assert other["same"]["suspected"] is False
    place = other["columns"].index("unexplained")
    assert max(abs(row[place]) for row in other["rows"][1:]) <= 0.1  # rates have five decimals


@pytest.mark.fault(113)
async def test_a_correction_after_its_day_takes_the_originals_place(redis_url: str, session: str) -> None:
    async with Simulator(standing()) as sim, reader(redis_url) as pipe:
        play = TenDays(sim, redis_url, session)
        async with trading(redis_url, session, sim, history_timing=SOON) as front:
            await begun(pipe, session)
            await buy(front, sim, FIRST, 10)
            play.books.read(sim)
            move_to(sim, time(16, 6))
            await recorded(pipe, session, "2025-06-11")
            move_to(sim, time(10), 1)
            corrected = play.correct_after(99.5)
            await executed(pipe, session, play.books)
            told = await front.ask("get_account_history", table="trades", account=FIRST)

    (row,) = [told["same"] | dict(zip(told["columns"], each, strict=True)) for each in told["rows"]]
    assert (row["price"], row["corrected"], row["commission"]) == (99.5, True, 1)
    assert row["time"].startswith("2025-06-11")
    assert corrected.execId.endswith(".02")


async def test_executions_while_no_worker_runs_are_told_at_its_start(redis_url: str, session: str) -> None:
    async with Simulator(standing()) as sim, reader(redis_url) as pipe:
        play = TenDays(sim, redis_url, session)
        async with trading(redis_url, session, sim, history_timing=SOON) as front:
            await buy(front, sim, FIRST, 10)
        sim.fault("manual BUY 7 MSFT")
        sim.skip(5)
        play.books.read(sim)
        async with worker(redis_url, session, sim.port, history_timing=SOON):
            await executed(pipe, session, play.books)

        assert len(play.books.executions) == 2


@pytest.mark.fault(112)
async def test_a_redis_that_lost_all_is_filled_from_the_archive_and_from_tws(
    own_redis: EmbeddedRedis, session: str, tmp_path: Path
) -> None:
    async with Simulator(standing()) as sim:
        play = TenDays(sim, own_redis.url, session)
        async with trading(
            own_redis.url, session, sim, history_timing=SOON, history_folder=tmp_path / "archive"
        ) as front:
            async with reader(own_redis.url) as pipe:
                await begun(pipe, session)
                await buy(front, sim, FIRST, 10)
                play.books.read(sim)
                await executed(pipe, session, play.books)
                move_to(sim, time(16, 6))
                await recorded(pipe, session, "2025-06-11")
                before = [await names_on(pipe, Keys(session), shelf) for shelf in (SNAPSHOTS, EXECUTIONS)]
            await loses_all(own_redis, tmp_path)
            async with reader(own_redis.url) as pipe:

                async def filled() -> bool:
                    there = [await names_on(pipe, Keys(session), shelf) for shelf in (SNAPSHOTS, EXECUTIONS)]
                    return all(old <= now for old, now in zip(before, there, strict=True))

                await until(filled, "the record is as it was", 30)
