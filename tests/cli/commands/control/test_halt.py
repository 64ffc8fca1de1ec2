"""`halt`: any words are its reason, and its text names no command that releases the switch."""

import pytest

from bridge.bus.controls.kill_switch import read_halt
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.operator_commands import led, typed


async def test_a_halt_names_no_command_that_releases_it(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "demo")

    assert await typed(own_redis, "halt", "odd fills") == 0

    said = capsys.readouterr().out
    assert "Only the operator can release the switch" in said
    assert "resume" not in said


@pytest.mark.trial("E1")
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["stop", "–", "now"], "stop – now"),
        ([], "no reason given"),
        (["two\nlines\udcff"], "two lines"),
        (["x" * 300], "x" * 199 + "…"),
    ],
)
async def test_a_halt_at_the_command_line_takes_any_words_as_its_reason(
    own_redis: EmbeddedRedis, words: list[str], reason: str
) -> None:
    await led(own_redis, "demo")

    status = await typed(own_redis, "halt", *words)

    async with CommandPipeline(own_redis.url) as pipe:
        halt = await read_halt(pipe, Keys("demo"))
    assert halt is not None
    assert (status, halt.reason) == (0, reason)
