"""`audit`: a log is exported and verified from its file, without memory for the whole of it."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.audit_chain import digest
from bridge.bus.controls.audit_log import AuditLog, read_head
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.__main__ import main
from cli.local_stack.embedded_redis import EmbeddedRedis
from cli.operator.audit_archive import Archive, archive_log
from tests.stacks.audit_log import leading


async def written(log: AuditLog, count: int) -> None:
    for number in range(count):
        await log.append("sent", key=f"key-{number}", orderId=number)


async def typed(redis_url: str, session: str, *words: str) -> int:
    return await asyncio.to_thread(main, ["audit", *words, "--redis", redis_url, "--session", session])


FILL = """
for i = tonumber(ARGV[1]), tonumber(ARGV[1]) + 1999 do
    redis.call('XADD', KEYS[1], i .. '-0', 'e', '{"seq":' .. i .. ',"pad":"' .. string.rep('x', 2000) .. '"}')
end
"""


def peak(*words: str) -> int:
    """The most memory that a command had, in bytes."""
    process = subprocess.Popen([sys.executable, "-m", "cli", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


async def test_an_export_needs_no_memory_for_the_whole_log(own_redis: EmbeddedRedis, session: str) -> None:
    async with CommandPipeline(own_redis.url) as pipe:
        for first in range(1, 40_000, 2_000):
            await pipe.send("EVAL", FILL, 1, Keys(session).audit, first)  # 80 MB
    where = ("--redis", own_redis.url, "--session", session, "--force")
    usual = await asyncio.to_thread(peak, "orders", *where)
    exporting = await asyncio.to_thread(peak, "audit", "export", *where)

    assert exporting - usual < 20_000_000


@pytest.mark.parametrize("damaged", [b'{"seq":1,"prev":"', b"\xff\xfe", b'{"seq":"one"}'])
def test_replaying_what_is_no_log_is_an_error_and_no_traceback(
    damaged: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_bytes(damaged)

    statuses = [main(["audit", "replay", "--file", str(tmp_path / each)]) for each in ("log", "nowhere", "")]

    told = capsys.readouterr().err
    assert statuses == [1, 1, 1]
    assert "not a complete audit log" in told
    assert "No such file" in told


async def test_an_export_is_verified_from_its_file(
    redis_url: str, session: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    async with leading(redis_url, session) as (bus, log):
        await written(log, 3)
        await archive_log(bus.pipe, bus.keys, Archive(tmp_path, session))
        await written(log, 2)
        capsysbinary.readouterr()
        await typed(redis_url, session, "export", "--archive", str(tmp_path))
        head = await read_head(bus.pipe, bus.keys.audit_head)
    exported = capsysbinary.readouterr().out
    (tmp_path / "export.jsonl").write_bytes(exported)
    verified = main(["audit", "verify", "--file", str(tmp_path / "export.jsonl")])
    refused = main(["audit", "archive", "--file", str(tmp_path / "export.jsonl")])
    missing = main(["audit", "verify", "--file", str(tmp_path / "nowhere")])

    assert (verified, refused, missing) == (0, 1, 1)
    assert [json.loads(line)["seq"] for line in exported.splitlines()] == [1, 2, 3, 4, 5]
    assert digest(exported.splitlines()[-1]) == head[1]
