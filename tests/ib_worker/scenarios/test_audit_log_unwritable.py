"""A log that can't be written stops every order and no read: Redis out of memory, and a disk that is really full."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.bus.controls.audit_log import read_back
from bridge.bus.keys import Keys
from bridge.bus.leadership.lease import LeaseLost
from bridge.bus.timing import BusTiming
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.pipeline import CommandPipeline
from cli.__main__ import main
from cli.local_stack.embedded_redis import EmbeddedRedis
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, order, trading
from tests.waiting import until

pytestmark = pytest.mark.fault(71, 80)

DISK = "12m"
# A test that outlasts the lease then takes seconds.
SHORT_LEASE = BusTiming(lease_s=3.0, margin_s=0.5, renew_s=0.5)


class Disk:
    """A file system of its own, small enough to be filled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)

    def free(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", path], capture_output=True)
    if mounted.returncode:
        pytest.skip("a file system of one's own takes the right to mount one")
    yield Disk(path)
    subprocess.run(["umount", "--lazy", path], check=True)


@pytest_asyncio.fixture
async def redis_on(disk: Disk) -> AsyncIterator[EmbeddedRedis]:
    async with EmbeddedRedis(disk.path / "redis") as redis:
        yield redis


async def verified(redis: EmbeddedRedis, session: str) -> bool:
    return await asyncio.to_thread(main, ["audit", "verify", "--redis", redis.url, "--session", session]) == 0


async def intents(redis: EmbeddedRedis, session: str) -> int:
    """How many orders' intents the log has on disk."""
    async with CommandPipeline(redis.url) as pipe:
        return sum([b'"event":"intent"' in line async for line in read_back(pipe, Keys(session), 100)])


async def lease(front: Caller, held: bool) -> None:
    """Wait until the lease has lapsed, since it could not be renewed, or is there again."""

    async def seen() -> bool:
        return bool(await front.bus_client.pipe.send("EXISTS", front.bus_client.keys.lease)) is held

    await until(seen, f"the lease is {'held' if held else 'lapsed'}")


async def test_out_of_memory_no_order_goes_and_reads_go_on(
    own_redis: EmbeddedRedis, session: str, sim: Simulator
) -> None:
    async with trading(own_redis.url, session, sim, bus_timing=SHORT_LEASE) as front:
        await front.submit("place_order", **order())
        await front.bus_client.pipe.send("CONFIG", "SET", "maxmemory", "1")
        held = await front.refused_order(**order(totalQuantity=2))
        await lease(front, held=False)
        later = await front.refused_order(**order(totalQuantity=3))
        positions = await front.ask("get_positions")
        fills = await front.ask("get_executions")
        assert len(sim.journal.orders()) == 1
        await front.bus_client.pipe.send("CONFIG", "SET", "maxmemory", "0")
        await lease(front, held=True)
        filled = await front.submit("place_order", **order(totalQuantity=4))
        whole = await verified(own_redis, session)

    assert [(each.code, each.details["reason"]) for each in (held, later)] == [("not_executed", "bus_down")] * 2
    assert (len(positions) > 0, len(fills), filled["status"], whole) == (True, 1, "Filled", True)
    assert len(sim.journal.orders()) == 2


async def test_on_a_full_disk_a_server_that_goes_on_lets_reads_pass_and_no_order(
    disk: Disk, redis_on: EmbeddedRedis, session: str, sim: Simulator
) -> None:
    """A server that syncs every second refuses writes from then on."""
    async with trading(redis_on.url, session, sim, bus_timing=SHORT_LEASE) as front:
        await front.submit("place_order", **order())
        await front.bus_client.pipe.send("CONFIG", "SET", "appendfsync", "everysec")
        disk.fill()

        async def refuses() -> bool:
            try:
                await front.bus_client.pipe.send("SET", "probe", "x" * 4096)
            except BusError as error:
                return "MISCONF" in str(error)
            return False

        await until(refuses, "the server has noticed")
        held = await front.refused_order(**order(totalQuantity=2))
        await lease(front, held=False)
        later = await front.refused_order(**order(totalQuantity=3))
        positions = await front.ask("get_positions")
        assert len(sim.journal.orders()) == 1
        disk.free()
        await lease(front, held=True)
        filled = await front.submit("place_order", **order(totalQuantity=4))
        whole = await verified(redis_on, session)

    assert [each.code for each in (held, later)] == ["not_executed"] * 2
    assert (len(positions) > 0, filled["status"], whole) == (True, "Filled", True)
    assert len(sim.journal.orders()) == 2


@pytest.mark.long
async def test_on_a_full_disk_a_server_that_syncs_every_write_ends_and_no_order_goes_without_its_intent(
    disk: Disk, redis_on: EmbeddedRedis, session: str, sim: Simulator
) -> None:
    """Such a server can't take back what it could not write, so it ends; nothing is answered until it is back."""
    codes: list[str] = []
    with suppress(LeaseLost):  # a worker's process stands by then, until Redis is back
        async with trading(redis_on.url, session, sim, bus_timing=SHORT_LEASE) as front:
            await front.submit("place_order", **order())
            disk.fill()
            codes.append((await front.refused_order(**order(totalQuantity=2))).code)
            assert redis_on.process is not None
            async with asyncio.timeout(10):
                await redis_on.process.wait()
            codes.append((await front.refused_order(**order(totalQuantity=3))).code)
            codes.append((await front.refused("get_positions")).code)
            disk.free()
    await redis_on.start()

    # The end of a page that the log had begun may still take an intent, and then its order may go.
    assert len(sim.journal.orders()) <= await intents(redis_on, session)
    assert codes[0] in ("not_executed", "unknown")
    assert codes[1:] == ["not_executed", "bus_down"]
    assert await verified(redis_on, session)
