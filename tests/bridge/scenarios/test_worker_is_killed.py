"""Workers as real processes that are killed and frozen: no order is sent twice, and nobody is told what is not so."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.bus.client.client import BusClient
from bridge.tool import ToolError
from tests.busy import BUSY_S
from tests.stacks.bus import KEY, ask, front, submit
from tests.stacks.worker_process import LEASE_S, RENEW_S, main
from tests.waiting import until

FORKS = multiprocessing.get_context("forkserver")  # imports once for all workers
FORKS.set_forkserver_preload(["tests.stacks.worker_process"])

Start = Callable[..., Awaitable[ForkServerProcess]]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.touch()
    return path


@pytest_asyncio.fixture
async def start(redis_url: str, session: str, journal: Path) -> AsyncIterator[Start]:
    """Start a worker by name; it is killed in the end."""
    running: list[ForkServerProcess] = []

    async def started(
        name: str, where: str = "", *, serves: bool = True, leader_file: Path | None = None, lease_s: float = LEASE_S
    ) -> ForkServerProcess:
        arguments = (redis_url, session, name, journal, where, leader_file, lease_s)
        process = FORKS.Process(target=main, args=arguments, daemon=True)
        process.start()
        running.append(process)
        word = f"{name} {'serves' if serves else 'waits'}"
        await until(lambda: word in journal.read_text(), word, timeout_s=30)
        return process

    yield started
    for process in running:
        process.kill()
        process.join()


@pytest_asyncio.fixture
async def bus_client(redis_url: str, session: str) -> AsyncIterator[BusClient]:
    async with front(redis_url, session) as bus_client:
        yield bus_client


async def carried_out(bus_client: BusClient, key: str) -> bytes:
    """The answer, from a worker that a busy machine may keep from its lease for a moment: what was certainly not
    executed is asked again with the same key."""
    while True:
        try:
            return await submit(bus_client, key=key, deadline_s=6)
        except ToolError as error:
            if error.code != "not_executed":
                raise


def sent(journal: Path) -> list[str]:
    return [line for line in journal.read_text().splitlines() if " sent " in line]


async def test_a_read_whose_worker_is_killed_is_lost_within_a_second(
    start: Start, bus_client: BusClient, journal: Path
) -> None:
    worker = await start("one", "before")
    call = asyncio.create_task(ask(bus_client))
    await until(lambda: "stops before" in journal.read_text(), "the request is in hand")
    began = time.perf_counter()
    worker.kill()
    with pytest.raises(ToolError) as caught:
        await call

    assert caught.value.code == "worker_lost"
    assert time.perf_counter() - began < 2 + BUSY_S


@pytest.mark.fault(61)
async def test_a_worker_killed_before_accepting_executed_nothing(
    start: Start, bus_client: BusClient, journal: Path
) -> None:
    worker = await start("one", "before")
    call = asyncio.create_task(submit(bus_client))
    await until(lambda: "stops before" in journal.read_text(), "the order is in hand")
    worker.kill()
    with pytest.raises(ToolError) as caught:
        await call
    await start("two")

    assert (caught.value.code, caught.value.details["reason"]) == ("not_executed", "worker_lost")
    assert sent(journal) == []
    assert await submit(bus_client) == b'{"by":"two","replayed":false}'
    assert sent(journal) == [f"two sent {KEY}"]


@pytest.mark.fault(62, 64)
@pytest.mark.parametrize(("where", "frames"), [("between", []), ("after", [f"one sent {KEY}"])])
async def test_a_worker_killed_after_accepting_leaves_the_order_pending_and_nobody_sends_it_again(
    start: Start, bus_client: BusClient, journal: Path, where: str, frames: list[str]
) -> None:
    worker = await start("one", where)
    call = asyncio.create_task(submit(bus_client, deadline_s=4))
    await until(lambda: f"stops {where}" in journal.read_text(), "the order is accepted")
    worker.kill()
    await start("two")
    with pytest.raises(ToolError, match=r"\[pending\]"):
        await call
    with pytest.raises(ToolError, match=r"\[pending\]"):
        await submit(bus_client, deadline_s=0.4)

    assert sent(journal) == frames


async def test_a_standby_serves_soon_after_the_leader_was_killed(
    start: Start, bus_client: BusClient, journal: Path
) -> None:
    leader = await start("one")
    await start("two", serves=False)
    assert await submit(bus_client, key="key-one-1") == b'{"by":"one","replayed":false}'
    began = time.perf_counter()
    leader.kill()
    await until(lambda: "two serves" in journal.read_text(), "the standby serves")
    took = time.perf_counter() - began

    assert took < LEASE_S + 2 + BUSY_S
    assert await carried_out(bus_client, "key-two-2") == b'{"by":"two","replayed":false}'
    assert await submit(bus_client, key="key-one-1") == b'{"by":"one","replayed":true}'
    assert sent(journal) == ["one sent key-one-1", "two sent key-two-2"]


async def test_on_one_machine_a_leader_that_was_killed_is_succeeded_at_once(
    start: Start, bus_client: BusClient, journal: Path, tmp_path: Path
) -> None:
    file = tmp_path / "leader"
    leader = await start("one", leader_file=file, lease_s=3_600)
    assert await submit(bus_client, key="key-one-1") == b'{"by":"one","replayed":false}'
    leader.kill()
    leader.join()
    await start("two", leader_file=file)

    assert await carried_out(bus_client, "key-two-2") == b'{"by":"two","replayed":false}'
    assert sent(journal) == ["one sent key-one-1", "two sent key-two-2"]


async def test_on_one_machine_a_leader_that_stands_still_keeps_what_is_left_of_its_lease(
    start: Start, journal: Path, tmp_path: Path
) -> None:
    file = tmp_path / "leader"
    leader = await start("one", leader_file=file)
    os.kill(leader.pid or 0, signal.SIGSTOP)
    stopped = time.perf_counter()
    await start("two", leader_file=file)
    took = time.perf_counter() - stopped
    os.kill(leader.pid or 0, signal.SIGCONT)

    assert took > LEASE_S - 2 * RENEW_S
    await until(lambda: "one lost the lease" in journal.read_text(), "the old one has noticed")


@pytest.mark.fault(66)
async def test_a_leader_that_was_frozen_writes_nothing_when_it_thaws(
    start: Start, bus_client: BusClient, journal: Path
) -> None:
    old = await start("one")
    await start("two", serves=False)
    os.kill(old.pid or 0, signal.SIGSTOP)
    stuck = asyncio.create_task(submit(bus_client, key="key-old-1", deadline_s=1))  # waits in the frozen one's socket
    await until(lambda: "two serves" in journal.read_text(), "the standby serves")
    with pytest.raises(ToolError) as caught:
        await stuck
    assert await carried_out(bus_client, "key-new-1") == b'{"by":"two","replayed":false}'
    os.kill(old.pid or 0, signal.SIGCONT)
    await until(lambda: "one lost the lease" in journal.read_text(), "the old one has noticed")
    assert await carried_out(bus_client, "key-new-2") == b'{"by":"two","replayed":false}'

    assert caught.value.code == "not_executed"
    assert sent(journal) == ["two sent key-new-1", "two sent key-new-2"]


@pytest.mark.fault(87)
async def test_a_front_that_dies_loses_no_answer(start: Start, redis_url: str, session: str, journal: Path) -> None:
    await start("one")
    async with front(redis_url, session) as dying:
        call = asyncio.create_task(submit(dying))
        await until(lambda: sent(journal), "the order is sent")
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    async with front(redis_url, session, "another") as bus_client:
        answer = await submit(bus_client)

    assert answer in (b'{"by":"one","replayed":true}', b'{"by":"one","replayed":false}')
    assert sent(journal) == [f"one sent {KEY}"]
