"""`approve`: what waits is told with its session, and what was read is what is approved."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from bridge.bus.controls.approvals import Approval, approval_state, ask_approval, waiting_approvals
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.operator_commands import led, typed
from tests.stacks.terminal import Terminal, terminal


async def test_what_waits_for_approval_is_told_with_its_session(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live")
    async with CommandPipeline(own_redis.url) as pipe:
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))

    listed = await typed(own_redis, "approve")
    wrong = await typed(own_redis, "approve", "key-2")
    unanswered = await typed(own_redis, "approve", "key-1")
    said = capsys.readouterr()

    assert (listed, wrong, unanswered) == (0, 1, 1)
    assert "live: 1 orders wait for approval" in said.out
    assert "live: BUY 1 SPY" in said.out
    assert "approve needs a terminal" in said.err
    assert "live: no order waits under key-2" in said.err


async def test_ctrl_c_at_the_question_approves_nothing_and_is_heard_at_once(own_redis: EmbeddedRedis) -> None:
    await led(own_redis, "live")
    async with CommandPipeline(own_redis.url) as pipe:
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        person, program = os.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli", "approve", "key-1", "--redis", own_redis.url,
            stdin=program, stdout=program, stderr=subprocess.PIPE, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which pytest-xdist ignores
        )  # fmt: skip
        asked = await asyncio.to_thread(Terminal(person).shown, "Type key-1 to approve: ")

        _, errors = await interrupted(process)  # what is typed never comes
        said = await asyncio.to_thread(Terminal(person).shown, "nothing was done")

        assert "BUY 1 SPY" in asked
        assert (process.returncode, "nothing was done" in said, errors) == (1, True, b"")
        assert [each.key for each in await waiting_approvals(pipe, Keys("live"))] == ["key-1"]


async def interrupted(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    """What it says to its end. A signal between the prompt and the read is heard with the next: a human types again."""
    ended = asyncio.ensure_future(process.communicate())
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        await asyncio.wait({ended}, timeout=3)
        if ended.done():
            break
    return await ended


async def test_what_was_read_is_what_is_approved(own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    await led(own_redis, "live")
    async with CommandPipeline(own_redis.url) as pipe:
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        with terminal(monkeypatch) as person:
            person.type("key-1")
            status = await typed(own_redis, "approve", "key-1")
            shown = person.shown("approved;")

        assert "BUY 1 SPY" in shown
        assert (status, await waiting_approvals(pipe, Keys("live"))) == (0, [])


async def test_an_order_is_refused_with_a_reason_and_without_a_terminal(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live")
    async with CommandPipeline(own_redis.url) as pipe:
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        without_key = await typed(own_redis, "approve", "--refuse", "too large")
        refused = await typed(own_redis, "approve", "key-1", "--refuse", "too large")
        twice = await typed(own_redis, "approve", "key-1", "--refuse", "too large")
        now = await approval_state(pipe, Keys("live"), "key-1")
    said = capsys.readouterr()

    assert (without_key, refused, twice) == (1, 0, 1)
    assert (now.state, now.reason) == ("refused", "too large")
    assert "live: BUY 1 SPY" in said.out
    assert "refused: too large" in said.out
    assert "--refuse needs the key" in said.err
