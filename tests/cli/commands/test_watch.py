"""`watch`: plain lines in a pipe, and an end within a second, by Ctrl-C or with its reader."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from bridge.bus.events.event import EventDraft, SessionEvent
from bridge.bus.events.event_log import log_events
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.busy import BUSY_S
from tests.stacks.audit_log import leading
from tests.stacks.operator_commands import led

ROOT = Path(__file__).resolve().parents[3]


def watching(redis: EmbeddedRedis) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "cli", "watch", "--redis", redis.url],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


async def test_it_follows_until_ctrl_c_which_ends_it_within_a_second(own_redis: EmbeddedRedis) -> None:
    await led(own_redis, "live")
    process = watching(own_redis)
    try:
        assert process.stdout is not None
        first = process.stdout.readline()  # no worker writes its status here
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        took_s = time.monotonic() - began
    finally:
        process.kill()

    assert "no worker serves this session" in first
    assert "\x1b" not in first
    assert (process.returncode, errors) == (0, "")
    assert took_s < 1 + BUSY_S


async def test_it_ends_with_its_reader(own_redis: EmbeddedRedis) -> None:
    await led(own_redis, "live")
    process = watching(own_redis)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        async with leading(own_redis.url, "live") as (bus, _):
            draft = EventDraft("o1", "x", SessionEvent("order", "2026-01-02T03:04:05Z"))
            await log_events(bus.pipe, bus.keys, bus.lease.token, [draft])
            status = process.wait(timeout=20)
        assert process.stderr is not None
        errors = process.stderr.read()
        process.stderr.close()
    finally:
        process.kill()

    assert (status, errors) == (0, "")
