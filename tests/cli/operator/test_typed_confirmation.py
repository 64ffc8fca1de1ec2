"""Only a person at a terminal, who types the very name, releases or approves."""

import io
import sys

import pytest

from bridge.bus.controls.approvals import Approval, ask_approval, waiting_approvals
from bridge.bus.controls.kill_switch import set_halt
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.operator_commands import led, level, typed
from tests.stacks.terminal import terminal


@pytest.mark.trial("A28")
async def test_without_a_terminal_nothing_is_released_or_approved(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe that says yes, or the very key, is a program's, such as a coding agent's."""
    await led(own_redis, "live")
    async with CommandPipeline(own_redis.url) as pipe:
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        await set_halt(pipe, Keys("live"), "halt", "anna", "odd fills")
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        for words in (["resume"], ["approve", "key-1"]):
            with monkeypatch.context() as patched:
                patched.setattr(sys, "stdin", io.StringIO("live\nkey-1\nyes\n"))
                assert await typed(own_redis, *words) == 1
        with pytest.raises(SystemExit):
            await typed(own_redis, "approve", "key-1", "--yes")
        waiting = await waiting_approvals(pipe, Keys("live"))

    said = capsys.readouterr().err
    assert "resume needs a terminal where a person types live" in said
    assert "approve needs a terminal where a person types key-1" in said
    assert await level(own_redis, "live") == "halt"
    assert [each.key for each in waiting] == ["key-1"]


@pytest.mark.trial("A28")
@pytest.mark.parametrize("words", [("resume",), ("approve", "key-1")])
@pytest.mark.parametrize("line", ["yes", "", "y", "KEY-1", "key-2", "liv"])
async def test_at_a_terminal_the_very_name_must_be_typed(
    own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], line: str
) -> None:
    await led(own_redis, "live")
    async with CommandPipeline(own_redis.url) as pipe:
        await set_halt(pipe, Keys("live"), "halt", "anna", "odd fills")
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        with terminal(monkeypatch) as person:
            person.type(line)
            status = await typed(own_redis, *words)
            shown = person.shown("nothing was done")
        waiting = await waiting_approvals(pipe, Keys("live"))

    assert status == 1
    assert ("halt by anna since " in shown) == (words == ("resume",))
    assert ("BUY 1 SPY" in shown) == (words != ("resume",))
    assert await level(own_redis, "live") == "halt"
    assert [each.key for each in waiting] == ["key-1"]
