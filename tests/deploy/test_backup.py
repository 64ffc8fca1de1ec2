"""A copy of Redis, and what a restore of it brings back: on a real server, by the scripts that a machine runs."""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.audit_chain import verify
from bridge.bus.controls.audit_log import AuditLog, read_head, read_log
from bridge.bus.controls.kill_switch import clear_halt, read_halt, set_halt
from bridge.bus.keys import Keys
from bridge.bus.records.records import RecordKeeper
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import find_server
from tests.deploy.tools import find_redis_client, needs_redis_client

VM = Path("deploy/vm").resolve()
STACK = Path("tests/deploy/stack.sh").resolve()
CLI = find_redis_client()
KEYS = Keys("paper")
TOKEN = 7
ORDERS = 40

pytestmark = needs_redis_client


class Machine:
    """One real server, and the scripts as root would call them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backups = folder / "backups"
        (folder / "data").mkdir()
        (folder / "bin").mkdir()
        client = folder / "bin" / "valkey-cli"
        client.write_text(f'#!/bin/sh\nexec {CLI} -s {folder}/socket "$@"\n')
        client.chmod(0o755)

    async def run(self, *command: str | Path, **environment: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE,
            env={
                **os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "FOLDER": str(self.folder),
                "SERVER": find_server(), "CLI": str(CLI), "IBKR": str(STACK),
                "BACKUP_DIR": str(self.backups), **environment,
            },
        )  # fmt: skip
        output, errors = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(), errors.decode()

    async def start(self) -> None:
        await self.run(STACK, "up", "redis")

    async def stop(self) -> None:
        await self.run(STACK, "stop", "redis")

    async def back_up(self, **environment: str) -> Path:
        code, output, errors = await self.run(VM / "backup.sh", **environment)
        assert code == 0, errors
        return Path(output.strip())

    def pipe(self) -> CommandPipeline:
        return CommandPipeline(f"unix://{self.folder}/socket")

    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()


@pytest_asyncio.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    machine = Machine(tmp_path)
    await machine.start()
    yield machine
    await machine.stop()


async def trade(pipe: CommandPipeline, orders: int) -> int:
    """What a leading worker leaves in Redis: ids handed out, records, and an audit log that chains them."""
    await pipe.send("SET", KEYS.lease, TOKEN)
    records, audit = RecordKeeper(pipe, KEYS, TOKEN), AuditLog(pipe, KEYS, TOKEN)
    for number in range(orders):
        key = f"order-{number}"
        orderId = await records.order_ids(floor=100)
        await audit.append("intent", key=key, orderId=orderId)
        await pipe.send("HSET", KEYS.order(key), "req", "{}", "st", "done", "orderId", orderId)
    return orderId


async def test_a_restore_brings_back_orders_the_audit_log_and_the_highest_order_id(machine: Machine) -> None:
    async with machine.pipe() as pipe:
        highest = await trade(pipe, ORDERS)
        head = await read_head(pipe, KEYS.audit_head)
    copy = await machine.back_up()
    async with machine.pipe() as pipe:
        await pipe.send("FLUSHALL")

    await machine.run(VM / "restore.sh", copy)

    async with machine.pipe() as pipe:
        lines = [line async for line in read_log(pipe, KEYS)]
        assert await pipe.send("HGET", KEYS.order(f"order-{ORDERS - 1}"), "st") == b"done"
        await pipe.send("SET", KEYS.lease, TOKEN)
        assert await RecordKeeper(pipe, KEYS, TOKEN).order_ids(floor=1) == highest + 1
    assert len(lines) == ORDERS
    assert list(verify(lines, head)) == []


async def test_what_is_restored_is_durable_again(machine: Machine) -> None:
    async with machine.pipe() as pipe:
        await trade(pipe, 3)
    copy = await machine.back_up()
    await machine.run(VM / "restore.sh", copy)
    async with machine.pipe() as pipe:
        await pipe.send("SET", KEYS.lease, TOKEN)
        await AuditLog(pipe, KEYS, TOKEN).append("intent", key="after the restore")

    await machine.stop()
    await machine.start()

    async with machine.pipe() as pipe:
        assert list(verify([line async for line in read_log(pipe, KEYS)], await read_head(pipe, KEYS.audit_head))) == []
        assert (await read_head(pipe, KEYS.audit_head))[0] == 4


async def test_a_restore_makes_the_worker_reconcile_before_it_writes(machine: Machine) -> None:
    volatile = (KEYS.generation, KEYS.lease, KEYS.heartbeat)
    async with machine.pipe() as pipe:
        await trade(pipe, 1)
        for each in volatile:
            await pipe.send("SET", each, "x")
    copy = await machine.back_up()

    await machine.run(VM / "restore.sh", copy)

    async with machine.pipe() as pipe:
        assert await pipe.send("EXISTS", *volatile) == 0
        assert await pipe.send("EXISTS", KEYS.order("order-0")) == 1


async def test_the_gateway_keeps_its_login_while_what_trades_is_stopped(machine: Machine) -> None:
    async with machine.pipe() as pipe:
        await trade(pipe, 1)
    copy = await machine.back_up()

    await machine.run(VM / "restore.sh", copy)

    stops = [line for line in machine.asked() if line.startswith("stop")]
    assert stops[:2] == ["stop front-paper worker-paper", "stop redis"]
    assert machine.asked()[-1] == "up -d --no-deps front-paper worker-paper"


async def test_what_redis_held_before_a_restore_is_set_aside(machine: Machine) -> None:
    copy = await machine.back_up()
    async with machine.pipe() as pipe:
        await trade(pipe, 1)

    _, output, _ = await machine.run(VM / "restore.sh", copy)

    aside = Path(output.split(" is in ")[1].split(" on its volume")[0])
    assert b"order-0" in b"".join(each.read_bytes() for each in (aside / "appendonlydir").iterdir())


async def test_a_restore_does_not_release_the_kill_switch_unseen(machine: Machine) -> None:
    copy = await machine.back_up()
    async with machine.pipe() as pipe:
        await set_halt(pipe, KEYS, "halt", "owner", "a test")

    code, _, errors = await machine.run(VM / "restore.sh", copy)

    assert code == 3
    assert KEYS.halt in errors
    assert "up -d --no-deps front-paper worker-paper" not in machine.asked()


async def test_a_switch_that_nobody_could_read_is_not_taken_for_released(machine: Machine) -> None:
    async with machine.pipe() as pipe:
        await set_halt(pipe, KEYS, "reduce_only", "owner", "a test")
    copy = await machine.back_up()
    await machine.stop()  # the usual reason to restore

    code, output, errors = await machine.run(VM / "restore.sh", copy)

    assert code == 3
    assert "restored" in output
    assert "not known" in errors
    assert f"{KEYS.halt} reduce_only" in errors  # what the copy has
    assert "front-paper worker-paper" in errors
    assert "up -d --no-deps front-paper worker-paper" not in machine.asked()


@pytest.mark.parametrize("served_since", [0, 2])
async def test_a_redis_that_has_lost_its_data_tells_of_no_switch_and_that_is_not_taken_for_released(
    machine: Machine, served_since: int
) -> None:
    async with machine.pipe() as pipe:
        await trade(pipe, 5)
    copy = await machine.back_up()
    async with machine.pipe() as pipe:
        await set_halt(pipe, KEYS, "halt", "owner", "a test")
        await pipe.send("FLUSHALL")
        if served_since:  # a worker has led, and begun a new log
            await trade(pipe, served_since)

    code, _, errors = await machine.run(VM / "restore.sh", copy)

    assert code == 3
    assert "not known" in errors
    assert "up -d --no-deps front-paper worker-paper" not in machine.asked()


async def test_a_copy_with_a_milder_switch_is_not_started(machine: Machine) -> None:
    async with machine.pipe() as pipe:
        await set_halt(pipe, KEYS, "reduce_only", "owner", "a test")
    copy = await machine.back_up()
    async with machine.pipe() as pipe:
        await set_halt(pipe, KEYS, "halt", "owner", "worse")

    code, _, errors = await machine.run(VM / "restore.sh", copy)

    assert code == 3
    assert f"{KEYS.halt} halt" in errors
    assert "up -d --no-deps front-paper worker-paper" not in machine.asked()


async def test_a_copy_with_a_stricter_switch_is_started_and_keeps_it(machine: Machine) -> None:
    async with machine.pipe() as pipe:
        await set_halt(pipe, KEYS, "halt", "owner", "worse")
    copy = await machine.back_up()
    async with machine.pipe() as pipe:
        await clear_halt(pipe, KEYS, "owner")
        await set_halt(pipe, KEYS, "reduce_only", "owner", "a test")

    code, _, errors = await machine.run(VM / "restore.sh", copy)

    assert code == 0, errors
    assert machine.asked()[-1] == "up -d --no-deps front-paper worker-paper"
    async with machine.pipe() as pipe:
        halt = await read_halt(pipe, KEYS)
    assert halt is not None
    assert halt.level == "halt"


async def test_a_damaged_copy_is_refused_before_anything_stops(machine: Machine) -> None:
    async with machine.pipe() as pipe:
        await trade(pipe, 5)
    copy = await machine.back_up()
    copy.write_bytes(copy.read_bytes()[:-20])

    code, _, _ = await machine.run(VM / "restore.sh", copy)

    assert code == 1
    assert not [line for line in machine.asked() if line.startswith("stop")]
    async with machine.pipe() as pipe:
        assert await pipe.send("EXISTS", KEYS.order("order-0")) == 1


async def test_a_copy_that_cannot_be_made_is_an_error_and_leaves_nothing(machine: Machine) -> None:
    await machine.stop()

    code, _, _ = await machine.run(VM / "backup.sh")

    assert code != 0
    assert list(machine.backups.iterdir()) == []
    await machine.start()


async def test_a_failed_backup_does_not_remove_older_ones(machine: Machine) -> None:
    old = machine.backups / "redis-20200101T000000Z.rdb"
    machine.backups.mkdir()
    old.touch()
    os.utime(old, (1, 1))
    await machine.stop()
    await machine.run(VM / "backup.sh")

    assert old.exists()
    await machine.start()
    await machine.back_up()
    assert not old.exists()


async def test_a_copy_is_for_root_alone_and_is_handed_to_the_command_that_takes_it_away(machine: Machine) -> None:
    copy = await machine.back_up(BACKUP_COPY=f"cp -t {machine.folder}")

    assert copy.stat().st_mode & 0o077 == 0
    assert (machine.folder / copy.name).read_bytes() == copy.read_bytes()


async def test_what_was_taken_away_is_enough_to_restore_from(machine: Machine) -> None:
    async with machine.pipe() as pipe:
        await trade(pipe, 1)
    away = machine.folder / "away"
    away.mkdir()
    copy = await machine.back_up(BACKUP_COPY=f"cp -t {away}")
    shutil.rmtree(machine.backups)
    async with machine.pipe() as pipe:
        await pipe.send("FLUSHALL")

    _, output, errors = await machine.run(VM / "restore.sh", away / copy.name)

    assert "restored" in output, errors
    async with machine.pipe() as pipe:
        assert await pipe.send("EXISTS", KEYS.order("order-0")) == 1
